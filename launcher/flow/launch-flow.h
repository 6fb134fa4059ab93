/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "launcher/flow/launch-boot.h"
#include "launcher/flow/launch-owner.h"
#include "launcher/host/console-text.h"
#include "policy/attest/owner-session.h"
#include "policy/verdict.h"
#include "qmp/qmp-sev.h"

G_BEGIN_DECLS

/**
 * SECTION: launch-flow
 * @short_description: from the owner's files to a running guest, step by step
 *
 * A machine of enumerated steps on the default main context; LaunchOptions.way says which
 * of them are gone through.  Whatever fails or is cancelled before the guest was resumed
 * destroys the guest that was made here and removes what was made; after that nothing here
 * ends the guest any more.
 */

typedef enum {
    LAUNCH_STEP_IMAGE,    /* what boots, compared with the release */
    LAUNCH_STEP_UNPACK,   /* what boots, compared with the courier's bundle */
    LAUNCH_STEP_RECALL,   /* what the owner kept of a session; the courier's measurement */
    LAUNCH_STEP_HOST,     /* libvirt; an emulated host is made or started */
    LAUNCH_STEP_MONITOR,  /* QMP of a guest that is there already */
    LAUNCH_STEP_ASK,      /* query-sev-capabilities on it */
    LAUNCH_STEP_FIND,     /* a guest that waits for the courier's packet */
    LAUNCH_STEP_PLATFORM, /* certificates, verified up to a root */
    LAUNCH_STEP_TARGET,   /* certificates, only compared with the courier's bundle */
    LAUNCH_STEP_TELL,     /* certificates, for the courier */
    LAUNCH_STEP_SESSION,  /* keys for this launch */
    LAUNCH_STEP_PACK,     /* the bundle, for the courier */
    LAUNCH_STEP_DEFINE,   /* the domain's XML */
    LAUNCH_STEP_CREATE,   /* the guest, paused */
    LAUNCH_STEP_QUERY,    /* query-sev */
    LAUNCH_STEP_MEASURE,  /* query-sev-launch-measure */
    LAUNCH_STEP_VERIFY,   /* the verdict; recorded in the ledger */
    LAUNCH_STEP_ATTEST,   /* the platform's report, for the courier */
    LAUNCH_STEP_HANDOVER, /* the measurement, for the courier */
    LAUNCH_STEP_SEAL,     /* the packet is made */
    LAUNCH_STEP_SEND,     /* ... and written, for the courier */
    LAUNCH_STEP_SECRET,   /* sev-inject-launch-secret */
    LAUNCH_STEP_INJECT,   /* the same with the courier's packet */
    LAUNCH_STEP_EVIDENCE, /* the platform's report; signed and written */
    LAUNCH_STEP_KEEP,     /* --session-dir; the console is opened */
    LAUNCH_STEP_RESUME,   /* from here on the guest is on its own */
    LAUNCH_STEP_CONT,     /* the same without libvirt */
    LAUNCH_STEP_WATCH,    /* what it says on its console */
    LAUNCH_STEP_STOPPING, /* it refused, and is to power off */
    LAUNCH_STEP_DONE,
} LaunchStep;
#define LAUNCH_N_STEPS 30u

/** launch_step_name: Returns: "image", "host" …; static storage */
const char *launch_step_name (LaunchStep step);

/** LaunchResult: what is known; members are NULL or zero until their step is done */
typedef struct {
    char *name;
    char uuid[37];    /* "" until the session is made */
    gboolean created; /* the guest exists, or existed */
    char *uri;
    gboolean kvm;
    LaunchBoot *boot;
    PolicyVerdict *verdict;
    PolicyChain *chain;
    PolicySession *session;
    char *xml;
    gboolean has_info;
    QmpSevInfo info;
    const char *cpu_model; /* (nullable): libvirt's name; borrowed */
    gboolean es;           /* @vcpus are measured */
    PolicyVcpus vcpus;
    gboolean has_digest;
    guint8 launch_digest[SEV_DIGEST_SIZE];
    GBytes *report; /* MEASURE || MNONCE */
    gboolean has_expected;
    guint8 expected[SEV_MAC_SIZE];
    gboolean verified; /* the verdict was accepted */
    gboolean released; /* secrets were injected */
    gboolean resumed;
    JsonObject *why;                   /* (nullable): sevlaunch.why/1, after a mismatch */
    char *evidence;                    /* (nullable): path of the file */
    char *said;                        /* (nullable): the guest's line */
    gint64 timings_us[LAUNCH_N_STEPS]; /* -1: not begun */
} LaunchResult;

typedef struct _LaunchFlow LaunchFlow;

/** launch_flow_new: @options, @owner: (transfer none): outlive the flow */
LaunchFlow *launch_flow_new (const LaunchOptions *options, const LaunchOwner *owner);
void launch_flow_free (LaunchFlow *flow);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LaunchFlow, launch_flow_free)

/**
 * launch_flow_run_async: once
 * @cancellable: cancelling it, on the main context, ends the launch, or the watch of a
 * guest that runs
 */
void launch_flow_run_async (LaunchFlow *flow,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/**
 * launch_flow_run_finish:
 * Errors: of every domain that launcher_reason() knows, %G_IO_ERROR_CANCELLED.
 */
gboolean launch_flow_run_finish (LaunchFlow *flow,
                                 GAsyncResult *result,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** launch_flow_get_result: Returns: (transfer none): also after a failure */
const LaunchResult *launch_flow_get_result (const LaunchFlow *flow);

G_END_DECLS
