/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "policy/attest/owner-session.h"
#include "policy/policy-error.h"

G_BEGIN_DECLS

/**
 * SECTION: courier-file
 * @short_description: the four files that owner and host send each other
 *
 *     platform     host -> owner: the platform's certificates
 *     bundle       owner -> host: the session, and what is to boot
 *     measurement  host -> owner: what the platform measured
 *     packet       owner -> host: the secrets, encrypted to that launch
 *
 * Key files (GKeyFile) with one group, "courier-platform" and so on, binary values in
 * base64; unknown keys are errors.  The last three name the session by its id
 * (policy_session_get_id()); the first is made before there is one, and the bundle names it
 * by its PDH.  All of them travel through other hands, so nothing in one is trusted for
 * where it is said to come from: the chain, the session's keys and the owner's ledger
 * decide.  They hold nothing secret.
 *
 * Every parser: Errors: %POLICY_ERROR_COURIER_FILE.
 */

#define POLICY_COURIER_FILE_MAX 65536u
#define POLICY_COURIER_DATA_MAX 16384u /* of a packet's ciphertext */
#define POLICY_COURIER_CMDLINE_MAX 2048u

/** PolicyCourierPlatform: what a host says of its platform */
typedef struct {
    guint8 id[SEV_DIGEST_SIZE]; /* SHA-256 of @pdh */
    GBytes *pdh;                /* 2084 bytes */
    GBytes *cert_chain;         /* PEK || OCA || CEK, 6252 bytes */
    GBytes *cek;                /* (nullable): with the ASK's signature, 2084 bytes */
    GBytes *ask;                /* (nullable): of the other two as AMD's sizes are */
    GBytes *ark;                /* (nullable) */
    char *chip_id;              /* (nullable): lower-case hexadecimal digits */
    char *cpu;                  /* (nullable): libvirt's name of the model its guests get */
} PolicyCourierPlatform;

void policy_courier_platform_clear (PolicyCourierPlatform *platform);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PolicyCourierPlatform, policy_courier_platform_clear)
/** policy_courier_platform_parse: @out: (out caller-allocates): empty on error */
gboolean policy_courier_platform_parse (const char *text,
                                        gsize len,
                                        PolicyCourierPlatform *out,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** policy_courier_platform_format: @id is not looked at. Returns: (transfer full) */
char *policy_courier_platform_format (const PolicyCourierPlatform *platform);

/** PolicyCourierBundle: what a host needs for a launch */
typedef struct {
    guint8 session[POLICY_SESSION_ID_SIZE]; /* of @blob; the parser compares */
    guint8 platform[SEV_DIGEST_SIZE];       /* PolicyCourierPlatform.id */
    char *name;                             /* of the guest */
    guint32 policy;
    GBytes *cert; /* the owner's, 2084 bytes */
    GBytes *blob; /* 128 bytes */
    guint8 firmware[SEV_DIGEST_SIZE];
    gboolean uki;      /* @hashes.kernel is of a unified kernel image */
    OvmfHashes hashes; /* of kernel, initrd and command line */
    char *cmdline;     /* "" for none */
    guint vcpus;
    guint memory; /* MiB */
    char *cpu;    /* (nullable): model that the processors must have; with SEV-ES */
} PolicyCourierBundle;

void policy_courier_bundle_clear (PolicyCourierBundle *bundle);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PolicyCourierBundle, policy_courier_bundle_clear)
gboolean policy_courier_bundle_parse (const char *text,
                                      gsize len,
                                      PolicyCourierBundle *out,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *policy_courier_bundle_format (const PolicyCourierBundle *bundle);

/** PolicyCourierMeasurement: what QEMU answered on the host */
typedef struct {
    guint8 session[POLICY_SESSION_ID_SIZE];
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    GBytes *report;      /* MEASURE || MNONCE, 48 bytes */
    GBytes *attestation; /* (nullable): the platform's report, 208 bytes, asked for with
                            policy_report_nonce_early() */
} PolicyCourierMeasurement;

void policy_courier_measurement_clear (PolicyCourierMeasurement *measurement);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PolicyCourierMeasurement,
                                  policy_courier_measurement_clear)
gboolean policy_courier_measurement_parse (const char *text,
                                           gsize len,
                                           PolicyCourierMeasurement *out,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *policy_courier_measurement_format (const PolicyCourierMeasurement *measurement);

/** PolicyCourierPacket: that the launch was verified, and its secrets if it gets any */
typedef struct {
    guint8 session[POLICY_SESSION_ID_SIZE];
    GBytes *report; /* the measurement that was verified, 48 bytes */
    GBytes *header; /* (nullable): 52 bytes */
    GBytes *data;   /* (nullable) with @header: 1 to %POLICY_COURIER_DATA_MAX bytes */
} PolicyCourierPacket;

void policy_courier_packet_clear (PolicyCourierPacket *packet);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PolicyCourierPacket, policy_courier_packet_clear)
gboolean policy_courier_packet_parse (const char *text,
                                      gsize len,
                                      PolicyCourierPacket *out,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *policy_courier_packet_format (const PolicyCourierPacket *packet);

/**
 * policy_courier_check_session: that two files are of one session
 * @what: the file that was looked at, for the message
 * Errors: %POLICY_ERROR_COURIER_SESSION.
 */
gboolean policy_courier_check_session (const guint8 expected[POLICY_SESSION_ID_SIZE],
                                       const guint8 found[POLICY_SESSION_ID_SIZE],
                                       const char *what,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
