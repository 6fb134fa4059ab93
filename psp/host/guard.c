/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/guard.h"

#include "psp/host/host-error.h"

/* QEMU's states (qapi/run-state.json) that it leaves by "cont" only.  Not among them:
 * suspended (any key wakes the guest), save-vm and finish-migrate (left by themselves). */
static const char *const stopped_states[] = {
    "guest-panicked", "internal-error", "io-error", "paused",
    "prelaunch",      "shutdown",       "watchdog", NULL,
};

struct _Guard {
    Control *control;
    PrivateMemory *memory;
    RelayLog *log;
    gboolean resume_after_dump;
    gboolean debugger;
};

Guard *
guard_new (Control *control, PrivateMemory *private_memory, RelayLog *log)
{
    Guard *guard = g_new0 (Guard, 1);

    guard->control = control;
    guard->memory = private_memory;
    guard->log = log;
    return guard;
}

void
guard_free (Guard *guard)
{
    g_clear_pointer (&guard->control, control_free);
    g_free (guard);
}

int
guard_get_fd (const Guard *guard)
{
    return control_get_fd (guard->control);
}

gboolean
guard_is_encrypted (const Guard *guard)
{
    return private_memory_is_encrypted (guard->memory);
}

static gboolean
fail (Guard *guard, const GError *error)
{
    relay_log (guard->log, "the guest must end: %s", error->message);
    return FALSE;
}

/* Asks QEMU for an object and takes a text out of it. */
static gboolean
query (Guard *guard, const char *command, char **status)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) reply = control_command (guard->control, command, NULL, &error);

    if (reply == NULL)
        return fail (guard, error);
    *status = JSON_NODE_HOLDS_OBJECT (reply)
                  ? g_strdup (json_object_get_string_member_with_default (
                        json_node_get_object (reply), "status", ""))
                  : g_strdup ("");
    return TRUE;
}

static gboolean
encrypt (Guard *guard)
{
    g_autoptr (GError) error = NULL;

    return private_memory_encrypt (guard->memory, &error) || fail (guard, error);
}

static gboolean
decrypt (Guard *guard)
{
    g_autoptr (GError) error = NULL;

    return private_memory_decrypt (guard->memory, &error) || fail (guard, error);
}

gboolean
guard_settle (Guard *guard)
{
    g_autofree char *status = NULL;

    if (guard_is_encrypted (guard))
        return TRUE;
    if (!query (guard, "query-status", &status))
        return FALSE;
    if (!g_strv_contains (stopped_states, status))
        return TRUE;
    /* What came before the answer is about the time before it. */
    control_take_events (guard->control);
    return encrypt (guard);
}

static gboolean
dump_is_active (Guard *guard, gboolean *active)
{
    g_autofree char *status = NULL;

    if (!query (guard, "query-dump", &status))
        return FALSE;
    *active = g_strcmp0 (status, "active") == 0;
    return TRUE;
}

gboolean
guard_why_not_continue (Guard *guard, const char **why)
{
    gboolean active = FALSE;

    *why = NULL;
    if (guard_is_encrypted (guard) && !dump_is_active (guard, &active))
        return FALSE;
    if (active)
        *why = "There is a dump in process, please wait.";
    return TRUE;
}

static gboolean
close_debugger (Guard *guard)
{
    g_autoptr (JsonObject) arguments = json_object_new ();
    g_autoptr (GError) error = NULL;

    if (!guard->debugger)
        return TRUE;
    json_object_set_string_member (arguments, "command-line", "gdbserver none");
    g_autoptr (JsonNode) reply =
        control_command (guard->control, "human-monitor-command", arguments, &error);
    guard->debugger = FALSE;
    return reply != NULL || fail (guard, error);
}

gboolean
guard_before_continue (Guard *guard)
{
    guard->resume_after_dump = FALSE;
    return close_debugger (guard) && decrypt (guard);
}

/* @refused: (out): QEMU would not, which changes nothing */
static gboolean
run (Guard *guard, const char *command, gboolean *refused)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) reply = control_command (guard->control, command, NULL, &error);

    *refused = reply == NULL;
    if (reply != NULL)
        return TRUE;
    if (!g_error_matches (error, HOST_ERROR, HOST_ERROR_GUEST))
        return fail (guard, error);
    relay_log (guard->log, "%s", error->message);
    return TRUE;
}

gboolean
guard_pause (Guard *guard, gboolean *stopped, const char **why)
{
    g_autofree char *status = NULL;
    gboolean refused;

    *stopped = FALSE;
    *why = NULL;
    if (guard_is_encrypted (guard))
        return TRUE;
    /* Whether it did stop, the status tells. */
    if (!run (guard, "stop", &refused) || !query (guard, "query-status", &status) ||
        !guard_settle (guard))
        return FALSE;
    if (!guard_is_encrypted (guard))
        *why = "the guest cannot be stopped now";
    /* In any other state it had stopped by itself, and stays so. */
    *stopped = g_strcmp0 (status, "paused") == 0;
    return TRUE;
}

static gboolean
continue_guest (Guard *guard, gboolean *refused)
{
    return guard_before_continue (guard) && run (guard, "cont", refused) &&
           guard_settle (guard);
}

gboolean
guard_unpause (Guard *guard, gboolean *refused)
{
    *refused = FALSE;
    if (!dump_is_active (guard, &guard->resume_after_dump))
        return FALSE;
    return guard->resume_after_dump || continue_guest (guard, refused);
}

gboolean
guard_after_dump (Guard *guard)
{
    gboolean refused;

    /* A dump's stop was told, so a guest that stays stopped is no news. */
    return !guard->resume_after_dump || guard_unpause (guard, &refused);
}

void
guard_expect_debugger (Guard *guard)
{
    guard->debugger = TRUE;
}

static gboolean
act_upon (Guard *guard, ControlEvents events)
{
    if ((events & CONTROL_RESUMED) != 0 && guard_is_encrypted (guard)) {
        /* A debugger's "continue": the guest runs on what is noise to it. */
        relay_log (guard->log, "the guest must end: it was resumed past the relay");
        return FALSE;
    }
    if ((events & CONTROL_DUMP_DONE) != 0 && !guard_after_dump (guard))
        return FALSE;
    return (events & CONTROL_STOPPED) == 0 || guard_settle (guard);
}

gboolean
guard_receive (Guard *guard)
{
    g_autoptr (GError) error = NULL;

    if (!control_receive (guard->control, &error))
        return fail (guard, error);
    for (;;) {
        const ControlEvents events = control_take_events (guard->control);
        if (events == 0)
            return TRUE;
        if (!act_upon (guard, events))
            return FALSE;
    }
}
