/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/guard.h"
#include "psp/host/relay-log.h"
#include "psp/host/sev-qmp.h"

G_BEGIN_DECLS

/**
 * SECTION: relay
 * @short_description: stands between libvirt and QEMU's monitor
 *
 * For each connection of libvirt one to QEMU: real greeting, real negotiation.  Commands
 * go one at a time, so answers of our own keep their place; they are parsed strictly and
 * written anew, so QEMU reads what the table was asked about.  Descriptors travel with the
 * command whose bytes they came with.  QEMU's replies and events pass as they are, once the
 * guest's pages have the form that they tell of (guard.h).
 */
typedef struct {
    int listen_fd;  /* libvirt connects here */
    int qemu_fd;    /* O_PATH of the socket that QEMU listens on; it has no name any more */
    int control_fd; /* O_PATH of QEMU's second monitor, or -1 if not guarded */
    int pidfd;      /* QEMU, or -1: the relay ends after its first connection */
    gboolean guarded; /* the table holds; else all pass but query-sev-capabilities */
    PrivateMemory *private_memory; /* (nullable): only if guarded */
    Guard *guard;                  /* (nullable): only within relay_run(), if guarded */
    gboolean failed;               /* the guest must not run on */
    SevQmp sev;
    RelayLog *log;
} Relay;

/** relay_run: returns when QEMU is gone or must go, or, without a pidfd, after one
 * connection or %RELAY_PROBE_SECONDS without any */
void relay_run (Relay *relay);

#define RELAY_PROBE_SECONDS 60

G_END_DECLS
