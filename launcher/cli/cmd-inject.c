/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch inject -- an owner's packet into a guest that waits for it. */

#include "launcher/cli/step-options.h"

#include <stdio.h>
#include <string.h>

#include "launcher/host/virt.h"
#include "qmp/qmp-machine.h"
#include "qmp/qmp-sev.h"
#include "qmp/qmp-transport-libvirt.h"

#define DEFAULT_URI "qemu:///system"
#define TEXT_MAX 65536u

static const char summary[] =
    "Gives a secret packet to a guest that waits for one: paused, measured, not yet\n"
    "started.  The platform opens the packet only if it is for this launch.  Needs no\n"
    "key; run it on the host.";

typedef struct {
    char *domain;
    char *connect;
    char *qmp;
    char *header;
    char *payload;
    gboolean resume;
} InjectOptions;

static void
inject_options_clear (InjectOptions *o)
{
    char **const texts[] = { &o->domain, &o->connect, &o->qmp, &o->header, &o->payload };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        g_clear_pointer (texts[i], g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (InjectOptions, inject_options_clear)

/* A guest, by libvirt or by a socket. */
typedef struct {
    virConnectPtr connection; /* (nullable) */
    virDomainPtr domain;      /* (nullable) */
    QmpClient *client;
    GMainLoop *loop;
    GAsyncResult *answer; /* (nullable) */
} Guest;

static void
guest_clear (Guest *guest)
{
    g_clear_object (&guest->client);
    g_clear_object (&guest->answer);
    g_clear_pointer (&guest->domain, virDomainFree);
    g_clear_pointer (&guest->connection, virConnectClose);
    g_clear_pointer (&guest->loop, g_main_loop_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Guest, guest_clear)

static gboolean
parse (InjectOptions *o, CommandCommon *common, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "domain", 0, 0, G_OPTION_ARG_STRING, &o->domain, "The guest's name in libvirt",
          "NAME" },
        { "connect", 'c', 0, G_OPTION_ARG_STRING, &o->connect,
          "libvirt's URI (default: LIBVIRT_DEFAULT_URI, else qemu:///system)", "URI" },
        { "qmp", 0, 0, G_OPTION_ARG_FILENAME, &o->qmp,
          "QMP socket of a guest that was started without libvirt", "SOCKET" },
        { "header", 0, 0, G_OPTION_ARG_FILENAME, &o->header, "The packet's header",
          "FILE" },
        { "payload", 0, 0, G_OPTION_ARG_FILENAME, &o->payload, "The encrypted secrets",
          "FILE" },
        { "resume", 0, 0, G_OPTION_ARG_NONE, &o->resume, "Start the guest afterwards",
          NULL },
        G_OPTION_ENTRY_NULL,
    };

    if (!command_parse ("inject", "", summary, entries, common, argc, argv, error))
        return FALSE;
    if (*argc > 1 || o->header == NULL || o->payload == NULL)
        return step_usage (error, "inject takes --header and --payload, and options only");
    if ((o->domain == NULL) == (o->qmp == NULL))
        return step_usage (error, "--domain or --qmp is needed, and not both");
    if (o->qmp != NULL && o->connect != NULL)
        return step_usage (error, "--connect goes with --domain");
    return TRUE;
}

/* @size: 0: any */
static GBytes *
read_part (const char *option, const char *path, gsize size, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr (GError) cause = NULL;
    gsize len = 0;

    if (!g_file_get_contents (path, &text, &len, &cause) || len == 0 || len > TEXT_MAX) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "%s '%s': %s", option,
                     path,
                     cause != NULL ? cause->message
                     : len == 0    ? "is empty"
                                   : "is too large");
        return NULL;
    }
    g_autoptr (GBytes) bytes = strlen (text) == len ? step_base64_decode (text) : NULL;
    if (bytes == NULL)
        bytes = g_bytes_new (text, len);
    if (size == 0 || g_bytes_get_size (bytes) == size)
        return g_steal_pointer (&bytes);
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE,
                 "%s '%s': %" G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT, option,
                 path, g_bytes_get_size (bytes), size);
    return NULL;
}

/* One call after the other. */

static void
on_ready (GObject *source, GAsyncResult *result, gpointer data)
{
    Guest *guest = data;

    guest->answer = g_object_ref (result);
    g_main_loop_quit (guest->loop);
}

static GAsyncResult *
wait_for (Guest *guest)
{
    g_main_loop_run (guest->loop);
    return g_steal_pointer (&guest->answer);
}

static gboolean
open_domain (const InjectOptions *o, Guest *guest, GError **error)
{
    const char *fallback = g_getenv ("LIBVIRT_DEFAULT_URI");
    const char *uri = o->connect != NULL                        ? o->connect
                      : fallback != NULL && fallback[0] != '\0' ? fallback
                                                                : DEFAULT_URI;

    if (!virt_init (error))
        return FALSE;
    guest->connection = virt_open (uri, error);
    if (guest->connection == NULL)
        return FALSE;
    guest->domain = virDomainLookupByName (guest->connection, o->domain);
    if (guest->domain == NULL) {
        virt_set_error (error, LAUNCHER_ERROR_DOMAIN_STATE, "the guest");
        return FALSE;
    }
    g_autoptr (QmpTransport) transport = qmp_transport_libvirt_new (guest->domain);
    guest->client = qmp_client_new (transport, QMP_CLIENT_DEFAULT_TIMEOUT);
    return TRUE;
}

static gboolean
open_guest (const InjectOptions *o, Guest *guest, GError **error)
{
    guest->loop = g_main_loop_new (NULL, FALSE);
    if (o->domain != NULL)
        return open_domain (o, guest, error);
    qmp_client_connect_async (o->qmp, QMP_CLIENT_DEFAULT_TIMEOUT, NULL, on_ready, guest);
    g_autoptr (GAsyncResult) result = wait_for (guest);
    g_autoptr (GError) cause = NULL;
    guest->client = qmp_client_connect_finish (result, &cause);
    if (guest->client == NULL)
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_MONITOR, "--qmp: %s",
                     cause->message);
    return guest->client != NULL;
}

static gboolean
wrong_state (GError **error, const char *format, const char *what)
{
    g_autofree char *text = g_strdup_printf ("the guest %s: %s", format, what);

    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_STATE, text);
    return FALSE;
}

/* Only now does the platform take a secret, and has the guest not run without it. */
static gboolean
check_state (Guest *guest, GError **error)
{
    QmpSevInfo info;

    qmp_sev_query_async (guest->client, NULL, on_ready, guest);
    g_autoptr (GAsyncResult) answer = wait_for (guest);
    if (!qmp_sev_query_finish (guest->client, answer, &info, error))
        return FALSE;
    if (!info.enabled || info.snp)
        return wrong_state (error, "takes no packet",
                            info.snp ? "it is one of SEV-SNP" : "it is not one of SEV");
    if (info.state != QMP_SEV_STATE_LAUNCH_SECRET)
        return wrong_state (error, "is not in state launch-secret, but",
                            qmp_sev_state_to_string (info.state));
    qmp_machine_query_status_async (guest->client, NULL, on_ready, guest);
    g_autoptr (GAsyncResult) second = wait_for (guest);
    g_autoptr (QmpMachineStatus) status =
        qmp_machine_query_status_finish (guest->client, second, error);
    if (status == NULL)
        return FALSE;
    return !status->running || wrong_state (error, "is not paused, but", status->status);
}

/* What the platform's firmware says of the packet is its verdict, not a failure of QEMU. */
static gboolean
packet_failed (GError *cause, GError **error)
{
    const LauncherError code = virt_classify_qemu_output (cause->message);

    if (code == LAUNCHER_ERROR_QEMU_DIED) {
        g_propagate_error (error, cause);
        return FALSE;
    }
    g_set_error (error, LAUNCHER_ERROR, code, "the packet: %s%s", cause->message,
                 virt_packet_hint (cause->message));
    g_error_free (cause);
    return FALSE;
}

static gboolean
send_packet (Guest *guest, GBytes *header, GBytes *payload, GError **error)
{
    GError *cause = NULL;

    qmp_sev_inject_launch_secret_async (guest->client, header, payload, NULL, NULL,
                                        on_ready, guest);
    g_autoptr (GAsyncResult) answer = wait_for (guest);
    return qmp_sev_inject_launch_secret_finish (guest->client, answer, &cause) ||
           packet_failed (cause, error);
}

static gboolean
start_guest (Guest *guest, GError **error)
{
    if (guest->domain != NULL)
        return virt_resume (guest->domain, error);
    qmp_machine_cont_async (guest->client, NULL, on_ready, guest);
    g_autoptr (GAsyncResult) answer = wait_for (guest);
    return qmp_machine_cont_finish (guest->client, answer, error);
}

static int
inject (const InjectOptions *o, const CommandCommon *common, GError **error)
{
    g_auto (Guest) guest = { 0 };
    g_autoptr (GBytes) header =
        read_part ("--header", o->header, QMP_SEV_PACKET_HEADER_SIZE, error);
    g_autoptr (GBytes) payload =
        header != NULL ? read_part ("--payload", o->payload, 0, error) : NULL;

    if (payload == NULL || !open_guest (o, &guest, error) || !check_state (&guest, error) ||
        !send_packet (&guest, header, payload, error) ||
        (o->resume && !start_guest (&guest, error)))
        return -1;
    message_info ("injected%s", o->resume ? "; the guest runs" : "");
    if (!common->json)
        return LAUNCHER_EXIT_OK;
    g_autoptr (JsonObject) object = json_object_new ();
    json_object_set_string_member (object, "schema", "sevlaunch.inject/1");
    json_object_set_int_member (object, "bytes", (gint64) g_bytes_get_size (payload));
    json_object_set_boolean_member (object, "resumed", o->resume);
    return command_print_json (object);
}

int
cmd_inject (int argc, char **argv)
{
    g_auto (InjectOptions) options = { 0 };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (parse (&options, &common, &argc, &argv, &error))
        code = inject (&options, &common, &error);
    return code < 0 ? command_fail (&common, error) : code;
}
