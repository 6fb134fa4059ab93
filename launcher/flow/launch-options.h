/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "launcher/fetch/kds.h"

G_BEGIN_DECLS

/**
 * LaunchWay: who makes the guest, and where the platform's certificates come from
 * @LAUNCH_WAY_RUN: libvirt does, and says them
 * @LAUNCH_WAY_ATTACH: somebody did, without libvirt; QEMU says them on its QMP socket. Such
 *   a guest is not ended here, whatever happens
 */
typedef enum {
    LAUNCH_WAY_RUN,
    LAUNCH_WAY_ATTACH,
} LaunchWay;

/** LaunchOptions: the command line, as given; see sevlaunch(1) for each */
typedef struct {
    LaunchWay way;
    char *image;    /* (nullable) only with %LAUNCH_WAY_ATTACH */
    char *format;   /* (nullable) */
    char **backing; /* (nullable) */
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
    char *session_dir; /* (nullable) */
    char **secrets;    /* (nullable) */

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
    int wait; /* seconds that the guest may take to say something; 0: do not watch */
} LaunchOptions;

#define LAUNCH_DEFAULT_MEMORY 1024
#define LAUNCH_DEFAULT_VCPUS 2
#define LAUNCH_DEFAULT_WAIT 180

G_END_DECLS
