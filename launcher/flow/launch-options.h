/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** LaunchOptions: the command line of "run", as given; see sevlaunch(1) for each */
typedef struct {
    char *image;
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
    int wait; /* seconds that the guest may take to say something; 0: do not watch */
} LaunchOptions;

#define LAUNCH_DEFAULT_MEMORY 1024
#define LAUNCH_DEFAULT_VCPUS 2
#define LAUNCH_DEFAULT_WAIT 180

G_END_DECLS
