/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "launcher/cli/command.h"
#include "policy/owner-dir.h"
#include "policy/owner-make.h"
#include "policy/owner-sign.h"

static const char summary[] =
    "Makes the guest owner's directory (0700): a certificate and its key, fresh, and a "
    "key\n"
    "that signs evidence.  It will hold the releases, the trusted roots, the ledger of\n"
    "judged sessions and the evidence of launches.";

typedef struct {
    gboolean add_signing_key;
    gboolean rotate;
    gboolean keep_old;
    char *kept;     /* (nullable): what the old pair is called */
    guint given_up; /* sessions that waited for a courier */
} OwnerOptions;

static int
say_rotated (const CommandCommon *common, const OwnerOptions *o, const char *dir)
{
    if (common->json) {
        g_autoptr (JsonObject) object = json_object_new ();
        json_object_set_string_member (object, "schema", "sevlaunch.owner/1");
        json_object_set_string_member (object, "directory", dir);
        json_object_set_string_member (object, "certificate", POLICY_OWNER_CERT);
        json_object_set_boolean_member (object, "rotated", TRUE);
        json_object_set_int_member (object, "sessions_given_up", o->given_up);
        if (o->kept != NULL)
            json_object_set_string_member (object, "kept", o->kept);
        return command_print_json (object);
    }
    printf ("%s/%s and %s/%s are new", dir, POLICY_OWNER_CERT, dir, POLICY_OWNER_KEY);
    if (o->kept != NULL)
        printf ("; the old ones are %s.cert and %s.key\n", o->kept, o->kept);
    else
        printf ("; the old key is overwritten\n");
    if (o->given_up > 0)
        printf ("given up, with the keys: %u %s for a courier\n", o->given_up,
                o->given_up == 1 ? "session that waited" : "sessions that waited");
    return LAUNCHER_EXIT_OK;
}

static int
say (const CommandCommon *common, const OwnerOptions *o, const char *dir)
{
    const gboolean sign_only = o->add_signing_key;

    if (o->rotate)
        return say_rotated (common, o, dir);
    if (common->json) {
        g_autoptr (JsonObject) object = json_object_new ();
        json_object_set_string_member (object, "schema", "sevlaunch.owner/1");
        json_object_set_string_member (object, "directory", dir);
        json_object_set_string_member (object, "certificate", POLICY_OWNER_CERT);
        json_object_set_string_member (object, "signer", POLICY_OWNER_SIGN_PUB);
        return command_print_json (object);
    }
    if (!sign_only)
        printf ("made %s/%s and %s/%s: keep the key where only you can read it\n", dir,
                POLICY_OWNER_CERT, dir, POLICY_OWNER_KEY);
    printf ("%s/%s signs evidence; %s/%s is for those who check it\n", dir,
            POLICY_OWNER_SIGN_KEY, dir, POLICY_OWNER_SIGN_PUB);
    return LAUNCHER_EXIT_OK;
}

static gboolean
check_options (const OwnerOptions *o, int argc, GError **error)
{
    const char *wrong = argc != 2                   ? "owner-init takes one directory"
                        : o->keep_old && !o->rotate ? "--keep-old needs --rotate"
                        : o->rotate && o->add_signing_key
                            ? "--rotate and --add-signing-key exclude each other"
                            : NULL;

    if (wrong == NULL)
        return TRUE;
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, wrong);
    return FALSE;
}

static gboolean
make (OwnerOptions *o, const char *dir, GError **error)
{
    if (o->add_signing_key)
        return policy_sign_key_make (dir, error);
    if (!o->rotate)
        return policy_owner_init (dir, error);
    if (o->keep_old) {
        g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
        o->kept = g_date_time_format (now, "pdh-until-%Y%m%dT%H%M%SZ");
    }
    return policy_owner_rotate (dir, o->kept, &o->given_up, error);
}

int
cmd_owner_init (int argc, char **argv)
{
    OwnerOptions o = { 0 };
    const GOptionEntry entries[] = {
        { "add-signing-key", 0, 0, G_OPTION_ARG_NONE, &o.add_signing_key,
          "Only make the key that signs evidence, in a directory that has none", NULL },
        { "rotate", 0, 0, G_OPTION_ARG_NONE, &o.rotate,
          "Renew certificate and key of a directory; all else in it stays", NULL },
        { "keep-old", 0, 0, G_OPTION_ARG_NONE, &o.keep_old,
          "Keep the old pair under a name with the time, and overwrite nothing", NULL },
        G_OPTION_ENTRY_NULL,
    };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!command_parse ("owner-init", "DIR", summary, entries, &common, &argc, &argv,
                        &error))
        return command_fail (&common, error);
    if (!check_options (&o, argc, &error) || !make (&o, argv[1], &error)) {
        g_free (o.kept);
        return command_fail (&common, error);
    }
    const int status = say (&common, &o, argv[1]);
    g_free (o.kept);
    return status;
}
