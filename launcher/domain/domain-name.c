/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names of domains, networks and bridges.
 */

#include "launcher/domain/domain-config.h"

#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/domain/domain-private.h"

#define NAME_MAX_LENGTH 64
#define UUID_HEX_DIGITS 32
#define BRIDGE_MAX_LENGTH 15 /* IFNAMSIZ - 1 */

static gboolean
is_name_char (char c)
{
    return g_ascii_isalnum (c) || (c != '\0' && strchr ("._+-", c) != NULL);
}

/* virsh and other clients try a number as an id and a UUID as a UUID before they look for
 * a name; libvirt reads UUIDs with and without dashes. */
static gboolean
looks_like_id (const char *name)
{
    guint n_hex = 0;

    if (name[strspn (name, "0123456789")] == '\0')
        return TRUE;
    for (const char *c = name; *c != '\0'; c++) {
        if (g_ascii_isxdigit (*c))
            n_hex++;
        else if (*c != '-')
            return FALSE;
    }
    return n_hex == UUID_HEX_DIGITS;
}

gboolean
domain_name_is_valid (const char *name)
{
    const gsize length = strlen (name);

    if (length == 0 || length > NAME_MAX_LENGTH || name[0] == '.' || name[0] == '-')
        return FALSE;
    for (gsize i = 0; i < length; i++)
        if (!is_name_char (name[i]))
            return FALSE;
    return !looks_like_id (name);
}

char *
domain_name_from_image (const char *image)
{
    g_autofree char *base = g_path_get_basename (image);
    g_autofree char *text = g_utf8_make_valid (base, -1);
    g_autoptr (GString) name = g_string_new (NULL);
    char *dot = strrchr (text, '.');

    if (dot != NULL && dot != text)
        *dot = '\0';
    for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c)) {
        const char kept = is_name_char (*c) ? *c : '-';
        if (name->len > 0 || (kept != '.' && kept != '-'))
            g_string_append_c (name, kept);
    }
    if (name->len == 0)
        g_string_append (name, "vm");
    if (looks_like_id (name->str))
        g_string_prepend (name, "vm-");
    if (name->len > NAME_MAX_LENGTH)
        g_string_truncate (name, NAME_MAX_LENGTH);
    /* A cut can leave just the digits of a UUID. */
    if (looks_like_id (name->str))
        name->str[0] = 'v';
    return g_strdup (name->str);
}

gboolean
domain_text_is_clean (const char *text)
{
    if (!g_utf8_validate (text, -1, NULL))
        return FALSE;
    for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c)) {
        const gunichar u = g_utf8_get_char (c);
        if (g_unichar_iscntrl (u) || (u & 0xfffe) == 0xfffe)
            return FALSE;
    }
    return TRUE;
}

gboolean
domain_network_name_is_valid (DomainNetwork network, const char *name)
{
    if (name[0] == '\0' || strchr (name, '/') != NULL || !domain_text_is_clean (name))
        return FALSE;
    if (network == DOMAIN_NETWORK_BRIDGE)
        return strlen (name) <= BRIDGE_MAX_LENGTH && strpbrk (name, " :") == NULL &&
               strcmp (name, ".") != 0 && strcmp (name, "..") != 0;
    return TRUE;
}

gboolean
domain_network_parse (const char *text, DomainNetwork *network, char **name, GError **error)
{
    const char *value = NULL;
    DomainNetwork kind;

    if (strcmp (text, "none") == 0) {
        kind = DOMAIN_NETWORK_NONE;
    } else if (strcmp (text, "user") == 0) {
        kind = DOMAIN_NETWORK_USER;
    } else if (g_str_has_prefix (text, "network=")) {
        kind = DOMAIN_NETWORK_NETWORK;
        value = text + strlen ("network=");
    } else if (g_str_has_prefix (text, "bridge=")) {
        kind = DOMAIN_NETWORK_BRIDGE;
        value = text + strlen ("bridge=");
    } else {
        g_autofree char *shown = g_strescape (text, NULL);
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "network '%s' (must be none, user, network=NAME or bridge=NAME)",
                     shown);
        return FALSE;
    }
    if (value != NULL && !domain_network_name_is_valid (kind, value)) {
        g_autofree char *shown = g_strescape (text, NULL);
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "network '%s': no name of a %s", shown,
                     kind == DOMAIN_NETWORK_BRIDGE ? "bridge" : "network");
        return FALSE;
    }
    *network = kind;
    *name = g_strdup (value);
    return TRUE;
}
