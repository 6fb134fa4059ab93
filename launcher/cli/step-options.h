/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/cli/command.h"
#include "policy/attest/boot-inputs.h"
#include "policy/attest/owner-measure.h"
#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/**
 * SECTION: step-options
 * @short_description: options that the owner's single steps share
 *
 * measure, verify, secret and why take what boots, and what the host answered, from the
 * command line and from files; none of them talks to a host.
 */

/** StepBootOptions: as written on the command line; all nullable */
typedef struct {
    char *firmware;
    char *kernel;
    char *initrd;
    char *append;
    char *policy;
    char *vcpus; /* "N" or "A-B" */
    char *cpu;   /* "FAMILY,MODEL,STEPPING" or a model of QEMU's */
    char *vmsa;  /* "legacy" or "init2" */
} StepBootOptions;
void step_boot_options_clear (StepBootOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (StepBootOptions, step_boot_options_clear)

/** StepReportOptions: keys, and what the host answered */
typedef struct {
    char *measurement; /* base64 of 48 bytes, or a file */
    char *tik;
    char *tek;
    char *tk;     /* TEK || TIK in one file */
    char *digest; /* the launch digest itself, instead of files */
    char *api;    /* "0.24" */
    char *build;
    gboolean allow_legacy;
} StepReportOptions;
void step_report_options_clear (StepReportOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (StepReportOptions, step_report_options_clear)

/**
 * step_entries:
 * @boot: (nullable): its options are added
 * @report: (nullable): likewise
 * @own: the command's own, ends with a NULL name; they come first
 * Returns: (transfer full) (element-type GOptionEntry): for command_parse()
 */
GArray *step_entries (StepBootOptions *boot,
                      StepReportOptions *report,
                      const GOptionEntry *own);

/** StepBoot: what boots, read and hashed */
typedef struct {
    PolicyBootInputs *inputs; /* (nullable): %NULL with --digest */
    GBytes *image;            /* (nullable): the firmware */
    guint32 policy;
    gboolean has_policy; /* else @policy is the default */
    gboolean es;         /* processors are measured */
    guint first;         /* number of processors; first to last are all right */
    guint last;
    PolicyVcpus vcpus; /* with @es; its count is @first */
    gboolean any_form; /* --vmsa was not given */
} StepBoot;
void step_boot_clear (StepBoot *boot);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (StepBoot, step_boot_clear)

/**
 * step_boot_read:
 * @need_firmware: %FALSE where the digest may be given instead
 * @out: (out caller-allocates): zeroes on entry
 *
 * Errors: %LAUNCHER_ERROR_USAGE, %LAUNCHER_ERROR_FIRMWARE_MISSING,
 *   %LAUNCHER_ERROR_FIRMWARE_UNSUITABLE, %LAUNCHER_ERROR_FILE,
 *   %POLICY_ERROR_GUEST_POLICY.
 */
gboolean step_boot_read (const StepBootOptions *options,
                         gboolean need_firmware,
                         StepBoot *out,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** StepReport: keys and measurement; its launch digest is not set unless it was given */
typedef struct {
    SevSecret *tik;
    SevSecret *tek; /* (nullable) */
    char *tik_path; /* (nullable): where the TIK was read */
    guint8 report[sizeof (SevMeasureWire)];
    gsize report_len; /* what was given may have another length */
    gboolean has_digest;
    PolicyMeasureInput input; /* its report points into this structure */
} StepReport;
void step_report_clear (StepReport *report);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (StepReport, step_report_clear)

/**
 * step_report_read:
 * @need_version: --api and --build must be given
 * @out: (out caller-allocates): zeroes on entry
 * Errors: %LAUNCHER_ERROR_USAGE, %LAUNCHER_ERROR_FILE,
 *   %POLICY_ERROR_MEASUREMENT_MALFORMED.
 */
gboolean step_report_read (const StepReportOptions *options,
                           gboolean need_version,
                           StepReport *out,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** step_usage: sets %LAUNCHER_ERROR_USAGE. Returns: %FALSE */
gboolean step_usage (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/** step_base64_decode: Returns: (transfer full) (nullable): %NULL unless it is base64 text,
 * with blanks at most behind it */
GBytes *step_base64_decode (const char *text);

/** step_boot_json: adds firmware, kernel, initrd, cmdline and what is said of processors */
void step_boot_json (const StepBoot *boot, JsonObject *object);
/** step_hex_json: a member with the hexadecimal text of public bytes */
void step_hex_json (JsonObject *object, const char *name, const void *data, gsize len);

G_END_DECLS
