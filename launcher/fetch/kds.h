/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "launcher/base/launcher-error.h"
#include "policy/attest/platform-file.h"

G_BEGIN_DECLS

/**
 * SECTION: kds
 * @short_description: certificates from AMD's servers: a chip's CEK, ASK and ARK
 *
 * A server, and the cache that holds what it once gave, supply certificates and nothing
 * else: each is verified up to a root that the caller trusts before it is used, and up to
 * one of AMD's before it is kept.  The cache is $XDG_CACHE_HOME/sevlaunch/kds (0700), its
 * files 0600 and renamed into place; one that does not verify any more is forgotten.
 *
 *     https://kdsintf.amd.com/cek/id/CHIP-ID                               2084 bytes
 *     https://download.amd.com/developer/eula/sev/ask_ark_GENERATION.cert  ASK, ARK
 *
 * Source: AMD's sev-tool (src/commands.h), virtee/sevctl.
 */

#define KDS_DEFAULT_SECONDS 20

/** KdsOptions: as on the command line; zeroes are the defaults */
typedef struct {
    char *url;        /* (nullable): a server that stands for both, with the same paths */
    gboolean offline; /* ask nobody; the cache is looked at */
    int seconds;      /* that one try may take; 0: KDS_DEFAULT_SECONDS */
    char *chip_id;    /* (nullable): instead of what the platform says */
} KdsOptions;
void kds_options_clear (KdsOptions *options);

/** KDS_OPTION_ENTRIES: rows of a table of options; @options: a KdsOptions */
#define KDS_OPTION_ENTRIES(options)                                                        \
    { "kds",                                                                               \
      0,                                                                                   \
      0,                                                                                   \
      G_OPTION_ARG_STRING,                                                                 \
      &(options).url,                                                                      \
      "Fetch certificates from this server, not from AMD's",                               \
      "URL" },                                                                             \
        { "kds-timeout",                                                                   \
          0,                                                                               \
          0,                                                                               \
          G_OPTION_ARG_INT,                                                                \
          &(options).seconds,                                                              \
          "How long one try of a fetch may take (default: 20)",                            \
          "SECONDS" },                                                                     \
        { "chip-id",                                                                       \
          0,                                                                               \
          0,                                                                               \
          G_OPTION_ARG_STRING,                                                             \
          &(options).chip_id,                                                              \
          "The chip's id, to fetch its CEK (128 digits; default: the platform's)",         \
          "HEX" },                                                                         \
    {                                                                                      \
        "offline", 0, 0, G_OPTION_ARG_NONE, &(options).offline,                            \
            "Fetch nothing; what was fetched before is used", NULL                         \
    }

/** kds_options_check: Errors: %LAUNCHER_ERROR_USAGE: no URL of http or https, @seconds
 * outside of 0 to 600, --kds with --offline, a chip's id of another form. */
gboolean kds_options_check (const KdsOptions *options,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * kds_complete:
 * @certs: (inout): gets the CEK's signature, and ASK and ARK, where they are missing
 * @chip_id: (nullable): 128 digits, as the platform says; it or the option is needed for
 *   a CEK
 * @roots: (nullable): the owner's trusted roots, beside AMD's
 *
 * Does nothing if nothing is missing.  Blocks.  What could be had stays in @certs when a
 * later step fails.
 * Errors: %LAUNCHER_ERROR_CEK_MISSING (with @offline, or without @chip_id),
 *   %LAUNCHER_ERROR_KDS_NOT_FOUND, %LAUNCHER_ERROR_KDS_UNREACHABLE,
 *   %LAUNCHER_ERROR_KDS_ANSWER (a web page, a wrong size, another chip's certificate, one
 *   that does not verify), %LAUNCHER_ERROR_TOOL_MISSING, %G_IO_ERROR_CANCELLED.
 */
gboolean kds_complete (const KdsOptions *options,
                       PolicyPlatformCerts *certs,
                       const char *chip_id,
                       const PolicyRoots *roots,
                       GCancellable *cancellable,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
