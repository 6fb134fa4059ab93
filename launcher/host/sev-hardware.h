/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/launcher-error.h"

G_BEGIN_DECLS

/**
 * SevHardware: is this a machine with SEV, as far as its own kernel tells
 * @SEV_HARDWARE_NONE: no SEV
 * @SEV_HARDWARE_UNUSABLE: the processor has SEV, but something stands in the way
 * @SEV_HARDWARE_USABLE: KVM can start SEV guests
 */
typedef enum {
    SEV_HARDWARE_NONE,
    SEV_HARDWARE_UNUSABLE,
    SEV_HARDWARE_USABLE,
} SevHardware;

/**
 * sev_hardware_probe:
 * @root: "" for this machine; another prefix of /proc, /sys and /dev in tests
 * @why: (out) (transfer full) (nullable): for %SEV_HARDWARE_UNUSABLE: what is in the way
 *   and what would help
 *
 * Looks at the flags in /proc/cpuinfo, the kvm_amd module's parameter and /dev/sev.  Only
 * decides where to try; what a platform is, its certificates tell.
 */
SevHardware sev_hardware_probe (const char *root, char **why);

/**
 * sev_hardware_has_es:
 * @root: as above
 *
 * Returns: whether KVM can start SEV-ES guests: kvm_amd's parameter sev_es, which the
 *   kernel clears when there are no ASIDs for them.  libvirt's maxESGuests only repeats
 *   CPUID
 */
gboolean sev_hardware_has_es (const char *root);

G_END_DECLS
