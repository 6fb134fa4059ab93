/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/inspect/finding.h"

G_BEGIN_DECLS

/**
 * domain_fitness: whether a domain that somebody else defined can be launched and judged
 * @original: its XML, untrusted
 * @copy: the XML that would be started (domain_copy_build())
 * @own_boot_loader: the caller takes a boot that is not measured
 *
 * What domain_lint() finds in @copy, as far as the edit did not mend it, and what else a
 * launch cannot have.  %FINDING_INSECURE and %FINDING_FAIL: it must not be started.  Of the
 * guest policy nothing is said: the launch has its own rules for it.
 * Errors: %LAUNCHER_ERROR_CONFIG.
 * Returns: (transfer full) (element-type Finding) (nullable)
 */
GPtrArray *domain_fitness (const char *original,
                           const char *copy,
                           gboolean own_boot_loader,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** domain_fitness_refuses: @finding: whether a domain must not be started for it */
gboolean domain_fitness_refuses (const Finding *finding);

G_END_DECLS
