/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/flow/launch-owner.h"

G_BEGIN_DECLS

/**
 * SECTION: launch-domain
 * @short_description: launching a domain that somebody else defined
 *
 * Its XML, which the host keeps, stands for the options that say what boots and on what;
 * it is judged as they are.
 */

/** launch_domain_check: Errors: %LAUNCHER_ERROR_USAGE: options beside --domain. */
gboolean launch_domain_check (const LaunchOptions *options,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * launch_domain_take:
 * @options: (inout): filled in from the domain
 * @owner: (inout): its place is chosen; gets the domain
 *
 * Before there are threads, and before anything of the owner's is read.
 * Errors: of domain_source_ask(), of domain_copy_read(), %LAUNCHER_ERROR_FILE,
 *   %LAUNCHER_ERROR_DOMAIN_POLICY (the XML's guest policy contradicts the options, or is
 *   weaker than the default and nobody asked for it), %LAUNCHER_ERROR_DOMAIN_INSECURE and
 *   %LAUNCHER_ERROR_DOMAIN_UNFIT (what domain_fitness() finds, all of it).
 */
gboolean launch_domain_take (LaunchOptions *options,
                             LaunchOwner *owner,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
