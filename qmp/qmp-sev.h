/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qmp/qmp-client.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-sev
 * @short_description: the SEV commands of QMP, typed
 *
 * Source: QEMU 7.2 and 10.0, qapi/misc-target.json.  Decoding is strict: a
 * missing member, another type, a number out of range, bytes of another length
 * are %QMP_ERROR_PROTOCOL.  Members that are not named here are ignored.
 * Nothing that comes back is verified: the host may have written it.
 *
 * Every _finish function takes the client given to its _async half.  Errors:
 * %QMP_ERROR, %QMP_PEER_ERROR, %G_IO_ERROR_CANCELLED.
 */

#define QMP_SEV_MEASURE_SIZE 48u /* MEASURE (32) || MNONCE (16) */
#define QMP_SEV_PDH_SIZE 2084u   /* one SEV certificate */
#define QMP_SEV_CHAIN_SIZE 6252u /* PEK, OCA, CEK: three SEV certificates */
#define QMP_SEV_CPU_ID_MAX 64u   /* GET_ID: 64 bytes a socket */
#define QMP_SEV_NONCE_SIZE 16u
#define QMP_SEV_REPORT_SIZE 208u       /* ATTESTATION: nonce, digest, policy, signature */
#define QMP_SEV_PACKET_HEADER_SIZE 52u /* FLAGS (4) || IV (16) || MAC (32) */

/**
 * QmpSevState:
 *
 * SevState of qapi/misc-target.json, in its order.
 */
typedef enum {
    QMP_SEV_STATE_UNINIT,
    QMP_SEV_STATE_LAUNCH_UPDATE,
    QMP_SEV_STATE_LAUNCH_SECRET,
    QMP_SEV_STATE_RUNNING,
    QMP_SEV_STATE_SEND_UPDATE,
    QMP_SEV_STATE_RECEIVE_UPDATE,
} QmpSevState;

/**
 * qmp_sev_state_to_string:
 * @state: a state
 *
 * Returns: (transfer none): QEMU's word for it, "launch-secret"
 */
const char *qmp_sev_state_to_string (QmpSevState state);

/**
 * QmpSevInfo:
 * @enabled: whether the guest is an SEV guest; all else is 0 when not
 * @snp: "sev-type" is "sev-snp" (QEMU 9.1 and later); then @policy and @handle
 *   are 0 and @snp_policy counts
 * @api_major: version of the firmware's API
 * @api_minor: version of the firmware's API
 * @build_id: build number of the firmware
 * @state: of the guest
 * @policy: the guest policy as the host tells it
 * @handle: firmware handle of the guest
 * @snp_policy: SNP guest policy
 */
typedef struct {
    gboolean enabled;
    gboolean snp;
    guint8 api_major;
    guint8 api_minor;
    guint8 build_id;
    QmpSevState state;
    guint32 policy;
    guint32 handle;
    guint64 snp_policy;
} QmpSevInfo;

void qmp_sev_query_async (QmpClient *client,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);

/**
 * qmp_sev_query_finish: (of query-sev)
 * @info: (out caller-allocates): zeroes on error
 *
 * Returns: %TRUE on success
 */
gboolean qmp_sev_query_finish (QmpClient *client,
                               GAsyncResult *result,
                               QmpSevInfo *info,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * QmpSevCapabilities:
 * @pdh: %QMP_SEV_PDH_SIZE bytes
 * @cert_chain: %QMP_SEV_CHAIN_SIZE bytes
 * @cpu0_id: (nullable): 1 to %QMP_SEV_CPU_ID_MAX bytes; QEMU 7.1 and later
 * @cbitpos: bit of a guest address that means encrypted, 0 to 63
 * @reduced_phys_bits: address bits lost, 0 to 63
 */
typedef struct {
    GBytes *pdh;
    GBytes *cert_chain;
    GBytes *cpu0_id;
    guint cbitpos;
    guint reduced_phys_bits;
} QmpSevCapabilities;

void qmp_sev_capabilities_free (QmpSevCapabilities *capabilities);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QmpSevCapabilities, qmp_sev_capabilities_free)

void qmp_sev_query_capabilities_async (QmpClient *client,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data);

/**
 * qmp_sev_query_capabilities_finish: (of query-sev-capabilities)
 *
 * A machine without SEV is %QMP_PEER_ERROR_GENERIC.
 *
 * Returns: (transfer full): what the platform can do; %NULL on error
 */
QmpSevCapabilities *qmp_sev_query_capabilities_finish (QmpClient *client,
                                                       GAsyncResult *result,
                                                       GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

void qmp_sev_query_launch_measure_async (QmpClient *client,
                                         GCancellable *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer user_data);

/**
 * qmp_sev_query_launch_measure_finish: (of query-sev-launch-measure)
 *
 * Before the launch is measured this is %QMP_PEER_ERROR_GENERIC.
 *
 * Returns: (transfer full): %QMP_SEV_MEASURE_SIZE bytes, MEASURE || MNONCE;
 *   %NULL on error
 */
GBytes *qmp_sev_query_launch_measure_finish (QmpClient *client,
                                             GAsyncResult *result,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_sev_query_attestation_report_async:
 * @mnonce: %QMP_SEV_NONCE_SIZE bytes of the caller's, which the platform signs
 *
 * (QEMU 6.1 and later.)
 */
void qmp_sev_query_attestation_report_async (QmpClient *client,
                                             const guint8 *mnonce,
                                             GCancellable *cancellable,
                                             GAsyncReadyCallback callback,
                                             gpointer user_data);

/**
 * qmp_sev_query_attestation_report_finish: (of query-sev-attestation-report)
 *
 * Returns: (transfer full): %QMP_SEV_REPORT_SIZE bytes; %NULL on error
 */
GBytes *qmp_sev_query_attestation_report_finish (QmpClient *client,
                                                 GAsyncResult *result,
                                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_sev_inject_launch_secret_async:
 * @client: a client
 * @header: packet header, %QMP_SEV_PACKET_HEADER_SIZE bytes
 * @secret: encrypted payload, at least 1 byte
 * @gpa: (nullable): guest physical address to write to, below 2^63; %NULL leaves
 *   it to QEMU, which takes the firmware image's secret area
 * @cancellable: (nullable): cancels the wait; the packet may be written all the
 *   same
 * @callback: (scope async): called on the transport's main context
 * @user_data: (closure): passed to @callback
 *
 * Errors at _finish: besides the common ones %QMP_ERROR_ARGUMENT.
 */
void qmp_sev_inject_launch_secret_async (QmpClient *client,
                                         GBytes *header,
                                         GBytes *secret,
                                         const guint64 *gpa,
                                         GCancellable *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer user_data);

gboolean qmp_sev_inject_launch_secret_finish (QmpClient *client,
                                              GAsyncResult *result,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
