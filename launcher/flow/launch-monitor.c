/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The steps of a launch that talk to QEMU: through libvirt, or on a socket. */

#include "launcher/flow/launch-flow-private.h"

#include <string.h>

#include "policy/policy-error.h"
#include "qmp/qmp-machine.h"
#include "sev/base/sev-bytes.h"

/* A guest that libvirt does not know. */

static void
on_connected (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    g_autoptr (GError) cause = NULL;
    GError *error = NULL;

    flow->qmp = qmp_client_connect_finish (result, &cause);
    if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        error = g_steal_pointer (&cause);
    else if (cause != NULL)
        error = g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_MONITOR, "--qmp: %s",
                             cause->message);
    flow_step_done (flow, error);
}

void
flow_begin_monitor (LaunchFlow *flow)
{
    qmp_client_connect_async (flow->options->qmp, QMP_CLIENT_DEFAULT_TIMEOUT,
                              flow->cancellable, on_connected, flow);
}

static char *
hex_of (GBytes *bytes)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    return sev_hex_encode (data, len);
}

static void
on_asked (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    GError *error = NULL;
    g_autoptr (QmpSevCapabilities) said =
        qmp_sev_query_capabilities_finish (flow->qmp, result, &error);

    if (g_error_matches (error, QMP_PEER_ERROR, QMP_PEER_ERROR_GENERIC)) {
        g_autoptr (GError) cause = g_steal_pointer (&error);
        error = g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_NO_SEV, "%s", cause->message);
    }
    if (said != NULL) {
        flow->platform.pdh = g_bytes_ref (said->pdh);
        flow->platform.cert_chain = g_bytes_ref (said->cert_chain);
        flow->platform.cpu0_id = said->cpu0_id != NULL ? hex_of (said->cpu0_id) : NULL;
    }
    flow_step_done (flow, error);
}

void
flow_begin_ask (LaunchFlow *flow)
{
    qmp_sev_query_capabilities_async (flow->qmp, flow->cancellable, on_asked, flow);
}

static void
on_continued (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    GError *error = NULL;

    flow->result.resumed = qmp_machine_cont_finish (flow->qmp, result, &error);
    flow_step_done (flow, error);
}

void
flow_begin_cont (LaunchFlow *flow)
{
    flow_forget_keys (flow);
    qmp_machine_cont_async (flow->qmp, flow->cancellable, on_continued, flow);
}

/* Every guest. */

static void
on_queried (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    GError *error = NULL;

    if (!qmp_sev_query_finish (flow->qmp, result, &flow->result.info, &error)) {
        flow_step_done (flow, error);
        return;
    }
    const QmpSevInfo *info = &flow->result.info;
    flow->result.has_info = TRUE;
    if (!info->enabled || info->snp)
        error = g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_STATE,
                             "query-sev: QEMU says that the guest is %s",
                             info->snp ? "a SEV-SNP guest" : "no SEV guest");
    else if (info->state != QMP_SEV_STATE_LAUNCH_SECRET)
        error = g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_STATE,
                             "query-sev: the guest is in state %s, expected launch-secret",
                             qmp_sev_state_to_string (info->state));
    flow_step_done (flow, error);
}

void
flow_begin_query (LaunchFlow *flow)
{
    if (flow->qmp == NULL) {
        g_autoptr (QmpTransport) transport = qmp_transport_libvirt_new (flow->domain);
        flow->qmp = qmp_client_new (transport, QMP_CLIENT_DEFAULT_TIMEOUT);
    }
    qmp_sev_query_async (flow->qmp, flow->cancellable, on_queried, flow);
}

static void
on_measured (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    GError *error = NULL;

    flow->result.report = qmp_sev_query_launch_measure_finish (flow->qmp, result, &error);
    flow_step_done (flow, error);
}

void
flow_begin_measure (LaunchFlow *flow)
{
    qmp_sev_query_launch_measure_async (flow->qmp, flow->cancellable, on_measured, flow);
}

static void
on_injected (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    GError *error = NULL;

    flow->result.released = qmp_sev_inject_launch_secret_finish (flow->qmp, result, &error);
    if (error != NULL && strstr (error->message, "fw_error=") != NULL) {
        g_autoptr (GError) cause = error;
        error = g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_PSP, "the packet: %s%s",
                             cause->message, virt_packet_hint (cause->message));
    }
    flow_step_done (flow, error);
}

PolicyPacket *
flow_make_packet (LaunchFlow *flow, GError **error)
{
    gsize limit = 0;
    g_autoptr (SevSecret) table = flow_build_table (flow, &limit, error);

    if (table == NULL)
        return NULL;
    return policy_packet_new (flow->verified, flow->result.verdict, table, limit, error);
}

void
flow_begin_secret (LaunchFlow *flow)
{
    const guint64 area = flow->result.boot->firmware_info.secret_area.base;
    GError *error = NULL;
    g_autoptr (PolicyPacket) packet = flow_make_packet (flow, &error);

    if (packet == NULL) {
        flow_step_done (flow, error);
        return;
    }
    flow->offered = TRUE;
    qmp_sev_inject_launch_secret_async (flow->qmp, policy_packet_get_header (packet),
                                        policy_packet_get_data (packet), &area,
                                        flow->cancellable, on_injected, flow);
}

/* The packet comes by courier: it is for one measurement of one session. */
void
flow_begin_inject (LaunchFlow *flow)
{
    const PolicyCourierPacket *packet = flow->options->packet;

    if (!g_bytes_equal (packet->report, flow->result.report)) {
        flow_step_done (flow,
                        g_error_new (POLICY_ERROR, POLICY_ERROR_COURIER_SESSION,
                                     "the packet is for another start of the session: "
                                     "the measurement is not the one that was "
                                     "verified"));
        return;
    }
    if (packet->header == NULL) {
        flow_step_done (flow, NULL);
        return;
    }
    qmp_sev_inject_launch_secret_async (flow->qmp, packet->header, packet->data, NULL,
                                        flow->cancellable, on_injected, flow);
}
