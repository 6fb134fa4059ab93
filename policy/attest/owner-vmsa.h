/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-vmsa-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: owner-vmsa
 * @short_description: the processors that the owner of a SEV-ES guest expects
 *
 * QEMU resets each virtual processor, KVM writes that state into its save area, and the
 * platform measures the areas in the order of the processors.  So the launch digest proves
 * their number, their CPUID signature and where each begins to execute.
 */

/* As many as QEMU's q35 takes at most. */
#define POLICY_MAX_VCPUS 4096u

/**
 * PolicyVmsaForm: two ways in which KVM fills the area
 * @POLICY_VMSA_LEGACY: KVM_SEV_ES_INIT: the registers of the FPU stay zero
 * @POLICY_VMSA_INIT2: KVM_SEV_INIT2: with MXCSR and FCW
 *
 * QEMU up to 9.0 knows the first only; from 9.1 on "legacy-vm-type" of sev-guest decides.
 */
typedef enum {
    POLICY_VMSA_LEGACY,
    POLICY_VMSA_INIT2,
} PolicyVmsaForm;

/** policy_vmsa_form_name: Returns: "legacy" or "init2"; static storage */
const char *policy_vmsa_form_name (PolicyVmsaForm form);

/** PolicyVcpus: what the owner says of a guest's processors */
typedef struct {
    guint count;        /* 1 to %POLICY_MAX_VCPUS */
    guint32 signature;  /* EAX of CPUID leaf 1: family, model, stepping */
    guint32 reset_addr; /* OvmfImageInfo.es_reset_addr: where all but the first begin */
    PolicyVmsaForm form;
    guint64 features; /* SEV_FEATURES; 20h where the host's kernel sets DebugSwap */
} PolicyVcpus;

/**
 * policy_vcpus_variant:
 * @index: from 0
 * @vcpus: (inout): @form and @features are set
 *
 * The ways in which an honest host may fill the areas; its QEMU and kernel decide, and none
 * is worse for the guest: the older form, the newer one, and the older one of a kernel that
 * sets DebugSwap by itself (Linux 6.6 to 6.8).
 *
 * Returns: %FALSE if there are not so many
 */
gboolean policy_vcpus_variant (guint index, PolicyVcpus *vcpus);

/**
 * policy_cpu_signature:
 * @model: name that libvirt gives to QEMU's model, "EPYC"
 * @out: (out): EAX of CPUID leaf 1
 *
 * Returns: %FALSE for a model that is not known here
 */
gboolean policy_cpu_signature (const char *model, guint32 *out) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_cpu_signature_parse:
 * @text: a model, or "FAMILY,MODEL,STEPPING" in decimal
 * @problem: (out) (transfer full): why not, for whoever wrote @text
 */
gboolean policy_cpu_signature_parse (const char *text,
                                     guint32 *out,
                                     char **problem) G_GNUC_WARN_UNUSED_RESULT;

/** policy_cpu_models: Returns: (transfer full): the models that policy_cpu_signature()
 * knows, with commas between them */
char *policy_cpu_models (void);

/** policy_cpu_signature_make: @family: 0 to 10Eh, @model: 0 to FFh, @stepping: 0 to Fh */
guint32 policy_cpu_signature_make (guint family, guint model, guint stepping);

/**
 * policy_vmsa_build:
 * @index: of the processor; 0 is the one that boots
 * @out: (out caller-allocates): its save area
 */
void policy_vmsa_build (const PolicyVcpus *vcpus, guint index, SevVmsaWire *out);

G_END_DECLS
