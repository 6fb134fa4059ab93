/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/host/virt.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/host/sev-device.h"
#include "qmp/qmp-error.h"
#include "qmp/qmp-transport-libvirt.h"
#include "sev/base/sev-bytes.h"
#include "sev/wire/sev-status.h"

#define PLATFORM_TEXT_MAX 65536u
#define ERROR_TEXT_MAX 400 /* characters */
#define CHIP_ID_SIZE 64u   /* of the first socket */

static void
ignore_error (void *opaque, virErrorPtr error)
{
    g_debug ("libvirt: %s", error->message != NULL ? error->message : "");
}

gboolean
virt_init (GError **error)
{
    virSetErrorFunc (NULL, ignore_error);
    if (virInitialize () < 0 || virEventRegisterDefaultImpl () < 0) {
        virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "libvirt's client library");
        return FALSE;
    }
    return TRUE;
}

/* libvirt passes on what ssh and QEMU say, lines of it; the last one has the cause. */
static char *
dup_error_text (const char *text)
{
    g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);
    const glong len = g_utf8_strlen (valid, -1);
    const gboolean long_text = len > ERROR_TEXT_MAX;
    const char *end =
        long_text ? g_utf8_offset_to_pointer (valid, len - ERROR_TEXT_MAX) : valid;
    g_autofree char *line = g_strdelimit (g_strdup (end), "\r\n\t", ' ');
    g_autofree char *printable = qmp_error_printable (g_strstrip (line));

    return g_strconcat (long_text ? "... " : "", printable, NULL);
}

void
virt_set_error (GError **error, LauncherError code, const char *what)
{
    g_autofree char *text = dup_error_text (virGetLastErrorMessage ());

    g_set_error (error, LAUNCHER_ERROR, code, "%s: %s", what, text);
}

gboolean
virt_uri_is_remote (const char *uri)
{
    g_autoptr (GUri) parsed = g_uri_parse (uri, G_URI_FLAGS_NON_DNS, NULL);

    if (parsed == NULL)
        return FALSE;
    const char *host = g_uri_get_host (parsed);
    const char *transport = strchr (g_uri_get_scheme (parsed), '+');
    return (host != NULL && *host != '\0') ||
           (transport != NULL && strcmp (transport, "+unix") != 0);
}

static gboolean
is_own_name (const char *host)
{
    g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

    if (address != NULL)
        return g_inet_address_get_is_loopback (address) ||
               g_inet_address_get_is_any (address);
    return g_ascii_strcasecmp (host, "localhost") == 0 ||
           g_ascii_strncasecmp (host, "localhost.", 10) == 0 ||
           g_ascii_strcasecmp (host, g_get_host_name ()) == 0;
}

gboolean
virt_uri_leads_back (const char *uri)
{
    g_autoptr (GUri) parsed = g_uri_parse (uri, G_URI_FLAGS_NON_DNS, NULL);

    if (parsed == NULL || !virt_uri_is_remote (uri))
        return FALSE;
    const char *host = g_uri_get_host (parsed);
    const char *transport = strchr (g_uri_get_scheme (parsed), '+');
    if (host != NULL && *host != '\0')
        return is_own_name (host);
    /* libvirt takes localhost then; only a command of the caller's may lead elsewhere. */
    return g_strcmp0 (transport, "+ext") != 0;
}

void
virt_identity_clear (VirtIdentity *identity)
{
    g_clear_pointer (&identity->name, g_free);
    g_clear_pointer (&identity->uuids, g_strfreev);
}

/* @path: a file with a UUID, with or without dashes. */
static void
add_own_uuid (GPtrArray *uuids, const char *path)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents (path, &text, NULL, NULL))
        return;
    g_autofree char *lower = g_ascii_strdown (g_strstrip (text), -1);
    g_autofree char *uuid =
        strlen (lower) == 32 ? g_strdup_printf ("%.8s-%.4s-%.4s-%.4s-%s", lower, lower + 8,
                                                lower + 12, lower + 16, lower + 20)
                             : g_strdup (lower);
    if (g_uuid_string_is_valid (uuid))
        g_ptr_array_add (uuids, g_steal_pointer (&uuid));
}

/* What libvirt takes for the host's UUID, by its host_uuid_source. */
void
virt_identity_read_own (VirtIdentity *out)
{
    g_autoptr (GPtrArray) uuids = g_ptr_array_new_with_free_func (g_free);

    add_own_uuid (uuids, "/sys/class/dmi/id/product_uuid");
    add_own_uuid (uuids, "/etc/machine-id");
    g_ptr_array_add (uuids, NULL);
    out->name = g_strdup (g_get_host_name ());
    out->uuids = (char **) g_ptr_array_free (g_steal_pointer (&uuids), FALSE);
}

static gboolean
same_name (const char *a, const char *b)
{
    const gsize first = strcspn (a, ".");

    if (a[first] == '\0' || b[strcspn (b, ".")] == '\0')
        return first == strcspn (b, ".") && g_ascii_strncasecmp (a, b, first) == 0;
    return g_ascii_strcasecmp (a, b) == 0;
}

gboolean
virt_identity_matches (const VirtIdentity *own, const char *name, const char *capabilities)
{
    if (name == NULL || *name == '\0' || own->name == NULL || same_name (own->name, name))
        return TRUE;
    if (capabilities == NULL || own->uuids == NULL)
        return FALSE;
    g_autofree char *lower = g_ascii_strdown (capabilities, -1);
    for (char **i = own->uuids; *i != NULL; i++) {
        g_autofree char *element = g_strdup_printf ("<uuid>%s</uuid>", *i);
        if (strstr (lower, element) != NULL)
            return TRUE;
    }
    return FALSE;
}

gboolean
virt_is_this_machine (virConnectPtr connection)
{
    g_auto (VirtIdentity) own = { 0 };
    char *name = virConnectGetHostname (connection);
    char *capabilities = virConnectGetCapabilities (connection);

    virt_identity_read_own (&own);
    const gboolean same = virt_identity_matches (&own, name, capabilities);
    free (name);
    free (capabilities);
    return same;
}

virConnectPtr
virt_open_anywhere (const char *uri, GError **error)
{
    virConnectPtr connection = virConnectOpen (uri);

    if (connection != NULL)
        return connection;
    g_autofree char *what = g_strdup_printf ("libvirt at '%s'", uri);
    virt_set_error (error, LAUNCHER_ERROR_LIBVIRT_UNREACHABLE, what);
    return NULL;
}

virConnectPtr
virt_open (const char *uri, GError **error)
{
    virConnectPtr connection = virt_open_anywhere (uri, error);

    if (connection == NULL)
        return NULL;
    /* The URI may be an alias for another one. */
    char *real = virConnectGetURI (connection);
    const gboolean remote = real == NULL || virt_uri_is_remote (real);
    free (real);
    if (!remote || virt_uri_is_remote (uri))
        return connection;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                 "libvirt at '%s' is another machine's: name it by a URI that says so",
                 uri);
    virConnectClose (connection);
    return NULL;
}

gboolean
virt_has_kvm (virConnectPtr connection)
{
    char *text =
        virConnectGetDomainCapabilities (connection, NULL, "x86_64", "q35", "kvm", 0);
    const gboolean found = text != NULL;

    free (text);
    return found;
}

static GBytes *
decode (const char *what, const char *text, GError **error)
{
    const gsize len = strlen (text);
    gsize size = 0;

    if (len > 0 && len <= PLATFORM_TEXT_MAX && len % 4 == 0) {
        guchar *data = g_base64_decode (text, &size);
        g_autofree char *again = g_base64_encode (data, size);

        if (strcmp (again, text) == 0)
            return g_bytes_new_take (data, size);
        g_free (data);
    }
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_REPLY_ALTERED,
                 "libvirt's answer about the platform: '%s' is not base64 text of a "
                 "plausible length",
                 what);
    return NULL;
}

static char *
dup_hex (GBytes *bytes, gsize max)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    return sev_hex_encode (data, MIN (len, max));
}

/* libvirt 9.0 forgets the id when it reads what QEMU can do from its cache, which is after
 * its first restart.  The platform itself still says it, to whom may ask. */
static char *
ask_device (virConnectPtr connection)
{
    char *uri = virConnectGetURI (connection);
    const gboolean here = uri != NULL && !virt_uri_is_remote (uri);

    free (uri);
    g_autoptr (SevDevice) device = here ? sev_device_open (FALSE, NULL) : NULL;
    g_autoptr (GBytes) id = device != NULL ? sev_device_id (device, NULL) : NULL;
    return id != NULL ? dup_hex (id, CHIP_ID_SIZE) : NULL;
}

static gboolean
take_platform (virTypedParameterPtr params, int n, VirtPlatform *out, GError **error)
{
    const char *pdh = NULL;
    const char *chain = NULL;
    const char *id = NULL;

    if (virTypedParamsGetString (params, n, VIR_NODE_SEV_PDH, &pdh) != 1 ||
        virTypedParamsGetString (params, n, VIR_NODE_SEV_CERT_CHAIN, &chain) != 1) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_REPLY_ALTERED,
                             "libvirt's answer about the platform lacks its certificates");
        return FALSE;
    }
    out->pdh = decode ("pdh", pdh, error);
    out->cert_chain = out->pdh != NULL ? decode ("cert-chain", chain, error) : NULL;
    if (out->cert_chain == NULL)
        return FALSE;
    if (virTypedParamsGetString (params, n, VIR_NODE_SEV_CPU0_ID, &id) != 1)
        return TRUE;
    g_autoptr (GBytes) bytes = decode ("cpu0-id", id, error);
    if (bytes == NULL)
        return FALSE;
    out->cpu0_id = dup_hex (bytes, G_MAXSIZE);
    return TRUE;
}

gboolean
virt_read_platform (virConnectPtr connection, VirtPlatform *out, GError **error)
{
    virTypedParameterPtr params = NULL;
    int n = 0;

    memset (out, 0, sizeof *out);
    if (virNodeGetSEVInfo (connection, &params, &n, 0) < 0) {
        const int code = virGetLastErrorCode ();
        const gboolean none =
            code == VIR_ERR_OPERATION_UNSUPPORTED || code == VIR_ERR_NO_SUPPORT;

        virt_set_error (error, none ? LAUNCHER_ERROR_NO_SEV : LAUNCHER_ERROR_LIBVIRT,
                        "the host's SEV platform");
        return FALSE;
    }
    const gboolean ok = take_platform (params, n, out, error);
    virTypedParamsFree (params, n);
    if (ok && out->cpu0_id == NULL)
        out->cpu0_id = ask_device (connection);
    if (!ok)
        virt_platform_clear (out);
    return ok;
}

void
virt_platform_clear (VirtPlatform *platform)
{
    g_clear_pointer (&platform->pdh, g_bytes_unref);
    g_clear_pointer (&platform->cert_chain, g_bytes_unref);
    g_clear_pointer (&platform->cpu0_id, g_free);
}

static void
set_exists (GError **error, const char *name)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_EXISTS,
                 "there is a domain '%s' already (choose another --name, or end that one)",
                 name);
}

gboolean
virt_check_name_free (virConnectPtr connection, const char *name, GError **error)
{
    g_autoptr (virDomain) domain = virDomainLookupByName (connection, name);

    if (domain != NULL) {
        set_exists (error, name);
        return FALSE;
    }
    if (virGetLastErrorCode () == VIR_ERR_NO_DOMAIN)
        return TRUE;
    virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "looking for the domain's name");
    return FALSE;
}

static gboolean
check_startable (virDomainPtr domain, const char *name, const char *uuid, GError **error)
{
    char own[VIR_UUID_STRING_BUFLEN] = { 0 };
    const int active = virDomainIsActive (domain);
    const int saved = active == 0 ? virDomainHasManagedSaveImage (domain, 0) : 0;

    if (active < 0 || saved < 0 || virDomainGetUUIDString (domain, own) < 0) {
        virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "the domain's state");
        return FALSE;
    }
    if (active) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_EXISTS,
                     "the domain '%s' runs already: shut it down first", name);
        return FALSE;
    }
    if (saved) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_STATE,
                     "the domain '%s' has its memory saved, and would go on from there "
                     "(virsh managedsave-remove '%s' gives that up)",
                     name, name);
        return FALSE;
    }
    if (uuid == NULL || g_ascii_strcasecmp (uuid, own) == 0)
        return TRUE;
    g_set_error (
        error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_EXISTS,
        "there is another domain '%s' already, with UUID %s (if it is the one that "
        "is meant, name it, or put its UUID into the XML)",
        name, own);
    return FALSE;
}

gboolean
virt_find_startable (virConnectPtr connection,
                     const char *name,
                     const char *uuid,
                     virDomainPtr *out,
                     GError **error)
{
    g_autoptr (virDomain) domain = virDomainLookupByName (connection, name);

    *out = NULL;
    if (domain == NULL && virGetLastErrorCode () == VIR_ERR_NO_DOMAIN)
        return TRUE;
    if (domain == NULL) {
        virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "looking for the domain's name");
        return FALSE;
    }
    if (!check_startable (domain, name, uuid, error))
        return FALSE;
    *out = g_steal_pointer (&domain);
    return TRUE;
}

/* The firmware's status, or -1 */
static long
firmware_status (const char *text)
{
    const char *number = strstr (text, "fw_error=");

    return number != NULL ? strtol (number + strlen ("fw_error="), NULL, 10) : -1;
}

const char *
virt_packet_hint (const char *text)
{
    return firmware_status (text) == SEV_STATUS_BAD_MEASUREMENT
               ? ": the packet was changed, or is for another launch"
               : "";
}

LauncherError
virt_classify_qemu_output (const char *text)
{
    switch (firmware_status (text)) {
    case -1:
        return LAUNCHER_ERROR_QEMU_DIED;
    case SEV_STATUS_INVALID_CERTIFICATE:
    case SEV_STATUS_POLICY_FAILURE:
    case SEV_STATUS_BAD_SIGNATURE:
    case SEV_STATUS_BAD_MEASUREMENT:
        return LAUNCHER_ERROR_PSP_REFUSED;
    default:
        return LAUNCHER_ERROR_PSP;
    }
}

/* What firmware says in a number, for who has no list of them at hand. */
static const char *
refusal_text (const char *message)
{
    switch (firmware_status (message)) {
    case SEV_STATUS_POLICY_FAILURE:
        return "the platform's firmware refuses the guest policy: it is older than "
               "min-api, or lacks what the policy asks for";
    case SEV_STATUS_INVALID_CERTIFICATE:
        return "the platform's firmware refuses the owner's certificate";
    case SEV_STATUS_BAD_MEASUREMENT:
        return "the platform's firmware refuses the session: it is for another platform, "
               "owner or guest policy";
    default:
        return "starting the guest";
    }
}

virDomainPtr
virt_create_paused (virConnectPtr connection, const char *xml, GError **error)
{
    virDomainPtr domain = virDomainCreateXML (connection, xml, VIR_DOMAIN_START_PAUSED);

    if (domain != NULL)
        return domain;
    const char *message = virGetLastErrorMessage ();
    LauncherError code = LAUNCHER_ERROR_LIBVIRT;
    if (strstr (message, "already exists with uuid") != NULL ||
        strstr (message, "is already active") != NULL)
        code = LAUNCHER_ERROR_DOMAIN_EXISTS;
    else if (strstr (message, "fw_error=") != NULL ||
             strstr (message, "process exited") != NULL ||
             strstr (message, "unexpectedly") != NULL ||
             strstr (message, "monitor") != NULL)
        code = virt_classify_qemu_output (message);
    virt_set_error (error, code, refusal_text (message));
    return NULL;
}

gboolean
virt_resume (virDomainPtr domain, GError **error)
{
    if (virDomainResume (domain) == 0)
        return TRUE;
    const gboolean gone = qmp_libvirt_is_closed (virGetLastError ());
    virt_set_error (error, gone ? LAUNCHER_ERROR_QEMU_DIED : LAUNCHER_ERROR_LIBVIRT,
                    "resuming the guest");
    return FALSE;
}

gboolean
virt_destroy (virDomainPtr domain, GError **error)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    (void) !virDomainGetUUIDString (domain, uuid);
    g_autoptr (virDomain) now =
        virDomainLookupByUUIDString (virDomainGetConnect (domain), uuid);
    /* The UUID is that of each start, the number that of one. */
    if (now != NULL && virDomainGetID (now) != virDomainGetID (domain))
        return TRUE;
    if (now != NULL && virDomainDestroy (now) == 0)
        return TRUE;
    const int code = virGetLastErrorCode ();
    if (code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_OPERATION_INVALID)
        return TRUE;
    virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "ending the guest");
    return FALSE;
}
