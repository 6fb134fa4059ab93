/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When a guest's pages change their form.  A thread plays QEMU's monitor from a script: for
 * each command the name that must come, and what it says.  The form of the pages is looked
 * at in their file.
 */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "psp/host/guard.h"
#include "tests/unit/host-script.h"

#define TEXT "sixteen bytes..."
#define SIZE (1u << 20)
#define EVENT(name) "{\"event\":\"" name "\",\"timestamp\":{}}"

typedef struct {
    int fd;
    GPtrArray *lines; /* const ScriptLine* */
    GThread *thread;
    SevSecret *vek;
    GuestMemory *memory;
    PrivateMemory *pm;
    RelayLog *log;
    Guard *guard;
} Fixture;

/* Commands come one at a time, so one read is one command. */
static gpointer
play (gpointer data)
{
    const Fixture *f = data;
    char buf[4096];

    for (guint i = 0; i < f->lines->len; i++) {
        const ScriptLine *line = g_ptr_array_index (f->lines, i);
        const ssize_t n = recv (f->fd, buf, sizeof buf - 1, 0);

        g_assert_cmpint (n, >, 0);
        buf[n] = '\0';
        g_autofree char *member = g_strdup_printf ("\"%s\"", line->command);
        if (strstr (buf, member) == NULL)
            g_error ("'%s' came instead of '%s'", buf, line->command);
        script_say (f->fd, line->says);
    }
    return NULL;
}

static void
begin (Fixture *f, const ScriptLine *lines, gsize n)
{
    g_ptr_array_set_size (f->lines, 0);
    for (gsize i = 0; i < n; i++)
        g_ptr_array_add (f->lines, (gpointer) &lines[i]);
    f->thread = g_thread_new ("QEMU", play, f);
}
#define BEGIN(f, ...)                                                                      \
    const ScriptLine lines[] = { __VA_ARGS__ };                                            \
    begin (f, lines, G_N_ELEMENTS (lines))

static void
end (Fixture *f)
{
    g_thread_join (g_steal_pointer (&f->thread));
}

static gboolean
lies_plain (const Fixture *f)
{
    return memcmp (guest_memory_range (f->memory, 0, 16), TEXT, 16) == 0;
}

static void
open_guard (Fixture *f, int fd)
{
    static const ScriptLine hello = { "qmp_capabilities", DONE };
    g_autoptr (GError) error = NULL;

    script_say (f->fd, "{\"QMP\":{\"version\":{},\"capabilities\":[]}}");
    begin (f, &hello, 1);
    Control *control = control_new (fd, -1, &error);
    g_assert_no_error (error);
    f->guard = guard_new (control, f->pm, f->log);
    end (f);
}

/* A guest that is about to run, and has a page. */
static void
set_up (Fixture *f, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    int pair[2];

    f->vek = sev_secret_new_random (SEV_KEY_SIZE, &error);
    g_assert_no_error (error);
    const PspGuestKey key = { .handle = 1, .asid = 100, .vek = f->vek };
    f->memory = guest_memory_new (SIZE, &error);
    g_assert_true (guest_memory_map (f->memory, &error));
    f->pm = private_memory_new (f->memory);
    g_assert_true (private_memory_write (f->pm, &key, 0, TEXT, 16, &error));
    g_assert_no_error (error);
    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    f->fd = pair[1];
    f->lines = g_ptr_array_new ();
    f->log = relay_log_open (-1, "test");
    open_guard (f, pair[0]);
    g_assert_false (lies_plain (f));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    g_assert_null (f->thread);
    guard_free (f->guard);
    relay_log_free (f->log);
    close (f->fd);
    g_ptr_array_unref (f->lines);
    private_memory_free (f->pm);
    guest_memory_free (f->memory);
    sev_secret_unref (f->vek);
}

/* "cont" is relayed, and works. */
static void
let_run (Fixture *f)
{
    const char *why;
    BEGIN (f, { "query-dump", STATUS ("none") }, { "query-status", STATUS ("running") });

    g_assert_true (guard_why_not_continue (f->guard, &why));
    g_assert_null (why);
    g_assert_true (guard_before_continue (f->guard));
    g_assert_true (lies_plain (f));
    g_assert_true (guard_settle (f->guard));
    g_assert_true (lies_plain (f));
    g_assert_false (guard_is_encrypted (f->guard));
    end (f);
}

static void
settle (Fixture *f, const char *answer)
{
    BEGIN (f, { "query-status", answer });

    g_assert_true (guard_settle (f->guard));
    end (f);
}

static void
test_states (Fixture *f, gconstpointer data)
{
    static const struct {
        const char *answer;
        gboolean plain;
    } rows[] = {
        { STATUS ("prelaunch"), FALSE },      { STATUS ("paused"), FALSE },
        { STATUS ("io-error"), FALSE },       { STATUS ("guest-panicked"), FALSE },
        { STATUS ("watchdog"), FALSE },       { STATUS ("shutdown"), FALSE },
        { STATUS ("internal-error"), FALSE }, { STATUS ("running"), TRUE },
        { STATUS ("suspended"), TRUE },       { STATUS ("save-vm"), TRUE },
        { STATUS ("finish-migrate"), TRUE },  { DONE, TRUE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        let_run (f);
        settle (f, rows[i].answer);
        g_assert_cmpint (lies_plain (f), ==, rows[i].plain);
        g_assert_cmpint (guard_is_encrypted (f->guard), !=, rows[i].plain);
        /* In any case once it is seen to have stopped. */
        if (rows[i].plain)
            settle (f, STATUS ("paused"));
        g_assert_false (lies_plain (f));
    }
}

static void
stop_event (Fixture *f, const char *answer)
{
    BEGIN (f, { "query-status", answer });

    script_say (f->fd, EVENT ("STOP"));
    g_assert_true (guard_receive (f->guard));
    end (f);
}

/* The event alone does not change anything: the answer to a query does. */
static void
test_event (Fixture *f, gconstpointer data)
{
    let_run (f);
    stop_event (f, STATUS ("running"));
    g_assert_true (lies_plain (f));
    stop_event (f, STATUS ("io-error"));
    g_assert_false (lies_plain (f));
    /* What QEMU has to say besides is of no interest. */
    script_say (f->fd, EVENT ("RTC_CHANGE"));
    g_assert_true (guard_receive (f->guard));
    g_assert_false (lies_plain (f));
}

static void
test_cont_fails (Fixture *f, gconstpointer data)
{
    BEGIN (f, { "query-status", STATUS ("shutdown") });

    g_assert_true (guard_before_continue (f->guard));
    g_assert_true (lies_plain (f));
    g_assert_true (guard_settle (f->guard));
    end (f);
    g_assert_false (lies_plain (f));
}

static void
test_resumed_past (Fixture *f, gconstpointer data)
{
    let_run (f);
    /* The guest's own RESUME, read late, is no reason. */
    script_say (f->fd, EVENT ("RESUME"));
    BEGIN (f, { "query-status", STATUS ("paused") });
    g_assert_true (guard_settle (f->guard));
    end (f);
    g_assert_true (guard_receive (f->guard));
    script_say (f->fd, EVENT ("RESUME"));
    g_assert_false (guard_receive (f->guard));
}

static void
test_pause (Fixture *f, gconstpointer data)
{
    gboolean stopped;
    const char *why;

    /* A guest that does not run needs nothing. */
    g_assert_true (guard_pause (f->guard, &stopped, &why));
    g_assert_false (stopped);
    g_assert_null (why);
    let_run (f);
    BEGIN (f, { "stop", EVENT ("STOP") "\r\n" DONE }, { "query-status", STATUS ("paused") },
           { "query-status", STATUS ("paused") }, { "query-dump", STATUS ("none") },
           { "cont", EVENT ("RESUME") "\r\n" DONE },
           { "query-status", STATUS ("running") });
    gboolean refused;
    g_assert_true (guard_pause (f->guard, &stopped, &why));
    g_assert_true (stopped);
    g_assert_null (why);
    g_assert_false (lies_plain (f));
    g_assert_true (guard_unpause (f->guard, &refused));
    g_assert_false (refused);
    g_assert_true (lies_plain (f));
    g_assert_true (guard_receive (f->guard));
    end (f);
}

static void
test_pause_races (Fixture *f, gconstpointer data)
{
    gboolean stopped;
    const char *why;

    let_run (f);
    {
        BEGIN (f, { "stop", DONE }, { "query-status", STATUS ("suspended") },
               { "query-status", STATUS ("suspended") });
        g_assert_true (guard_pause (f->guard, &stopped, &why));
        g_assert_false (stopped);
        g_assert_nonnull (why);
        g_assert_true (lies_plain (f));
        end (f);
    }
    /* It had stopped by itself a moment before, and is not to be continued. */
    BEGIN (f, { "stop", EVENT ("STOP") "\r\n" DONE },
           { "query-status", STATUS ("io-error") },
           { "query-status", STATUS ("io-error") });
    g_assert_true (guard_pause (f->guard, &stopped, &why));
    g_assert_false (stopped);
    g_assert_null (why);
    g_assert_false (lies_plain (f));
    end (f);
}

/* A dump in the background: the guest goes on when it is done. */
static void
test_detached_dump (Fixture *f, gconstpointer data)
{
    gboolean stopped, refused;
    const char *why;

    let_run (f);
    {
        BEGIN (f, { "stop", DONE }, { "query-status", STATUS ("paused") },
               { "query-status", STATUS ("paused") }, { "query-dump", STATUS ("active") },
               { "query-dump", STATUS ("active") });
        g_assert_true (guard_pause (f->guard, &stopped, &why));
        g_assert_true (stopped);
        g_assert_true (guard_unpause (f->guard, &refused));
        g_assert_false (refused);
        g_assert_false (lies_plain (f));
        g_assert_true (guard_why_not_continue (f->guard, &why));
        g_assert_nonnull (why);
        end (f);
    }
    script_say (f->fd, EVENT ("DUMP_COMPLETED"));
    BEGIN (f, { "query-dump", STATUS ("completed") }, { "cont", DONE },
           { "query-status", STATUS ("running") });
    g_assert_true (guard_receive (f->guard));
    end (f);
    g_assert_true (lies_plain (f));
    /* Told a second time, it is over. */
    g_assert_true (guard_after_dump (f->guard));
}

static void
test_debugger (Fixture *f, gconstpointer data)
{
    const char *why;
    BEGIN (f, { "query-dump", STATUS ("none") }, { "gdbserver none", DONE });

    guard_expect_debugger (f->guard);
    g_assert_true (guard_why_not_continue (f->guard, &why));
    g_assert_true (guard_before_continue (f->guard));
    end (f);
    g_assert_true (lies_plain (f));
}

static void
test_gone (Fixture *f, gconstpointer data)
{
    let_run (f);
    shutdown (f->fd, SHUT_RDWR);
    g_assert_false (guard_settle (f->guard));
    g_assert_false (guard_receive (f->guard));
}

/* "cont" that the guard sends itself and QEMU refuses: the pages are encrypted again. */
static void
test_unpause_fails (Fixture *f, gconstpointer data)
{
    BEGIN (f, { "query-dump", STATUS ("none") }, { "cont", FAILS },
           { "query-status", STATUS ("paused") });
    gboolean refused;

    g_assert_true (guard_unpause (f->guard, &refused));
    g_assert_true (refused);
    end (f);
    g_assert_false (lies_plain (f));
}

#define ADD(path, test)                                                                    \
    g_test_add ("/host/guard/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    ADD ("states", test_states);
    ADD ("event", test_event);
    ADD ("cont-fails", test_cont_fails);
    ADD ("resumed-past", test_resumed_past);
    ADD ("pause", test_pause);
    ADD ("pause-races", test_pause_races);
    ADD ("detached-dump", test_detached_dump);
    ADD ("debugger", test_debugger);
    ADD ("gone", test_gone);
    ADD ("unpause-fails", test_unpause_fails);
    return g_test_run ();
}
