/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/file-writer.h"
#include "launcher/base/run-as.h"
#include "launcher/domain/domain-copy.h"
#include "launcher/flow/evidence-keeper.h"
#include "launcher/flow/image-reader.h"
#include "launcher/flow/launch-options.h"
#include "launcher/flow/session-keeper.h"
#include "ovmf-hooks/secret-table.h"
#include "policy/attest/chain.h"
#include "policy/courier/courier-store.h"
#include "policy/owner-dir.h"

G_BEGIN_DECLS

/**
 * LaunchPlace: where to try; what the platform is, only its certificates tell
 * @LAUNCH_PLACE_URI: libvirt at LaunchOwner.uri
 * @LAUNCH_PLACE_EMULATED: the emulated host in LaunchOwner.emulated_path
 */
typedef enum {
    LAUNCH_PLACE_URI,
    LAUNCH_PLACE_EMULATED,
} LaunchPlace;

/**
 * LaunchOwner: everything of the owner's that a launch needs, read while the program may
 * still read it
 */
typedef struct {
    PolicyOwner *owner;     /* (nullable) on a host that only carries */
    PolicyRelease *release; /* (nullable) but with %LAUNCH_WAY_RUN; of @owner; its secrets
                               are loaded */
    OvmfSecretTable *table; /* of the release and of --secret */
    guint32 guest_policy;
    PolicyAcceptance *acceptance; /* (nullable) without @owner */
    GBytes *session;              /* (nullable): made elsewhere */
    SevSecret *tik;               /* (nullable) */
    SevSecret *tek;               /* (nullable) */
    GBytes *cek;                  /* (nullable): --cek */
    GBytes *ask;                  /* (nullable): --ca */
    GBytes *ark;                  /* (nullable): --ca */
    GArray *accepted;             /* (element-type digest): --accept-firmware */
    SessionKeeper *keeper;        /* (nullable): --session-dir */
    EvidenceKeeper *evidence;     /* (nullable): without a signing key */
    SevSignKey *sign_key;         /* (nullable): likewise */
    FileWriter *writer;           /* (nullable): of LaunchOptions.output */
    PolicyCourierRecord record;   /* %LAUNCH_WAY_JUDGE: of the session */
    RunAs *run_as;                /* (nullable): who this program has become */
    ImageReader *reader;          /* (nullable): of @image, until what boots is resolved */
    DomainCopy *existing;         /* (nullable): of LaunchOptions.existing */
    char *image;                  /* (nullable): absolute path */
    char **backing;               /* absolute paths */
    LaunchPlace place;
    char *uri;                /* (nullable) */
    gboolean remote;          /* @uri is another machine's: paths there are not looked at */
    char *emulated_path;      /* (nullable) */
    gboolean emulated_wanted; /* --platform emulated stands on the command line */
    gboolean sev_wanted;      /* --platform sev */
} LaunchOwner;

/**
 * launch_owner_prepare:
 * @options: (inout): of an existing domain, what its XML says is filled in
 *
 * Looks at the options, decides where to try, reads the owner's files, finds the release,
 * and then drops privileges for good if the place is an emulated host.  Before there are
 * threads.
 * Errors: of usage, of the owner's files, of the image, %LAUNCHER_ERROR_SEV_UNUSABLE,
 *   %LAUNCHER_ERROR_NO_SEV, %LAUNCHER_ERROR_UNMEASURED_BOOT, those of
 *   launch_domain_take().
 */
LaunchOwner *launch_owner_prepare (LaunchOptions *options,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
void launch_owner_free (LaunchOwner *owner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LaunchOwner, launch_owner_free)

G_END_DECLS
