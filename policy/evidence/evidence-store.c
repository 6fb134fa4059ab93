/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/evidence/evidence-store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "policy/owner-file.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

#define HEAD_MAX 128u
#define MAX_NUMBER G_GUINT64_CONSTANT (999999999)
#define MAX_ENTRIES 100000u

struct _EvidenceStore {
    int fd;
    EvidencePlace place; /* of the file to come */
    gboolean begun;
};

static gboolean
io_error (GError **error, const char *what)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "evidence: %s: %s", what,
                 g_strerror (errno));
    return FALSE;
}

static gboolean
damaged (GError **error, const char *what)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE, "evidence: %s", what);
    return FALSE;
}

EvidenceStore *
evidence_store_open_at (int dirfd, GError **error)
{
    const int fd = policy_dir_make_at (dirfd, EVIDENCE_DIR, error);

    if (fd < 0)
        return NULL;
    EvidenceStore *store = g_new0 (EvidenceStore, 1);
    store->fd = fd;
    return store;
}

void
evidence_store_free (EvidenceStore *store)
{
    if (store == NULL)
        return;
    close (store->fd);
    g_free (store);
}

/* "000012-web.evidence.json" -> 12; 0 for any other name. */
static guint64
number_of (const char *name)
{
    const gsize len = strspn (name, "0123456789");
    guint64 number = 0;

    if (len < 6 || len > 9 || name[len] != '-' || !g_str_has_suffix (name, EVIDENCE_SUFFIX))
        return 0;
    for (gsize i = 0; i < len; i++)
        number = number * 10 + (guint64) (name[i] - '0');
    return number;
}

gboolean
evidence_store_parse_head (GBytes *bytes, EvidencePlace *out, GError **error)
{
    gsize len;
    const char *data = g_bytes_get_data (bytes, &len);
    char *end = NULL;

    if (len == 0) /* then @data is NULL */
        return damaged (error, "'" EVIDENCE_HEAD "' is empty");
    g_autofree char *text = g_strndup (data, len);
    out->counter = g_ascii_isdigit (text[0]) ? g_ascii_strtoull (text, &end, 10) : 0;
    if (out->counter == 0 || out->counter >= MAX_NUMBER || *end != ' ')
        return damaged (error, "'" EVIDENCE_HEAD "' does not say a number");
    g_strchomp (end);
    if (!sev_hex_decode (end + 1, out->previous, sizeof out->previous, NULL))
        return damaged (error, "'" EVIDENCE_HEAD "' does not say a SHA-256");
    out->has_previous = TRUE;
    return TRUE;
}

/* @number, @name: (inout): of the newest file of those seen so far */
static void
keep_newest (const char *name, guint64 *number, char **newest)
{
    const guint64 found = number_of (name);

    if (found <= *number)
        return;
    *number = found;
    g_free (*newest);
    *newest = g_strdup (name);
}

static gboolean
find_newest (int fd, guint64 *number, char **newest, GError **error)
{
    g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
    g_autoptr (GError) cause = NULL;
    g_autoptr (GDir) dir = g_dir_open (path, 0, &cause);

    if (dir == NULL) {
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_IO, cause->message);
        return FALSE;
    }
    for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
        keep_newest (name, number, newest);
    return TRUE;
}

static gboolean
take_newest (int fd, const char *name, guint64 number, EvidencePlace *last, GError **error)
{
    g_autoptr (GBytes) file = NULL;
    gsize len;

    if (number >= MAX_NUMBER)
        return damaged (error, "there are no numbers left");
    if (!policy_file_read (fd, name, EVIDENCE_MAX_SIZE, POLICY_FILE_PUBLIC, &file, error))
        return FALSE;
    const void *data = g_bytes_get_data (file, &len);
    last->counter = number;
    last->has_previous = TRUE;
    return sev_sha256 (data, len, last->previous, error);
}

static gboolean
head_fits (const EvidencePlace *head, gboolean has_head, guint64 newest, GError **error)
{
    if (!has_head && newest > 0)
        return damaged (error, "'" EVIDENCE_HEAD "' is missing, so the last files may have "
                               "been taken away");
    /* A crash can fall between a file and `head`: then the file is one ahead, and counts.
     */
    if (newest > head->counter + 1) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE,
                     "evidence: '" EVIDENCE_HEAD "' says that number %" G_GUINT64_FORMAT
                     " is the last one, and there is number %" G_GUINT64_FORMAT
                     ": an older one was put back",
                     head->counter, newest);
        return FALSE;
    }
    return TRUE;
}

/* @why: (nullable): as in evidence_store_begin() */
static gboolean
read_place (int fd, EvidencePlace *last, char **why, GError **error)
{
    g_autoptr (GBytes) head = NULL;
    g_autoptr (GError) cause = NULL;
    g_autofree char *newest = NULL;
    guint64 number = 0;

    if (!policy_file_read (fd, EVIDENCE_HEAD, HEAD_MAX, POLICY_FILE_OPTIONAL, &head,
                           error) ||
        !find_newest (fd, &number, &newest, error))
        return FALSE;
    if ((head == NULL || evidence_store_parse_head (head, last, &cause)) &&
        head_fits (last, head != NULL, number, &cause))
        return number <= last->counter || take_newest (fd, newest, number, last, error);
    if (why == NULL) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE,
                     "%s (put '" EVIDENCE_HEAD "' back as it was, or move the folder "
                     "'" EVIDENCE_DIR "' away and keep it)",
                     cause->message);
        return FALSE;
    }
    *why = g_strdup (cause->message);
    memset (last, 0, sizeof *last);
    last->gap = TRUE;
    return number == 0 || take_newest (fd, newest, number, last, error);
}

gboolean
evidence_store_begin (EvidenceStore *store, EvidencePlace *out, char **why, GError **error)
{
    EvidencePlace last = { 0 };

    g_return_val_if_fail (!store->begun, FALSE);

    if (why != NULL)
        *why = NULL;
    while (flock (store->fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return io_error (error, "locking the folder");
    if (!read_place (store->fd, &last, why, error)) {
        flock (store->fd, LOCK_UN);
        return FALSE;
    }
    store->begun = TRUE;
    store->place = last;
    store->place.counter++;
    *out = store->place;
    return TRUE;
}

void
evidence_store_abort (EvidenceStore *store)
{
    if (store->begun)
        flock (store->fd, LOCK_UN);
    store->begun = FALSE;
}

static gboolean
write_both (EvidenceStore *store, const char *file_name, GBytes *file, GError **error)
{
    guint8 digest[SEV_DIGEST_SIZE];
    gsize len;
    const void *data = g_bytes_get_data (file, &len);

    if (!sev_sha256 (data, len, digest, error) ||
        !policy_file_write (store->fd, file_name, data, len, FALSE, error))
        return FALSE;
    g_autofree char *hex = sev_hex_encode (digest, sizeof digest);
    g_autofree char *head =
        g_strdup_printf ("%" G_GUINT64_FORMAT " %s\n", store->place.counter, hex);
    return policy_file_write (store->fd, EVIDENCE_HEAD, head, strlen (head), TRUE, error);
}

char *
evidence_store_commit (EvidenceStore *store, const char *name, GBytes *file, GError **error)
{
    g_autofree char *file_name = NULL;

    g_return_val_if_fail (store->begun, NULL);

    if (policy_name_is_plain (name))
        file_name = g_strdup_printf ("%06" G_GUINT64_FORMAT "-%s" EVIDENCE_SUFFIX,
                                     store->place.counter, name);
    else
        (void) damaged (error, "the guest's name cannot be part of a file's");
    const gboolean ok = file_name != NULL && write_both (store, file_name, file, error);
    evidence_store_abort (store);
    return ok ? g_steal_pointer (&file_name) : NULL;
}

/* Reading, also by somebody who got a copy of the folder. */

static void
entry_free (gpointer data)
{
    EvidenceEntry *entry = data;

    g_free (entry->name);
    g_free (entry->path);
    g_free (entry);
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
    const EvidenceEntry *x = *(const EvidenceEntry *const *) a;
    const EvidenceEntry *y = *(const EvidenceEntry *const *) b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return strcmp (x->name, y->name);
}

/* EvidencePlace.gap: there is none. */
static gboolean
read_head_file (const char *folder, EvidencePlace *head, GError **error)
{
    g_autofree char *path = g_build_filename (folder, EVIDENCE_HEAD, NULL);
    g_autoptr (GError) cause = NULL;
    g_autoptr (GBytes) bytes = policy_file_read_found (path, HEAD_MAX, &cause);

    memset (head, 0, sizeof *head);
    head->gap = g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING);
    if (head->gap)
        return TRUE;
    if (bytes == NULL) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return FALSE;
    }
    return evidence_store_parse_head (bytes, head, error);
}

static gboolean
add_entry (GPtrArray *list, const char *folder, const char *name, GError **error)
{
    if (list->len >= MAX_ENTRIES)
        return damaged (error, "too many files");
    EvidenceEntry *entry = g_new0 (EvidenceEntry, 1);
    entry->name = g_strdup (name);
    entry->path = g_build_filename (folder, name, NULL);
    entry->number = number_of (name);
    g_ptr_array_add (list, entry);
    return TRUE;
}

GPtrArray *
evidence_store_list (const char *path, EvidencePlace *head, GError **error)
{
    g_autofree char *inner = g_build_filename (path, EVIDENCE_DIR, NULL);
    const char *folder = g_file_test (inner, G_FILE_TEST_IS_DIR) ? inner : path;
    g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (entry_free);
    g_autoptr (GError) cause = NULL;
    g_autoptr (GDir) dir = g_dir_open (folder, 0, &cause);

    if (dir == NULL) {
        g_set_error_literal (error, POLICY_ERROR,
                             g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_NOENT)
                                 ? POLICY_ERROR_OWNER_MISSING
                                 : POLICY_ERROR_IO,
                             cause->message);
        return NULL;
    }
    for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
        if (number_of (name) != 0 && !add_entry (list, folder, name, error))
            return NULL;
    g_ptr_array_sort (list, compare_entries);
    return read_head_file (folder, head, error) ? g_steal_pointer (&list) : NULL;
}
