/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every command in every platform and guest state, and every boundary of its parameters,
 * against tests/data/psp-*.tsv.  Each row is issued, and everything that can be seen from
 * outside is compared with what it was before and what the row says.  A command that is
 * refused must not have changed anything inside the device either.
 */

#include <string.h>

#include "sev/base/sev-bytes.h"
#include "tests/unit/psp-table-rows.h"
#include "tests/unit/psp-table-world.h"

#define MAX_BUFFER 256u

typedef struct {
    guint8 platform[12];
    gboolean has_guest;
    guint8 guest[13];
    guint stores;
} Seen;

/* One row, while it is tried. */
typedef struct {
    World *world;
    const TableCase *row;
    guint8 buffer[MAX_BUFFER], after[MAX_BUFFER];
    gsize len;
    guint32 session_policy;
    Seen before, now;
    guint8 *memory;  /* as it was before */
    guint8 *allowed; /* 1: may change */
    guint32 new_handle;
    GString *complaints;
} Try;

static Tables *tables;
static guint n_rows, n_design, n_bad;

#define COMPLAIN(t, ...) g_string_append_printf ((t)->complaints, "#   " __VA_ARGS__)

static guint64
get (const guint8 *buffer, const TableField *field)
{
    guint64 le = 0;

    memcpy (&le, buffer + field->offset, field->width);
    return GUINT64_FROM_LE (le);
}

static void
put (guint8 *buffer, const TableField *field, guint64 value)
{
    const guint64 le = GUINT64_TO_LE (value);

    memcpy (buffer + field->offset, &le, field->width);
}

static guint64
value_of (const Try *t, const char *text)
{
    const TableField *field = table_field (t->row->command, text);
    guint64 value;

    if (table_number (text, &value) || world_address (text, &value))
        return value;
    if (g_str_equal (text, "H"))
        return t->world->handle;
    if (g_str_equal (text, "H2"))
        return t->world->second;
    if (g_str_equal (text, "bad"))
        return WORLD_BAD_HANDLE;
    if (g_str_has_suffix (text, "_LEN")) {
        g_autofree char *area = g_strndup (text, strlen (text) - 4);
        GBytes *blob = world_blob (t->world, area);
        return blob != NULL ? g_bytes_get_size (blob) : 2048;
    }
    if (field == NULL)
        g_error ("%s: no value '%s'", t->row->where, text);
    return get (t->buffer, field);
}

/* "KEY=VALUE": returns VALUE if KEY is @key. */
static const char *
edit_value (const char *edit, const char *key)
{
    const gsize len = strlen (key);

    return strncmp (edit, key, len) == 0 && edit[len] == '=' ? edit + len + 1 : NULL;
}

static void
set_size (Try *t, const char *text)
{
    guint64 n = 0;
    const char *sign = strpbrk (text, "+-");

    if (table_number (text, &n)) {
        t->len = n;
        return;
    }
    g_assert_true (g_str_has_prefix (text, "SIZE") && sign != NULL &&
                   table_number (sign + 1, &n));
    t->len = *sign == '+' ? t->len + n : t->len - n;
}

static void
set_fields (Try *t)
{
    const TableCommand *command = t->row->command;

    memset (t->buffer, 0xc3, sizeof t->buffer);
    t->len = command->size;
    for (guint i = 0; i < command->fields->len; i++) {
        const TableField *field = g_ptr_array_index (command->fields, i);
        put (t->buffer, field, value_of (t, field->value));
    }
    for (char **edit = t->row->edits; *edit != NULL; edit++) {
        const char *equals = strchr (*edit, '=');

        if (edit_value (*edit, "buffer") != NULL) {
            set_size (t, equals + 1);
            continue;
        }
        if (g_str_has_prefix (*edit, "session:")) {
            t->session_policy = (guint32) value_of (t, *edit + 8);
            continue;
        }
        if (strchr (*edit, ':') != NULL)
            continue;
        g_autofree char *name = g_strndup (*edit, (gsize) (equals - *edit));
        const TableField *field = table_field (command, name);
        if (field == NULL)
            g_error ("%s: no field '%s'", t->row->where, name);
        put (t->buffer, field, value_of (t, equals + 1));
    }
}

/* "PREFIX:AREA+OFFSET=N" of this row for @area, "PREFIX:OFFSET=N" if @area is "". */
static gboolean
find_edit (const Try *t,
           const char *prefix,
           const char *area,
           guint64 *offset,
           guint8 *value)
{
    g_autofree char *start =
        g_strconcat (prefix, ":", area, area[0] != '\0' ? "+" : "", NULL);

    for (char **edit = t->row->edits; *edit != NULL; edit++) {
        guint64 n = 0;

        if (!g_str_has_prefix (*edit, start))
            continue;
        g_auto (GStrv) parts = g_strsplit (*edit + strlen (start), "=", 2);
        g_assert_true (parts[1] != NULL && table_number (parts[0], offset) &&
                       table_number (parts[1], &n));
        *value = (guint8) n;
        return TRUE;
    }
    return FALSE;
}

/* What has to lie in the area that the good call names: Returns: (transfer full). */
static GBytes *
content_for (const Try *t, const char *area)
{
    guint64 offset = G_MAXSIZE;
    guint8 value = 0;

    if (g_str_equal (area, "SESSION") && world_blob (t->world, "own.PDH") != NULL) {
        WorldSession session;

        world_session (t->world, t->session_policy, &session);
        return g_bytes_new (session.bytes, sizeof session.bytes);
    }
    if (find_edit (t, "sign", area, &offset, &value))
        return world_signed (t->world, area, offset, value);
    for (char **edit = t->row->edits; *edit != NULL && g_str_equal (area, "FW"); edit++)
        if (g_str_has_prefix (*edit, "image:"))
            return world_image ((guint8) value_of (t, *edit + strlen ("image:")));
    GBytes *blob = world_blob (t->world, area);
    return blob != NULL ? g_bytes_ref (blob) : NULL;
}

static void
flip (Try *t, const char *area, guint64 paddr)
{
    guint64 offset;
    guint8 value;

    if (find_edit (t, "mem", area, &offset, &value))
        *fake_host_at (t->world->host, paddr + offset, 1) ^= value;
}

static guint8
packet_context (const TableCommand *command)
{
    switch (command->id) {
    case 0x34:
        return 1;
    case 0x51:
        return 2;
    case 0x52:
        return 3;
    default:
        return 0;
    }
}

static void
set_packet (Try *t)
{
    const TableCommand *command = t->row->command;
    WorldPacket packet = { .context = packet_context (command), .offset = G_MAXSIZE };
    guint64 offset = G_MAXSIZE;

    if (packet.context == 0)
        return;
    packet.header = get (t->buffer, table_field (command, "hdr_paddr"));
    packet.trans = get (t->buffer, table_field (command, "trans_paddr"));
    packet.guest_len = (guint32) get (t->buffer, table_field (command, "guest_len"));
    packet.trans_len = (guint32) get (t->buffer, table_field (command, "trans_len"));
    if (find_edit (t, "packet", "", &offset, &packet.value))
        packet.offset = offset;
    world_packet (t->world, &packet);
}

/* Each field's content lies where the field points, if that is memory. */
static void
set_memory (Try *t)
{
    const TableCommand *command = t->row->command;

    world_fill (t->world);
    for (guint i = 0; i < command->fields->len; i++) {
        const TableField *field = g_ptr_array_index (command->fields, i);
        const guint64 paddr = get (t->buffer, field);
        g_autoptr (GBytes) blob = content_for (t, field->value);
        gsize len;

        if (blob == NULL)
            continue;
        const void *data = g_bytes_get_data (blob, &len);
        if (world_mapped (paddr, len))
            memcpy (fake_host_at (t->world->host, paddr, len), data, len);
    }
    if (g_str_equal (command->name, "INIT_EX"))
        for (guint64 i = 0, paddr = get (t->buffer, table_field (command, "nv_paddr"));
             i < 32768 && world_mapped (paddr + i, 1); i++)
            *fake_host_at (t->world->host, paddr + i, 1) = 0xff;
    set_packet (t);
    for (guint i = 0; i < command->fields->len; i++) {
        const TableField *field = g_ptr_array_index (command->fields, i);

        flip (t, field->value, get (t->buffer, field));
    }
}

static void
look (const Try *t, Seen *seen)
{
    const guint32 handle_le = GUINT32_TO_LE (t->world->handle);

    memset (seen, 0, sizeof *seen);
    g_assert_cmpuint (
        fake_command (t->world->psp, 0x04, seen->platform, sizeof seen->platform), ==, 0);
    memcpy (seen->guest, &handle_le, sizeof handle_le);
    seen->has_guest =
        fake_command (t->world->psp, 0x23, seen->guest, sizeof seen->guest) == 0;
    if (!seen->has_guest)
        memset (seen->guest, 0, sizeof seen->guest);
    seen->stores = t->world->host->stores;
}

static guint8
state_number (const char *name)
{
    static const struct {
        const char *name;
        guint8 number;
    } names[] = { { "UNINIT", 0 },  { "INIT", 1 },    { "WORKING", 2 },
                  { "LUPDATE", 1 }, { "LSECRET", 2 }, { "RUNNING", 3 },
                  { "SUPDATE", 4 }, { "RUPDATE", 5 }, { "SENT", 6 } };

    for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        if (g_str_equal (name, names[i].name))
            return names[i].number;
    g_error ("no state '%s'", name);
}

/* Changes @expected as "KEY=VALUE" of an effect says; FALSE: it is no effect on status. */
static gboolean
apply_status (const Try *t, const char *effect, Seen *expected)
{
    const char *value;
    guint64 n;

    if ((value = edit_value (effect, "platform")) != NULL) {
        expected->platform[2] =
            g_str_equal (value, "any") ? t->now.platform[2] : state_number (value);
    } else if ((value = edit_value (effect, "guest")) != NULL) {
        expected->guest[12] = state_number (value);
    } else if ((value = edit_value (effect, "platform.owner")) != NULL) {
        g_assert_true (table_number (value, &n));
        expected->platform[3] = (guint8) n;
    } else if ((value = edit_value (effect, "platform.config")) != NULL) {
        g_assert_true (table_number (value, &n));
        expected->platform[4] = (guint8) n;
    } else if ((value = edit_value (effect, "platform.build")) != NULL) {
        g_assert_true (table_number (value, &n));
        expected->platform[7] = (guint8) n;
    } else if ((value = edit_value (effect, "guest.asid")) != NULL) {
        g_assert_true (table_number (value, &n));
        expected->guest[8] = (guint8) n;
        expected->guest[9] = (guint8) (n >> 8);
    } else if (g_str_equal (effect, "gone")) {
        expected->has_guest = FALSE;
    } else {
        return FALSE;
    }
    return TRUE;
}

static void
check_new_guest (Try *t, const char *state)
{
    guint8 guest[13] = { 0 };
    const guint32 handle_le = GUINT32_TO_LE (t->new_handle);
    const TableField *policy = table_field (t->row->command, "policy");

    memcpy (guest, &handle_le, sizeof handle_le);
    if (t->new_handle == 0 || t->new_handle == t->world->handle)
        COMPLAIN (t, "new handle 0x%x\n", t->new_handle);
    if (fake_command (t->world->psp, 0x23, guest, sizeof guest) != 0)
        COMPLAIN (t, "the new handle is no guest\n");
    else if (guest[12] != state_number (state) || !sev_bytes_all_zero (guest + 8, 4) ||
             memcmp (guest + 4, t->buffer + policy->offset, 4) != 0)
        COMPLAIN (t, "new guest: state %u, asid %u, policy byte %u\n", guest[12], guest[8],
                  guest[4]);
}

static void
check_status (Try *t)
{
    Seen expected = t->before;

    for (char **effect = t->row->effects; *effect != NULL; effect++) {
        const char *state = edit_value (*effect, "new");

        if (state != NULL) {
            expected.platform[8]++;
            check_new_guest (t, state);
            continue;
        }
        apply_status (t, *effect, &expected);
    }
    if (t->before.has_guest && !expected.has_guest)
        expected.platform[8]--;
    if (!expected.has_guest)
        memset (expected.guest, 0, sizeof expected.guest);
    /* Section 1.4: in UNINIT owner, configuration and number of guests read 0. */
    if (expected.platform[2] == 0) {
        memset (expected.platform + 3, 0, 3);
        memset (expected.platform + 8, 0, 4);
    }
    if (memcmp (expected.platform, t->now.platform, sizeof expected.platform) != 0) {
        g_autofree char *want = sev_hex_encode (expected.platform, 12);
        g_autofree char *got = sev_hex_encode (t->now.platform, 12);
        COMPLAIN (t, "PLATFORM_STATUS %s, expected %s\n", got, want);
    }
    if (expected.has_guest != t->now.has_guest ||
        memcmp (expected.guest, t->now.guest, sizeof expected.guest) != 0) {
        g_autofree char *want = sev_hex_encode (expected.guest, 13);
        g_autofree char *got = sev_hex_encode (t->now.guest, 13);
        COMPLAIN (t, "GUEST_STATUS %s, expected %s\n", got, want);
    }
}

/* The command buffer: what no effect names is as it was. */
static void
check_buffer (Try *t)
{
    guint8 expected[MAX_BUFFER];

    memcpy (expected, t->buffer, sizeof expected);
    for (char **effect = t->row->effects; *effect != NULL; effect++) {
        const char *equals = strchr (*effect, '=');
        g_autofree char *name = g_strndup (*effect, strcspn (*effect, "="));
        const TableField *field = table_field (t->row->command, name);

        if (equals == NULL || field == NULL)
            continue;
        if (g_str_equal (equals + 1, "any"))
            memcpy (expected + field->offset, t->after + field->offset, field->width);
        else
            put (expected, field, value_of (t, equals + 1));
    }
    for (guint i = 0; i < MAX_BUFFER; i++) {
        if (expected[i] != t->after[i]) {
            COMPLAIN (t, "command buffer, byte %u: 0x%02x, expected 0x%02x\n", i,
                      t->after[i], expected[i]);
            return;
        }
    }
}

/* "write:FIELD:LEN", "write?:FIELD:LEN" */
static void
check_write (Try *t, const char *effect)
{
    g_auto (GStrv) parts = g_strsplit (effect, ":", 3);
    const guint64 paddr = value_of (t, parts[1]);
    const gsize len = value_of (t, parts[2]);
    const gsize edge = MIN (len, 16);

    if (!world_mapped (paddr, len)) {
        COMPLAIN (t, "%s: no memory\n", effect);
        return;
    }
    const gsize offset = paddr - FAKE_BASE;
    const guint8 *now = t->world->host->memory + offset, *was = t->memory + offset;
    memset (t->allowed + offset, 1, len);
    if (parts[0][strlen ("write")] == '?')
        return;
    if (memcmp (now, was, edge) == 0 ||
        memcmp (now + len - edge, was + len - edge, edge) == 0)
        COMPLAIN (t, "%s: not written to the end\n", effect);
}

/* "u32:FIELD+OFFSET=N", "zero:FIELD+OFFSET:LEN" */
static void
check_content (Try *t, const char *effect)
{
    g_auto (GStrv) parts = g_strsplit_set (effect, ":+=", 4);
    guint64 offset, n;

    g_assert_true (table_number (parts[2], &offset) && table_number (parts[3], &n));
    const guint64 paddr = value_of (t, parts[1]) + offset;
    const gboolean zero = g_str_equal (parts[0], "zero");
    if (!world_mapped (paddr, zero ? n : 4))
        return;
    const guint8 *at = fake_host_at (t->world->host, paddr, zero ? n : 4);
    const guint32 le = GUINT32_TO_LE ((guint32) n);
    if (zero ? !sev_bytes_all_zero (at, n) : memcmp (at, &le, sizeof le) != 0)
        COMPLAIN (t, "%s: it is not\n", effect);
}

/* "same:TO:FROM:LEN", "inverse:TO:FROM:LEN", "plain:TO:FROM:LEN": the content.  The fake
 * engine inverts; "plain" is what was encrypted at FROM.
 */
static void
check_copy (Try *t, const char *effect)
{
    g_auto (GStrv) parts = g_strsplit (effect, ":", 4);
    const guint64 to = value_of (t, parts[1]), from = value_of (t, parts[2]);
    const gsize len = value_of (t, parts[3]);
    const gboolean plain = g_str_equal (parts[0], "plain");
    const guint8 invert = g_str_equal (parts[0], "same") ? 0 : 0xff;

    if (!world_mapped (to, len) || !world_mapped (from, len))
        return;
    for (gsize i = 0; i < len; i++) {
        const guint8 was =
            plain ? world_pattern (from + i) : t->memory[from + i - FAKE_BASE];

        if (t->world->host->memory[to + i - FAKE_BASE] != (guint8) (was ^ invert)) {
            COMPLAIN (t, "%s: not from byte %zu on\n", effect, i);
            return;
        }
    }
}

static void
check_memory (Try *t)
{
    memset (t->allowed, 0, FAKE_SIZE);
    for (char **effect = t->row->effects; *effect != NULL; effect++) {
        if (g_str_has_prefix (*effect, "write"))
            check_write (t, *effect);
        if (g_str_has_prefix (*effect, "u32:") || g_str_has_prefix (*effect, "zero:"))
            check_content (t, *effect);
        if (g_str_has_prefix (*effect, "same:") || g_str_has_prefix (*effect, "inverse:") ||
            g_str_has_prefix (*effect, "plain:"))
            check_copy (t, *effect);
    }
    for (gsize i = 0; i < FAKE_SIZE; i++) {
        if (!t->allowed[i] && t->world->host->memory[i] != t->memory[i]) {
            COMPLAIN (t, "memory at base + 0x%zx was written\n", i);
            return;
        }
    }
}

static gboolean
has_effect (const Try *t, const char *name)
{
    return g_strv_contains ((const char *const *) t->row->effects, name);
}

static void
check_stores (Try *t)
{
    if (has_effect (t, "nv?"))
        return;
    if (has_effect (t, "nv") != (t->now.stores != t->before.stores))
        COMPLAIN (t, "persistent state was %sstored\n",
                  t->now.stores != t->before.stores ? "" : "not ");
}

/* INIT, or twice if persistent state is bad. */
static void
initialise (Try *t)
{
    guint8 buffer[20] = { 0 };

    if (t->now.platform[2] != 0)
        return;
    if (fake_command (t->world->psp, 0x01, buffer, sizeof buffer) != 0 &&
        fake_command (t->world->psp, 0x01, buffer, sizeof buffer) != 0)
        COMPLAIN (t, "INIT fails afterwards\n");
}

static void
check_certs (Try *t)
{
    static const char *const names[] = { "oca", "pek", "pdh" };
    char *certs[WORLD_CERTS];

    if (t->world->certs[0] == NULL)
        return;
    initialise (t);
    world_certs (t->world, certs);
    for (guint i = 0; i < WORLD_CERTS; i++) {
        const gboolean same = g_str_equal (certs[i], t->world->certs[i]);
        g_autofree char *maybe = g_strconcat (names[i], "?", NULL);

        if (!has_effect (t, maybe) && same == has_effect (t, names[i]))
            COMPLAIN (t, "%s is %s\n", names[i], same ? "the same" : "another");
        g_free (certs[i]);
    }
}

/* A cell of the table of states: where the command is legal, and what comes next. */
static void
check_states (Try *t)
{
    Seen expected = t->before;
    const gboolean other_guest =
        g_strv_contains ((const char *const *) t->row->command->effects, "platform=any");

    for (char **effect = t->row->effects; *effect != NULL; effect++)
        apply_status (t, *effect, &expected);
    if (!other_guest && expected.platform[2] != t->now.platform[2])
        COMPLAIN (t, "platform state %u, expected %u\n", t->now.platform[2],
                  expected.platform[2]);
    if (t->now.has_guest && expected.guest[12] != t->now.guest[12])
        COMPLAIN (t, "guest state %u, expected %u\n", t->now.guest[12], expected.guest[12]);
}

static void
check_all (Try *t, const char *inside_before)
{
    if (t->row->loose && t->row->status == 0) {
        check_states (t);
        return;
    }
    check_buffer (t);
    check_memory (t);
    check_status (t);
    check_stores (t);
    if (t->row->status == 0 || has_effect (t, "nv")) {
        check_certs (t);
        return;
    }
    g_autofree char *inside = fake_snapshot (t->world->psp, t->world->host, FALSE);
    if (!g_str_equal (inside, inside_before))
        COMPLAIN (t, "refused, but something in the device changed\n");
}

static void
report (Try *t)
{
    n_rows++;
    n_design += t->row->design;
    if (t->complaints->len == 0)
        return;
    n_bad++;
    g_print ("# %s: %s\n%s", t->row->where, t->row->text, t->complaints->str);
}

/* Returns: whether the world is as it was, and may be used again. */
static gboolean
try_row (World *world, const TableCase *row)
{
    Try t = { .world = world, .row = row, .complaints = g_string_new (NULL) };

    t.memory = g_malloc (FAKE_SIZE);
    t.allowed = g_malloc (FAKE_SIZE);
    set_fields (&t);
    set_memory (&t);
    memcpy (t.memory, world->host->memory, FAKE_SIZE);
    memcpy (t.after, t.buffer, sizeof t.buffer);
    look (&t, &t.before);
    g_autofree char *before = fake_snapshot (world->psp, world->host, FALSE);

    const SevStatus status =
        fake_command (world->psp, row->command->id, t.len > 0 ? t.after : NULL, t.len);
    memcpy (&t.new_handle, t.after, sizeof t.new_handle);
    t.new_handle = GUINT32_FROM_LE (t.new_handle);
    look (&t, &t.now);
    if (status != row->status)
        COMPLAIN (&t, "status 0x%02x %s, expected 0x%02x %s\n", status,
                  sev_status_name (status), row->status, sev_status_name (row->status));
    else
        check_all (&t, before);
    report (&t);
    g_autofree char *after = fake_snapshot (world->psp, world->host, FALSE);
    const gboolean same = t.complaints->len == 0 && g_str_equal (before, after) &&
                          t.before.stores == world->host->stores;
    g_string_free (t.complaints, TRUE);
    g_free (t.memory);
    g_free (t.allowed);
    return same;
}

static void
test_rows (void)
{
    World *world = NULL;
    const char *start = "";

    for (guint i = 0; i < tables->cases->len; i++) {
        const TableCase *row = g_ptr_array_index (tables->cases, i);

        if (world != NULL && !g_str_equal (start, row->start))
            g_clear_pointer (&world, world_free);
        if (world == NULL)
            world = world_new (row->start);
        start = row->start;
        if (!try_row (world, row))
            g_clear_pointer (&world, world_free);
    }
    g_clear_pointer (&world, world_free);
    g_print ("# %u rows, of them %u design choices (D), %u differ\n", n_rows, n_design,
             n_bad);
    g_assert_cmpuint (n_bad, ==, 0);
}

/* Every id that AMD's sev-tool and Linux have for SEV and SEV-ES. */
static void
test_coverage (void)
{
    static const struct {
        guint32 first, last;
    } ids[] = { { 0x01, 0x0f }, { 0x20, 0x25 }, { 0x30, 0x36 }, { 0x40, 0x44 },
                { 0x50, 0x53 }, { 0x60, 0x61 }, { 0x70, 0x71 } };

    for (guint i = 0; i < G_N_ELEMENTS (ids); i++) {
        for (guint32 id = ids[i].first; id <= ids[i].last; id++) {
            for (guint j = 0; j < TABLE_STATES; j++) {
                g_autofree char *cell = g_strdup_printf ("0x%02x %s", id, table_states[j]);

                if (!g_hash_table_contains (tables->cells, cell))
                    g_error ("no row says what command %s answers", cell);
            }
        }
    }
    g_assert_cmpuint (g_hash_table_size (tables->cells), ==, 41 * TABLE_STATES);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    tables = tables_load ();
    g_test_add_func ("/psp-table/coverage", test_coverage);
    g_test_add_func ("/psp-table/rows", test_rows);
    const int result = g_test_run ();
    tables_free (tables);
    return result;
}
