/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * PeerStep: what a scripted QMP peer does with the next command
 * @command: the command that must come; %NULL: say nothing more and wait for the end
 * @arguments: (nullable): JSON text of its arguments; %NULL: there must be none
 * @reply: bytes to send, "%ID" in it stands for the command's id; %NULL: none
 * @then: what to do after that
 */
typedef enum {
    PEER_GO_ON,
    PEER_HANG_UP, /* close the connection */
    PEER_WAIT,    /* until the client closes it */
} PeerThen;

typedef struct {
    const char *command;
    const char *arguments;
    const char *reply;
    PeerThen then;
} PeerStep;

typedef struct _FakePeer FakePeer;

/**
 * fake_peer_new:
 * @greeting: sent first
 * @steps: (array length=n_steps): then these in their order; must outlive the peer
 *
 * The peer runs on a thread of its own over a socket pair.  After its steps it hangs
 * up, unless the last one says otherwise.
 */
FakePeer *fake_peer_new (const char *greeting, const PeerStep *steps, gsize n_steps);

/** fake_peer_take_stream: Returns: (transfer full): the client's end */
GIOStream *fake_peer_take_stream (FakePeer *peer);

/** fake_peer_listen: like new(), but over a socket file at @path */
FakePeer *fake_peer_listen (const char *path,
                            const char *greeting,
                            const PeerStep *steps,
                            gsize n_steps);

/** fake_peer_finish: waits for the peer; fails the test if it did not get all commands */
void fake_peer_finish (FakePeer *peer);

#define FAKE_GREETING                                                                      \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, "     \
    "\"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n"
#define FAKE_NEGOTIATION                                                                   \
    {                                                                                      \
        "qmp_capabilities", NULL, "{\"return\": {}, \"id\": %ID}\r\n", PEER_GO_ON          \
    }

G_END_DECLS
