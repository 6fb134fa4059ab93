/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "launcher/fetch/kds.h"
#include "policy/courier/courier-file.h"

G_BEGIN_DECLS

/**
 * LaunchWay: who makes the guest, where the platform's certificates come from, who judges
 * @LAUNCH_WAY_RUN: all in one place: libvirt makes the guest and says the certificates
 * @LAUNCH_WAY_ATTACH: somebody made it, without libvirt; QEMU says them on its QMP socket.
 *   Such a guest is not ended here, whatever happens
 *
 * By courier, owner and host apart, in this order:
 * @LAUNCH_WAY_TELL: host: the certificates go into a file
 * @LAUNCH_WAY_PREPARE: owner: makes the session for them, into a bundle
 * @LAUNCH_WAY_CARRY: host: makes the guest from it and leaves it paused; the measurement
 *   goes into a file, nobody judges
 * @LAUNCH_WAY_JUDGE: owner: judges it; the secrets go into a packet
 * @LAUNCH_WAY_INJECT: host: injects it and resumes the guest
 */
typedef enum {
    LAUNCH_WAY_RUN,
    LAUNCH_WAY_ATTACH,
    LAUNCH_WAY_TELL,
    LAUNCH_WAY_PREPARE,
    LAUNCH_WAY_CARRY,
    LAUNCH_WAY_JUDGE,
    LAUNCH_WAY_INJECT,
} LaunchWay;
#define LAUNCH_N_WAYS 7u

/** LaunchOptions: the command line, as given; see sevlaunch(1) for each */
typedef struct {
    LaunchWay way;
    char *image;    /* (nullable) but with %LAUNCH_WAY_CARRY */
    char *format;   /* (nullable) */
    char **backing; /* (nullable) */
    char *existing; /* (nullable): %LAUNCH_WAY_RUN: a domain's name, or a file of its XML */
    char *owner_cert;
    char *release; /* (nullable) */
    char *name;    /* (nullable) */
    int memory;    /* MiB; 0: not given */
    int vcpus;     /* 0: not given */
    char *network; /* (nullable) */
    char *policy;  /* (nullable) */
    gboolean accept_debug;
    char *acceptance; /* (nullable) */

    char *uki;    /* (nullable) */
    char *kernel; /* (nullable) */
    char *initrd; /* (nullable) */
    char *append; /* (nullable) */
    gboolean own_boot_loader;
    char *firmware;         /* (nullable) */
    char **accept_firmware; /* (nullable) */

    char *platform;      /* (nullable) */
    char *connect;       /* (nullable) */
    char *emulated_host; /* (nullable) */
    char *run_as;        /* (nullable) */
    char *cek;           /* (nullable) */
    char *ca;            /* (nullable) */
    KdsOptions kds;

    char *session;     /* (nullable) */
    char *tik;         /* (nullable) */
    char *tek;         /* (nullable) */
    char *tk;          /* (nullable): both in one file, instead */
    char *session_dir; /* (nullable) */
    gboolean ephemeral;
    char **secrets; /* (nullable) */

    gboolean allow_unmeasured_boot;
    gboolean allow_legacy_api;
    gboolean allow_unbound_session;
    gboolean print_xml;
    gboolean dry_run;
    gboolean paused;
    char *qmp;       /* (nullable): %LAUNCH_WAY_ATTACH: path of the socket */
    char *godh;      /* (nullable): certificate that @session was made with */
    char *cpu;       /* (nullable): model or "FAMILY,MODEL,STEPPING"; default: the host's */
    gboolean resume; /* %LAUNCH_WAY_ATTACH */
    gboolean require_evidence;

    /* Another machine's libvirt (--connect): @image is its path there. */
    char *image_copy;    /* (nullable): of the image, on this machine */
    char *host_firmware; /* (nullable): path there; default: the same as here */
    char *host_kernel;   /* (nullable): path there of kernel or UKI */
    char *host_initrd;   /* (nullable): path there */

    /* By courier. */
    char *output;                    /* (nullable): file that is written */
    char *domain;                    /* (nullable): %LAUNCH_WAY_INJECT */
    gboolean destroy;                /* %LAUNCH_WAY_INJECT: end a guest that failed */
    PolicyCourierPlatform *host;     /* (nullable): %LAUNCH_WAY_PREPARE */
    PolicyCourierBundle *bundle;     /* (nullable): %LAUNCH_WAY_CARRY, %LAUNCH_WAY_JUDGE */
    GBytes *bundle_text;             /* (nullable): the file of it */
    PolicyCourierMeasurement *found; /* (nullable): %LAUNCH_WAY_JUDGE */
    PolicyCourierPacket *packet;     /* (nullable): %LAUNCH_WAY_INJECT */
    int wait; /* seconds that the guest may take to say something; 0: do not watch */
} LaunchOptions;

#define LAUNCH_DEFAULT_MEMORY 1024
#define LAUNCH_DEFAULT_VCPUS 2
#define LAUNCH_DEFAULT_WAIT 180

G_END_DECLS
