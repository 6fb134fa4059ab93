/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-error.h"

/* GLib's accessor returns NULL for errors of another domain; here the domain is
 * always the right one, which GCC cannot see. */
#pragma GCC diagnostic ignored "-Wnull-dereference"

GQuark
qmp_error_quark (void)
{
    return g_quark_from_static_string ("qmp-error-quark");
}

#define PRINTABLE_MAX 512u /* characters */

char *
qmp_error_printable (const char *text)
{
    g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);
    GString *out = g_string_new (NULL);
    guint n = 0;

    for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p)) {
        const gunichar c = g_utf8_get_char (p);

        if (n++ == PRINTABLE_MAX) {
            g_string_append (out, "...");
            break;
        }
        g_string_append_unichar (out, c == 0xfffd || !g_unichar_isprint (c) ? '?' : c);
    }
    return g_string_free (out, FALSE);
}

typedef struct {
    char *klass;
    char *desc;
} QmpPeerErrorPrivate;

static void
qmp_peer_error_private_init (QmpPeerErrorPrivate *priv)
{
    priv->klass = NULL;
    priv->desc = NULL;
}

static void
qmp_peer_error_private_copy (const QmpPeerErrorPrivate *from, QmpPeerErrorPrivate *to)
{
    to->klass = g_strdup (from->klass);
    to->desc = g_strdup (from->desc);
}

static void
qmp_peer_error_private_clear (QmpPeerErrorPrivate *priv)
{
    g_free (priv->klass);
    g_free (priv->desc);
}

/* This defines qmp_peer_error_quark() as well. */
G_DEFINE_EXTENDED_ERROR (QmpPeerError, qmp_peer_error)

static QmpPeerError
code_of_class (const char *klass)
{
    static const struct {
        const char *klass;
        QmpPeerError code;
    } classes[] = {
        { "GenericError", QMP_PEER_ERROR_GENERIC },
        { "CommandNotFound", QMP_PEER_ERROR_COMMAND_NOT_FOUND },
        { "DeviceNotActive", QMP_PEER_ERROR_DEVICE_NOT_ACTIVE },
        { "DeviceNotFound", QMP_PEER_ERROR_DEVICE_NOT_FOUND },
        { "KVMMissingCap", QMP_PEER_ERROR_KVM_MISSING_CAP },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
        if (g_str_equal (klass, classes[i].klass))
            return classes[i].code;
    return QMP_PEER_ERROR_OTHER;
}

GError *
qmp_peer_error_new (const char *command, const char *klass, const char *desc)
{
    g_return_val_if_fail (klass != NULL, NULL);
    g_return_val_if_fail (desc != NULL, NULL);

    g_autofree char *printable = qmp_error_printable (desc);
    const char *prefix = command != NULL ? command : "QMP peer";
    GError *error = g_error_new (QMP_PEER_ERROR, (gint) code_of_class (klass), "%s: %s",
                                 prefix, printable);
    QmpPeerErrorPrivate *priv = qmp_peer_error_get_private (error);

    priv->klass = g_strdup (klass);
    priv->desc = g_strdup (desc);
    return error;
}

const char *
qmp_peer_error_get_class (const GError *error)
{
    g_return_val_if_fail (error != NULL && error->domain == QMP_PEER_ERROR, NULL);

    return qmp_peer_error_get_private (error)->klass;
}

const char *
qmp_peer_error_get_desc (const GError *error)
{
    g_return_val_if_fail (error != NULL && error->domain == QMP_PEER_ERROR, NULL);

    return qmp_peer_error_get_private (error)->desc;
}
