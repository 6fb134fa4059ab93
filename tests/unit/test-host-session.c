/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a connection of libvirt's does where QEMU refuses, or its monitor breaks.  The test
 * is libvirt and QEMU's first monitor; a thread plays the second one, the relay's own, from
 * a script.  The launch has ended long ago: its functions are the test's own.
 */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "psp/host/session.h"
#include "tests/unit/host-script.h"

#define TEXT "sixteen bytes..."
#define SIZE (1u << 20)
#define EVENT(name) "{\"event\":\"" name "\"}"
#define GREETING "{\"QMP\":{\"version\":{},\"capabilities\":[]}}"
#define PMEMSAVE                                                                           \
    "{\"execute\":\"pmemsave\",\"arguments\":{\"val\":0,\"size\":16,\"filename\":\"x\"}}"

gboolean
launch_get_info (Launch *launch, LaunchInfo *out, GError **error)
{
    *out = (LaunchInfo){ .state = SEV_GUEST_RUNNING };
    return TRUE;
}

gboolean
launch_finish (Launch *launch, GError **error)
{
    return TRUE;
}

gboolean
launch_is_running (const Launch *launch)
{
    return TRUE;
}

const SevMeasureWire *
launch_get_measurement (const Launch *launch)
{
    g_assert_not_reached ();
}

const char *
launch_state_name (SevGuestState state)
{
    g_assert_not_reached ();
}

gboolean
launch_inject (Launch *launch,
               const char *header,
               const char *secret,
               const guint64 *gpa,
               GError **error)
{
    g_assert_not_reached ();
}

char *
launch_attest (Launch *launch, const char *nonce, GError **error)
{
    g_assert_not_reached ();
}

typedef struct {
    int control;
    int client;
    int qemu;
    int relay_client;
    int relay_qemu;
    const ScriptLine *lines;
    gsize n_lines;
    SevSecret *vek;
    GuestMemory *memory;
    Relay relay;
    GThread *monitor;
    GThread *session;
} Fixture;

/* Waits for a line that holds @what. */
static void
hear (int fd, const char *what)
{
    char line[4096];
    gsize len = 0;

    while (len < sizeof line - 1 && recv (fd, line + len, 1, 0) == 1)
        if (line[len++] == '\n')
            break;
    line[len] = '\0';
    if (strstr (line, what) == NULL)
        g_error ("'%s' came instead of '%s'", line, what);
}

static gpointer
play (gpointer data)
{
    const Fixture *f = data;

    for (gsize i = 0; i < f->n_lines; i++) {
        hear (f->control, f->lines[i].command);
        script_say (f->control, f->lines[i].says);
    }
    return NULL;
}

static gpointer
run_session (gpointer data)
{
    Fixture *f = data;

    session_run (&f->relay, f->relay_client, f->relay_qemu);
    return NULL;
}

static void
begin (Fixture *f, const ScriptLine *lines, gsize n_lines)
{
    f->lines = lines;
    f->n_lines = n_lines;
    f->monitor = g_thread_new ("monitor", play, f);
}

static void
end (Fixture *f)
{
    g_thread_join (g_steal_pointer (&f->monitor));
}
#define BEGIN(f, ...)                                                                      \
    static const ScriptLine lines[] = { __VA_ARGS__ };                                     \
    begin (f, lines, G_N_ELEMENTS (lines))

static void
make_pair (int *ours, int *theirs)
{
    int pair[2];

    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    *ours = pair[0];
    *theirs = pair[1];
}

/* A guest that has not run yet and has a page; libvirt is connected. */
static void
set_up (Fixture *f, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    int control;

    f->vek = sev_secret_new_random (SEV_KEY_SIZE, &error);
    f->memory = guest_memory_new (SIZE, &error);
    g_assert_no_error (error);
    const PspGuestKey key = { .handle = 1, .asid = 100, .vek = f->vek };
    g_assert_true (guest_memory_map (f->memory, &error));
    f->relay = (Relay){ .pidfd = -1, .guarded = TRUE };
    f->relay.private_memory = private_memory_new (f->memory);
    g_assert_true (
        private_memory_write (f->relay.private_memory, &key, 0, TEXT, 16, &error));
    f->relay.log = relay_log_open (-1, "test");
    make_pair (&f->control, &control);
    make_pair (&f->client, &f->relay_client);
    make_pair (&f->qemu, &f->relay_qemu);
    script_say (f->control, GREETING);
    BEGIN (f, { "qmp_capabilities", DONE });
    Control *own = control_new (control, -1, &error);
    g_assert_no_error (error);
    f->relay.guard = guard_new (own, f->relay.private_memory, f->relay.log);
    end (f);
    f->session = g_thread_new ("session", run_session, f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    g_assert_null (f->session);
    guard_free (f->relay.guard);
    relay_log_free (f->relay.log);
    private_memory_free (f->relay.private_memory);
    guest_memory_free (f->memory);
    sev_secret_unref (f->vek);
    close (f->control);
    close (f->client);
    close (f->qemu);
}

static gboolean
lies_plain (const Fixture *f)
{
    return memcmp (guest_memory_range (f->memory, 0, 16), TEXT, 16) == 0;
}

/* Both sides of a command that QEMU gets and answers. */
static void
pass (Fixture *f, const char *command, const char *name, const char *answer)
{
    script_say (f->client, command);
    hear (f->qemu, name);
    script_say (f->qemu, answer);
}

static void
let_run (Fixture *f)
{
    BEGIN (f, { "query-dump", STATUS ("none") }, { "query-status", STATUS ("running") });

    pass (f, "{\"execute\":\"cont\"}", "cont", EVENT ("RESUME") "\r\n" DONE);
    hear (f->client, "RESUME");
    hear (f->client, "return");
    end (f);
    g_assert_true (lies_plain (f));
}

/* Libvirt leaves. */
static void
leave (Fixture *f)
{
    shutdown (f->client, SHUT_WR);
    g_thread_join (g_steal_pointer (&f->session));
}

static void
stop_and_save (Fixture *f)
{
    pass (f, PMEMSAVE, "pmemsave", EVENT ("STOP") "\r\n" DONE);
}

/* The relay stops a guest to read its memory, and libvirt hears nothing of it. */
static void
test_pause_is_hidden (Fixture *f, gconstpointer data)
{
    let_run (f);
    BEGIN (f, { "stop", DONE }, { "query-status", STATUS ("paused") },
           { "query-status", STATUS ("paused") }, { "query-dump", STATUS ("none") },
           { "cont", DONE }, { "query-status", STATUS ("running") });
    stop_and_save (f);
    hear (f->client, "return");
    script_say (f->qemu, EVENT ("RESUME"));
    script_say (f->qemu, EVENT ("RTC_CHANGE"));
    hear (f->client, "RTC_CHANGE");
    end (f);
    g_assert_true (lies_plain (f));
    leave (f);
}

/* QEMU does not let it go on: libvirt is told that it stopped, and later hears of the next
 * RESUME. */
static void
test_cont_refused (Fixture *f, gconstpointer data)
{
    let_run (f);
    BEGIN (f, { "stop", DONE }, { "query-status", STATUS ("paused") },
           { "query-status", STATUS ("paused") }, { "query-dump", STATUS ("none") },
           { "cont", FAILS }, { "query-status", STATUS ("paused") });
    stop_and_save (f);
    hear (f->client, "STOP");
    hear (f->client, "return");
    end (f);
    g_assert_false (lies_plain (f));
    let_run (f);
    leave (f);
}

/* The same where QEMU's own event comes late: it is told once. */
static void
test_cont_refused_early (Fixture *f, gconstpointer data)
{
    let_run (f);
    BEGIN (f, { "stop", DONE }, { "query-status", STATUS ("paused") },
           { "query-status", STATUS ("paused") }, { "query-dump", STATUS ("none") },
           { "cont", FAILS }, { "query-status", STATUS ("paused") });
    pass (f, PMEMSAVE, "pmemsave", DONE);
    hear (f->client, "return");
    script_say (f->qemu, EVENT ("STOP"));
    hear (f->client, "STOP");
    end (f);
    let_run (f);
    leave (f);
}

/* QEMU's monitor breaks after the pages were decrypted for a "cont". */
static void
lose_cont (Fixture *f, const char *last_words, const char *status)
{
    static ScriptLine lines[] = { { "query-dump", STATUS ("none") },
                                  { "query-status", NULL } };

    g_assert_false (lies_plain (f));
    lines[1].says = status;
    begin (f, lines, G_N_ELEMENTS (lines));
    script_say (f->client, "{\"execute\":\"cont\"}");
    hear (f->qemu, "cont");
    g_assert_true (lies_plain (f));
    if (last_words != NULL)
        script_say (f->qemu, last_words);
    else
        shutdown (f->qemu, SHUT_RDWR);
    g_thread_join (g_steal_pointer (&f->session));
    /* A script that was not played to its end does not wait for ever. */
    shutdown (f->control, SHUT_RD);
    end (f);
    g_assert_false (f->relay.failed);
}

static void
test_cont_lost (Fixture *f, gconstpointer data)
{
    lose_cont (f, NULL, STATUS ("paused"));
    g_assert_false (lies_plain (f));
}

static void
test_cont_garbled (Fixture *f, gconstpointer data)
{
    lose_cont (f, "{\"return\":{}]", STATUS ("paused"));
    g_assert_false (lies_plain (f));
}

static void
test_cont_has_run (Fixture *f, gconstpointer data)
{
    lose_cont (f, NULL, STATUS ("running"));
    g_assert_true (lies_plain (f));
}

#define ADD(path, test)                                                                    \
    g_test_add ("/host/session/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    ADD ("pause-is-hidden", test_pause_is_hidden);
    ADD ("cont-refused", test_cont_refused);
    ADD ("cont-refused-early", test_cont_refused_early);
    ADD ("cont-lost", test_cont_lost);
    ADD ("cont-garbled", test_cont_garbled);
    ADD ("cont-has-run", test_cont_has_run);
    return g_test_run ();
}
