/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "ovmf-hooks/secret-guids.h"
#include "ovmf-hooks/secret-table.h"
#include "policy/verdict.h"
#include "sev/base/sev-secret.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: release
 * @short_description: which secrets may go to which boot chain
 *
 * OWNER/releases/NAME/release.conf, a key file:
 *
 *     [release]
 *     format=1
 *     image=disk.qcow2                     base name of the image
 *     luks-uuid=UUID                       of the encrypted partition
 *     [boot]
 *     firmware=HEX64;HEX64                 SHA-256 of firmware images, at least one
 *     uki=HEX64                            or kernel=, initrd= and cmdline=
 *     vcpus=N                              as many, with SEV-ES only; any if not given
 *     [secrets]
 *     luks-key=FILE                        an alias or GUID, and a file beside release.conf
 *     luks-header-sha256=HEX64             makes the "luks-header" pin
 *     luks-header-length=BYTES
 *
 * "cmdline" is the SHA-256 that stands in the hash table: of the text with its NUL.  An
 * unknown key or group is an error.
 */
typedef struct _PolicyRelease PolicyRelease;

#define POLICY_RELEASES_DIR "releases"
#define POLICY_RELEASE_CONF "release.conf"
#define POLICY_SECRET_FILE_MAX_SIZE SEV_SECRET_MAX_SIZE

PolicyRelease *policy_release_ref (PolicyRelease *release);
void policy_release_unref (PolicyRelease *release);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyRelease, policy_release_unref)

/**
 * policy_release_parse:
 * @name: name of the release's directory, for messages
 * @text: (array length=len): content of release.conf
 *
 * No file but @text is read: secrets are not loaded.
 * Errors: %POLICY_ERROR_RELEASE_SYNTAX.
 */
PolicyRelease *policy_release_parse (const char *name,
                                     const char *text,
                                     gsize len,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

const char *policy_release_get_name (const PolicyRelease *release);
/** policy_release_get_image: (nullable) */
const char *policy_release_get_image (const PolicyRelease *release);
/** policy_release_get_luks_uuid: (nullable): lower case */
const char *policy_release_get_luks_uuid (const PolicyRelease *release);
/** policy_release_is_uki: boots one unified kernel image; else kernel, initrd, cmdline */
gboolean policy_release_is_uki (const PolicyRelease *release);
/** policy_release_get_uki: Returns: (nullable): 32 bytes; likewise kernel, initrd, cmdline
 */
const guint8 *policy_release_get_uki (const PolicyRelease *release);
const guint8 *policy_release_get_kernel (const PolicyRelease *release);
const guint8 *policy_release_get_initrd (const PolicyRelease *release);
const guint8 *policy_release_get_cmdline (const PolicyRelease *release);
/** policy_release_get_vcpus: 0 if any number will do */
guint policy_release_get_vcpus (const PolicyRelease *release);
guint policy_release_n_firmware (const PolicyRelease *release);
const guint8 *policy_release_get_firmware (const PolicyRelease *release, guint index);
/** policy_release_allows_firmware: Returns: %TRUE if @sha256 is pinned */
gboolean policy_release_allows_firmware (const PolicyRelease *release,
                                         const guint8 sha256[SEV_DIGEST_SIZE]);

/** policy_release_n_secrets: with the header pin */
guint policy_release_n_secrets (const PolicyRelease *release);
/**
 * policy_release_fill_table:
 * Adds every secret, and the header pin, to @table.
 * Errors: %POLICY_ERROR_RELEASE_SECRET (also for a release whose files were not loaded),
 *   %POLICY_ERROR_SECRET_TOO_LARGE.
 */
gboolean policy_release_fill_table (const PolicyRelease *release,
                                    OvmfSecretTable *table,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** PolicyFirmwarePin: who says that a firmware boots nothing but what is measured */
typedef enum {
    POLICY_FIRMWARE_UNPINNED,   /* nobody, or --accept-firmware */
    POLICY_FIRMWARE_BY_RELEASE, /* the release */
    POLICY_FIRMWARE_BY_OWNER,   /* the owner's file trusted-firmware */
    POLICY_FIRMWARE_UNKNOWN,    /* nobody was asked */
} PolicyFirmwarePin;

/** policy_firmware_pin_name: "unpinned", "release", "owner" or "unknown"; static storage */
const char *policy_firmware_pin_name (PolicyFirmwarePin pin);
/** policy_firmware_pin_holds: a release or the owner pins it; what is not known does not */
gboolean policy_firmware_pin_holds (PolicyFirmwarePin pin);

/** PolicyBoot: what a launch measures */
typedef struct {
    guint8 firmware[SEV_DIGEST_SIZE];
    PolicyFirmwarePin firmware_pin;
    gboolean firmware_accepted; /* by the owner for this launch (--accept-firmware) */
    gboolean allow_unmeasured;  /* by the owner for this launch */
    gboolean measured;          /* kernel hashes are on; else what follows is not used */
    gboolean uki;               /* @kernel is of a unified kernel image */
    guint8 kernel[SEV_DIGEST_SIZE];
    guint8 initrd[SEV_DIGEST_SIZE];  /* as in the hash table */
    guint8 cmdline[SEV_DIGEST_SIZE]; /* as in the hash table */
    gboolean es;                     /* @vcpus are measured */
    guint vcpus;
} PolicyBoot;

/**
 * policy_release_check:
 * Records %POLICY_CHECK_FIRMWARE and %POLICY_CHECK_BOOT.  Every difference is a reason of
 * its own: firmware-not-released, boot-unmeasured, boot-kind-differs, uki-not-released,
 * kernel-not-released, initrd-not-released, cmdline-not-released, vcpus-not-released.
 *
 * Firmware that the owner trusts (%POLICY_FIRMWARE_BY_OWNER) needs no pin of the release.
 * A UKI boots with no initrd and an empty command line, else initrd-not-released and
 * cmdline-not-released.  What the owner accepts for this launch is waived instead, and
 * stands in the list of what is unproven.
 *
 * Returns: %TRUE if nothing differs that was not accepted
 */
gboolean policy_release_check (const PolicyRelease *release,
                               const PolicyBoot *boot,
                               PolicyVerdict *verdict);

/** PolicyReleaseSpec: what to write; digests NULL where they do not apply */
typedef struct {
    const char *image;     /* (nullable) */
    const char *luks_uuid; /* (nullable) */
    const guint8 (*firmware)[SEV_DIGEST_SIZE];
    guint n_firmware; /* at least 1 */
    const guint8 *uki;
    const guint8 *kernel; /* with initrd and cmdline, as in the hash table */
    const guint8 *initrd;
    const guint8 *cmdline;
    guint vcpus;                      /* 0: any number */
    const guint8 *luks_header_sha256; /* (nullable) */
    guint64 luks_header_length;
    const char *const *secret_names; /* aliases or GUIDs */
    SevSecret *const *secret_values; /* written to files of their own, 0600 */
    guint n_secrets;
} PolicyReleaseSpec;

G_END_DECLS
