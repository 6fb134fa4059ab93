/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/inspect/finding.h"
#include "launcher/inspect/host-facts.h"
#include "launcher/inspect/libvirt-facts.h"

G_BEGIN_DECLS

/**
 * SECTION: host-check
 * @short_description: facts in, findings out: what keeps this host from starting SEV guests
 *
 * Each check adds exactly one finding, also when all is well, so that a report shows what
 * was looked at.  Ids: sevlaunch-doctor(1).
 */

/** HostPsp: the platform's firmware; @known is %FALSE where it could not be asked */
typedef struct {
    gboolean known;
    const char *problem; /* (nullable): why it could not */
    guint api_major;
    guint api_minor;
    guint build;
    const char *state;
} HostPsp;

/** host_check_machine: "cpu", "cpu-es", "asids", "kvm-amd", "kvm-amd-es", "dev-sev",
 * "dev-kvm", "memlock" */
void host_check_machine (const HostFacts *facts, GPtrArray *out);

/**
 * host_check_apparmor: "apparmor"
 * @datadir: where sevlaunch's firmware is
 */
void host_check_apparmor (const HostFacts *facts, const char *datadir, GPtrArray *out);

/** host_check_psp: "psp-firmware" */
void host_check_psp (const HostPsp *psp, GPtrArray *out);

/** host_check_libvirt: "libvirt", "libvirt-version", "qemu-version", "libvirt-sev" */
void host_check_libvirt (const HostFacts *facts,
                         const LibvirtFacts *libvirt,
                         GPtrArray *out);

/** host_check_programs: "tools"; needed on emulated hosts too */
void host_check_programs (const HostFacts *facts, GPtrArray *out);

/**
 * host_check_firmware: "firmware"
 * @datadir: where sevlaunch's own is
 */
void host_check_firmware (const char *datadir, GPtrArray *out);

G_END_DECLS
