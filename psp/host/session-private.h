/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/command-table.h"
#include "psp/host/session.h"
#include "qmp/qmp-server.h"

G_BEGIN_DECLS

/*
 * The inside of a session: session.c turns bytes into commands and replies, session-guard.c
 * knows what the table says about a command, session-io.c moves bytes and descriptors.
 */

#define SESSION_TO_CLIENT_MAX (1u << 20) /* bytes kept before QEMU is left waiting */

/* What is to be done when QEMU has answered. */
typedef enum {
    SESSION_AFTER_NOTHING,
    SESSION_AFTER_SETTLE,         /* the guest may have stopped, or not started */
    SESSION_AFTER_UNPAUSE,        /* it was stopped for the command, and libvirt knows */
    SESSION_AFTER_UNPAUSE_HIDDEN, /* and libvirt does not */
} SessionAfter;

typedef struct {
    Relay *relay;
    int client;
    int qemu;
    QmpServer *commands; /* what the client sends */
    QmpFramer *replies;  /* what QEMU sends */
    guint64 received;    /* bytes from the client */
    GArray *held;      /* descriptors of the client's, and where in its stream they came */
    GArray *departing; /* int: to go with the first byte of to_qemu */
    GByteArray *to_qemu;
    GByteArray *to_client;
    gboolean waiting;        /* a command is with QEMU */
    gboolean asks_migration; /* and it is query-migrate */
    SessionAfter after;
    guint hidden_stops; /* events of the relay's own stops that the client is not told */
    guint hidden_resumes;
    gboolean client_eof;
    gboolean over;
    gboolean qemu_gone;
} Session;

void session_init (Session *session, Relay *relay, int client, int qemu);
void session_clear (Session *session);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Session, session_clear)

/** session_take_fds: the descriptors that came with the bytes of the command just read */
void session_take_fds (Session *session);
/** session_drop_fds: those that were to depart */
void session_drop_fds (Session *session);
void session_read_client (Session *session);
/** session_read_qemu: only takes the bytes */
void session_read_qemu (Session *session);
void session_write_client (Session *session);
void session_write_qemu (Session *session);

/** session_answer: @reply: (transfer full) */
void session_answer (Session *session, GBytes *reply);
/** session_forward: written anew from what was parsed: nothing of the client's spelling
 * reaches QEMU */
void session_forward (Session *session, const QmpMessage *command, JsonObject *arguments);

/** session_handle_guarded: a command for a SEV guest */
void session_handle_guarded (Session *session, const QmpMessage *command);
/** session_after_reply: before QEMU's answer is passed on */
void session_after_reply (Session *session);
/** session_hides_event: before an event is passed on; acts upon it.
 * Returns: whether the client is not told */
gboolean session_hides_event (Session *session, const char *name);

G_END_DECLS
