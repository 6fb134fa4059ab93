/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/inspect/finding.h"

G_BEGIN_DECLS

#define DOMAIN_LINT_MAX_SIZE (1024u * 1024u) /* bytes of XML */

/**
 * DomainLint: what stands in the way of a verified launch with secrets
 * @findings: (element-type Finding): none for a domain that sevlaunch would write; ids:
 *   sevlaunch-lint(1)
 * @name: (nullable): the domain's
 * @loader: (nullable): path of its firmware, for firmware_info_read()
 */
typedef struct {
    GPtrArray *findings;
    char *name;
    char *loader;
} DomainLint;

/**
 * domain_lint:
 * @text: (array length=len): domain XML of libvirt, untrusted
 *
 * Only reads.  %FINDING_INSECURE: a secret would be in the host's reach;
 * %FINDING_FAIL: there would be no SEV guest, or none that takes secrets.
 * Source: libvirt, "Domain XML format" and "Launch security with AMD SEV"; QEMU,
 * docs/system/i386/amd-memory-encryption.rst.
 * Errors: %LAUNCHER_ERROR_CONFIG.
 * Returns: (transfer full) (nullable)
 */
DomainLint *domain_lint (const char *text,
                         gsize len,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

void domain_lint_free (DomainLint *lint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DomainLint, domain_lint_free)

G_END_DECLS
