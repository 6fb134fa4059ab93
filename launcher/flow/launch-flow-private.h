/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/emulated/emulated-host.h"
#include "launcher/flow/launch-ender.h"
#include "launcher/flow/launch-flow.h"
#include "launcher/domain/domain-config.h"
#include "launcher/host/console-watch.h"
#include "launcher/flow/launch-judge.h"
#include "launcher/host/virt.h"
#include "policy/attest/owner-measure.h"
#include "policy/attest/owner-packet.h"
#include "qmp/qmp-transport-libvirt.h"

G_BEGIN_DECLS

struct _LaunchFlow {
    const LaunchOptions *options;
    const LaunchOwner *owner;
    LaunchResult result;

    GTask *task;
    GCancellable *cancellable;
    gulong cancelled;   /* handler of @cancellable */
    LaunchEnder *ender; /* (nullable): ends a guest under a call that hangs */
    LaunchStep step;
    gint64 step_began;
    GError *failure; /* (nullable): what ended the launch; kept during the clean-up */

    EmulatedHost *emulated;   /* (nullable) */
    virConnectPtr connection; /* (nullable) */
    gboolean leads_back;      /* it is remote by its URI, and still this machine */
    VirtPlatform platform;    /* what the host says of it */
    virDomainPtr domain;      /* (nullable): the guest, ours to end until it is resumed */
    QmpClient *qmp;
    PolicyVerified *verified;
    PolicyChainInput certs;  /* what the chain was verified from; owned */
    gboolean evidence_tried; /* one file a launch */
    gboolean offered;        /* the secrets went to QEMU, whatever it did with them */
    char *dh_cert;           /* (nullable): base64, for the domain */
    char *launch_blob;       /* (nullable): base64, for the domain */
    ConsoleWatch *console;   /* (nullable) */

    /* By courier. */
    GBytes *attestation;  /* (nullable): the platform's report, which came with the
                             measurement */
    char *no_attestation; /* (nullable): why the owner has none */
    char *sealed;         /* (nullable): the packet, until it is written */
};

/* launch-monitor.c: the steps that talk to QEMU; each ends with flow_step_done(). */
void flow_begin_monitor (LaunchFlow *flow);
void flow_begin_ask (LaunchFlow *flow);
void flow_begin_query (LaunchFlow *flow);
void flow_begin_measure (LaunchFlow *flow);
void flow_begin_secret (LaunchFlow *flow);
void flow_begin_inject (LaunchFlow *flow);
void flow_begin_attest (LaunchFlow *flow);
void flow_begin_cont (LaunchFlow *flow);
/** flow_step_done: @error: (transfer full) (nullable): why the step failed */
void flow_step_done (LaunchFlow *flow, GError *error);

/* launch-evidence.c */
typedef void (*FlowEvidenceDone) (LaunchFlow *flow, GError *error);
void flow_begin_evidence (LaunchFlow *flow);
/** flow_owes_evidence: the host was asked or the owner refused, and no evidence was tried
 */
gboolean flow_owes_evidence (const LaunchFlow *flow);
/**
 * flow_leave_evidence:
 * @done: gets an error only if the owner requires evidence and the launch had not failed
 */
void flow_leave_evidence (LaunchFlow *flow, FlowEvidenceDone done);

/* The steps that block: each runs on a worker thread while nothing else touches the flow.
 */
gboolean flow_image (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_host (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_platform (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_session (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_define (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_create (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_verify (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_keep (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_resume (LaunchFlow *flow, GCancellable *cancellable, GError **error);
/* Likewise by courier, launch-courier.c. */
gboolean flow_unpack (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_recall (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_find (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_target (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_tell (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_pack (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_handover (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_seal (LaunchFlow *flow, GCancellable *cancellable, GError **error);
gboolean flow_send (LaunchFlow *flow, GCancellable *cancellable, GError **error);
/* Forgets the keys of a session that was judged. */
void flow_forget (LaunchFlow *flow);
/* Wipes keys and secrets: before the guest runs, and before a failure is told. */
void flow_forget_keys (LaunchFlow *flow);
/* Ends the guest and removes what was made; says what it could not do. */
void flow_clean_up (LaunchFlow *flow);

/** flow_make_packet: Returns: (transfer full): the secrets for the verified launch */
PolicyPacket *flow_make_packet (LaunchFlow *flow, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * flow_build_table:
 * @limit: (out) (nullable): bytes that the firmware's secret area takes
 * Returns: (transfer full): the secrets as the guest reads them
 * Errors: %POLICY_ERROR_SECRET_TOO_LARGE; %OVMF_ERROR.
 */
SevSecret *flow_build_table (const LaunchFlow *flow,
                             gsize *limit,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The platform's report that the courier brings, launch-attest.c. */

/**
 * flow_take_attestation: whether it is of this platform, session and measurement; one that
 * is not is left out, and the verdict says that it is missing
 * Errors: %POLICY_ERROR_REPORT_MISSING, with --require-evidence.
 */
gboolean flow_take_attestation (LaunchFlow *flow, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** flow_report_missing: Returns: (transfer full): %POLICY_ERROR_REPORT_MISSING */
GError *flow_report_missing (const char *why);
/**
 * flow_get_attestation: after the verdict
 * @missing: (out) (transfer full): why there is none; set only then
 * Returns: (transfer full) (nullable)
 */
GBytes *flow_get_attestation (const LaunchFlow *flow, char **missing);

/* The owner's acceptance policy, launch-accept.c. */

/** flow_describe_boot: what boots, as policies see it */
void flow_describe_boot (const LaunchFlow *flow, PolicyBoot *out);
/** flow_foresee: refuses, if what is known now is refused by the acceptance policy */
gboolean flow_foresee (LaunchFlow *flow, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** flow_accept: records %POLICY_CHECK_ACCEPTANCE; everything is known */
void flow_accept (LaunchFlow *flow);

/* Certificates, launch-certs.c. */

/**
 * flow_take_amd_certs: the CEK that AMD signed, ASK and ARK: given by the owner, of the
 * cache, or fetched
 * @cek, @ask, @ark: (out) (transfer full) (nullable): what is missing, the chain's verdict
 *   tells
 * Errors: those of kds_complete().
 */
gboolean flow_take_amd_certs (LaunchFlow *flow,
                              const VirtPlatform *platform,
                              GCancellable *cancellable,
                              GBytes **cek,
                              GBytes **ask,
                              GBytes **ark,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SEV-ES, launch-es.c. */

/** flow_expect_vcpus: once the CPU model is known: the processors, and the digest with them
 */
gboolean flow_expect_vcpus (LaunchFlow *flow, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * flow_require_es: whether the verified platform's host can really run SEV-ES guests
 * Errors: %LAUNCHER_ERROR_SEV_UNUSABLE, %LAUNCHER_ERROR_EMULATED_HOST.
 */
gboolean flow_require_es (LaunchFlow *flow, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * flow_require_api: whether the platform's firmware is as new as the guest policy asks for;
 * warns where only its PEK is known
 * Errors: %POLICY_ERROR_API_TOO_OLD, %LAUNCHER_ERROR_EMULATED_HOST.
 */
gboolean flow_require_api (LaunchFlow *flow, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * flow_digests: every launch digest that an honest host may come to
 * @out: (element-type digest): appended to
 */
gboolean flow_digests (const LaunchFlow *flow,
                       GArray *out,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * flow_explain: says why the measurement is not the expected one, if it can be found, and
 * sets LaunchResult.why; never an error, for the refusal has its own reason
 * @input: what was expected, with the report
 */
void flow_explain (LaunchFlow *flow, const PolicyMeasureInput *input);

/** flow_judged_on: where this launch is judged */
PolicyJudgedOn flow_judged_on (const LaunchFlow *flow);
gboolean flow_check_name (const LaunchFlow *flow, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** flow_judge_chain: records what the chain is, and requires that it verified */
gboolean flow_judge_chain (LaunchFlow *flow, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** flow_watches: whether the guest is expected to say something on its console */
gboolean flow_watches (const LaunchFlow *flow);

G_END_DECLS
