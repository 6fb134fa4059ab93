/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-vmsa-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: vmsa
 * @short_description: save areas of a SEV-ES guest's processors, as QEMU and KVM make them
 *
 * On a real host QEMU resets its processors, KVM takes their registers over and writes them
 * into the save areas when the launch is measured.  Here both are played; QEMU's own
 * processors, which run the guest, do not see these areas.
 */

/** VmsaKind: what a guest's areas have in common */
typedef struct {
    guint32 signature;  /* EAX of CPUID leaf 1 of the model that QEMU emulates */
    guint32 reset_addr; /* the firmware's SEV-ES reset block */
    gboolean init2;     /* KVM_SEV_INIT2 instead of KVM_SEV_ES_INIT */
} VmsaKind;

/** vmsa_build: @index: of the processor; 0 boots.  @out: (out caller-allocates) */
void vmsa_build (const VmsaKind *kind, guint index, SevVmsaWire *out);

/**
 * vmsa_cpu_signature:
 * @cpu: (nullable): value of QEMU's -cpu; %NULL for q35's default
 * @kvm: whether QEMU runs with KVM: "max" is then this machine's processor
 * @out: (out): EAX of CPUID leaf 1
 *
 * The models are QEMU's (target/i386/cpu.c); "family", "model" and "stepping" may be given
 * as properties.
 * Errors: %HOST_ERROR_GUEST: a model that is not in the table, or a property that QEMU
 * would refuse.
 */
gboolean vmsa_cpu_signature (const char *cpu, gboolean kvm, guint32 *out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
