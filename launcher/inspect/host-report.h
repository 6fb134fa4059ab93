/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/inspect/host-check.h"

G_BEGIN_DECLS

/** HostReport: what a report is made of; borrowed */
typedef struct {
    const HostFacts *facts;
    const LibvirtFacts *libvirt;      /* (nullable) */
    const HostPsp *psp;               /* (nullable) */
    const GPtrArray *checks;          /* (element-type Finding) */
    const GPtrArray *firmware;        /* (element-type FirmwareEntry) */
    const char *const *private_words; /* names that must not be in it, with what stands for
                                         each: "NAME", "<host>", …, NULL */
} HostReport;

/**
 * host_report_build:
 *
 * The file that a user may send to others: what the machine can do, versions, settings and
 * findings.  No certificates, no id or serial number of the chip or machine, and none of
 * @private_words.
 * Returns: (transfer full): "sevlaunch.doctor-report/1"
 */
JsonObject *host_report_build (const HostReport *report);

/**
 * host_report_private_words: names of this host, and names and home directories of the
 * caller, also of who became root through sudo or pkexec
 * Returns: (transfer full): pairs, as in #HostReport
 */
char **host_report_private_words (void);

/** host_report_redact: Returns: (transfer full): @text with each private word, where it
 * stands for itself, and whatever lies below /home replaced */
char *host_report_redact (const char *text, const char *const *private_words);

G_END_DECLS
