/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Running other programs on hostile data: limits, time, cancellation. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/image/image-tool.h"
#include "tests/lib/test-dir.h"

/* SHORT only where nothing will ever come, LONG where the answer must. */
#define SHORT 100u    /* ms */
#define LONG 60000u   /* ms */
#define OUTPUT 65536u /* bytes */

static gboolean
run_shell (const char *script,
           ImageTool tool,
           GCancellable *cancellable,
           ImageToolResult *result,
           GError **error)
{
    const char *const argv[] = { "sh", "-c", script, NULL };

    tool.argv = argv;
    if (tool.max_output == 0)
        tool.max_output = OUTPUT;
    if (tool.timeout_ms == 0)
        tool.timeout_ms = LONG;
    return image_tool_run (&tool, cancellable, result, error);
}

static char *
output_of (const char *script, int fd)
{
    const ImageTool tool = { .fd = fd };
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_true (run_shell (script, tool, NULL, &result, &error));
    g_assert_no_error (error);
    g_assert_cmpint (result.exit_status, ==, 0);
    gsize len;
    const char *data = g_bytes_get_data (result.output, &len);
    return g_strndup (len > 0 ? data : "", len);
}

static void
expect (const char *script,
        ImageTool tool,
        GCancellable *cancellable,
        GQuark domain,
        int code)
{
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_false (run_shell (script, tool, cancellable, &result, &error));
    g_assert_error (error, domain, code);
    g_assert_null (result.output);
}

static void
test_result (void)
{
    const ImageTool tool = { .fd = -1 };
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_true (
        run_shell ("printf 'a\\nb'; printf 'first\\033[2J\\nsecond\\n' >&2; exit 7", tool,
                   NULL, &result, &error));
    g_assert_no_error (error);
    g_assert_cmpint (result.exit_status, ==, 7);
    g_assert_cmpmem (g_bytes_get_data (result.output, NULL),
                     g_bytes_get_size (result.output), "a\nb", 3);
    g_assert_true (g_str_has_prefix (result.complaint, "first"));
    g_assert_null (strchr (result.complaint, '\033'));
    g_assert_null (strstr (result.complaint, "second"));
}

/* Nothing of this process reaches the tool but what was meant to. */
static void
test_surroundings (void)
{
    g_autofree char *names =
        output_of ("env | cut -d= -f1 | grep -vE '^(PWD|_|SHLVL|OLDPWD)$' "
                   "| sort | tr '\\n' ' '",
                   -1);
    g_assert_cmpstr (names, ==, "HOME LC_ALL PATH TMPDIR ");
    g_autofree char *input = output_of ("readlink /proc/self/fd/0", -1);
    g_assert_cmpstr (input, ==, "/dev/null\n");
    g_autofree char *limits = output_of ("ulimit -c; ulimit -f; ulimit -v; ulimit -t", -1);
    g_assert_cmpstr (limits, ==, "0\n0\n2097152\n120\n");
}

static void
test_descriptor (void)
{
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    test_dir_write (&dir, "f", "content", 0600);
    g_autofree char *path = test_dir_path (&dir, "f");
    const int fd = open (path, O_RDONLY | O_CLOEXEC);
    const int other = open (path, O_RDONLY);
    g_autofree char *content = output_of ("cat /dev/fd/3", fd);
    g_assert_cmpstr (content, ==, "content");
    /* The same descriptor as the tool's own number. */
    g_autofree char *others = output_of (
        "for n in 4 5 6 7 8 9; do [ ! -e /proc/self/fd/$n ] || echo $n; done", fd);
    g_assert_cmpstr (others, ==, "");
    close (other);
    close (fd);
}

static void
test_no_tool (void)
{
    static const char *const argv[] = { "no-such-program-7c1b", NULL };
    const ImageTool tool = { .argv = argv, .fd = -1, .max_output = 1, .timeout_ms = LONG };
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_false (image_tool_run (&tool, NULL, &result, &error));
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_TOOL);
    g_assert_nonnull (strstr (error->message, "no-such-program-7c1b"));
}

static void
test_killed (void)
{
    const ImageTool tool = { .fd = -1 };

    expect ("kill -9 $$", tool, NULL, IMAGE_ERROR, IMAGE_ERROR_TOOL);
    expect ("kill -SEGV $$", tool, NULL, IMAGE_ERROR, IMAGE_ERROR_TOOL);
}

static void
test_timeout (void)
{
    ImageTool tool = { .fd = -1, .timeout_ms = SHORT };

    /* A pipe that nobody writes to: nothing else ends this. */
    expect ("exec tail -f /dev/null", tool, NULL, IMAGE_ERROR, IMAGE_ERROR_TIMEOUT);
    /* Output without end does not put the limit off. */
    tool.max_output = G_MAXUINT32;
    expect ("exec tail -f /dev/null /dev/null", tool, NULL, IMAGE_ERROR,
            IMAGE_ERROR_TIMEOUT);
}

static void
test_output_limit (void)
{
    ImageTool tool = { .fd = -1, .max_output = 5000 };
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_true (run_shell ("head -c 5000 /dev/zero", tool, NULL, &result, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (g_bytes_get_size (result.output), ==, 5000);
    expect ("head -c 5001 /dev/zero", tool, NULL, IMAGE_ERROR, IMAGE_ERROR_BROKEN);
    expect ("exec cat /dev/zero", tool, NULL, IMAGE_ERROR, IMAGE_ERROR_BROKEN);
}

/* Complaints without end are cut, and are no error. */
static void
test_complaint_limit (void)
{
    const ImageTool tool = { .fd = -1 };
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_true (run_shell ("head -c 300000 /dev/zero | tr '\\0' x >&2", tool, NULL,
                              &result, &error));
    g_assert_no_error (error);
    g_assert_true (g_str_has_prefix (result.complaint, "xxxxxxxxxx"));
    g_assert_cmpuint (strlen (result.complaint), <=, 4096);
}

static void
test_file_limit (void)
{
    g_auto (TestDir) dir = { 0 };
    g_auto (ImageToolResult) result = { 0 };
    const ImageTool tool = { .fd = -1, .max_file = 4096 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    g_autofree char *fits = g_strdup_printf ("head -c 4096 /dev/zero >'%s/fits'", dir.path);
    g_assert_true (run_shell (fits, tool, NULL, &result, &error));
    g_assert_cmpint (result.exit_status, ==, 0);
    image_tool_result_clear (&result);

    g_autofree char *script =
        g_strdup_printf ("head -c 5000 /dev/zero >'%s/large'", dir.path);
    g_assert_true (run_shell (script, tool, NULL, &result, &error));
    g_assert_no_error (error);
    g_assert_cmpint (result.exit_status, !=, 0);
    g_autofree char *path = test_dir_path (&dir, "large");
    struct stat st;
    g_assert_cmpint (stat (path, &st), ==, 0);
    g_assert_cmpint (st.st_size, <=, 4096);
}

typedef struct {
    const char *fifo;
    GCancellable *cancellable;
    int pid; /* of the tool */
} Waiter;

/* Cancels as soon as the tool says that it runs. */
static gpointer
wait_and_cancel (gpointer data)
{
    Waiter *waiter = data;
    char text[32] = { 0 };
    const int fd = open (waiter->fifo, O_RDONLY | O_CLOEXEC);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (read (fd, text, sizeof text - 1), >, 0);
    close (fd);
    waiter->pid = (int) g_ascii_strtoull (text, NULL, 10);
    g_cancellable_cancel (waiter->cancellable);
    return NULL;
}

static void
test_cancel (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    const ImageTool tool = { .fd = -1 };

    test_dir_init (&dir);
    g_autofree char *fifo = test_dir_path (&dir, "fifo");
    g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
    Waiter waiter = { fifo, cancellable, 0 };
    GThread *thread = g_thread_new ("cancel", wait_and_cancel, &waiter);
    g_autofree char *script =
        g_strdup_printf ("echo $$ >'%s'; exec tail -f /dev/null", fifo);
    expect (script, tool, cancellable, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_thread_join (thread);
    /* Reaped, not left behind. */
    g_assert_cmpint (waiter.pid, >, 1);
    g_assert_cmpint (kill (waiter.pid, 0), ==, -1);
    g_assert_cmpint (errno, ==, ESRCH);
}

static void
test_cancelled_before (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    const ImageTool tool = { .fd = -1, .max_file = 1 };

    test_dir_init (&dir);
    g_autofree char *script = g_strdup_printf (": >'%s/ran'", dir.path);
    g_autofree char *output = output_of (script, -1);
    g_assert_true (test_dir_has (&dir, "ran"));
    g_assert_cmpint (unlinkat (dir.fd, "ran", 0), ==, 0);
    g_cancellable_cancel (cancellable);
    expect (script, tool, cancellable, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_false (test_dir_has (&dir, "ran"));
}

/* Each code has a name of its own: these words are part of the command line. */
static void
test_ids (void)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

    for (int code = 0; code <= IMAGE_ERROR_IO; code++) {
        const char *id = image_error_id ((ImageError) code);
        g_assert_cmpuint (strspn (id, "abcdefghijklmnopqrstuvwxyz-"), ==, strlen (id));
        g_assert_true (g_hash_table_add (seen, (gpointer) id));
    }
    g_assert_cmpuint (g_hash_table_size (seen), ==, 29);
    g_assert_cmpstr (image_error_id (IMAGE_ERROR_BACKING_FILE), ==, "image-backing-file");
    g_assert_cmpstr (image_error_id (IMAGE_ERROR_ESP_MANY_UKIS), ==, "esp-many-ukis");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/image/tool/result", test_result);
    g_test_add_func ("/image/tool/surroundings", test_surroundings);
    g_test_add_func ("/image/tool/descriptor", test_descriptor);
    g_test_add_func ("/image/tool/none", test_no_tool);
    g_test_add_func ("/image/tool/killed", test_killed);
    g_test_add_func ("/image/tool/timeout", test_timeout);
    g_test_add_func ("/image/tool/output-limit", test_output_limit);
    g_test_add_func ("/image/tool/complaint-limit", test_complaint_limit);
    g_test_add_func ("/image/tool/file-limit", test_file_limit);
    g_test_add_func ("/image/tool/cancel", test_cancel);
    g_test_add_func ("/image/tool/cancelled-before", test_cancelled_before);
    g_test_add_func ("/image/error/ids", test_ids);
    return g_test_run ();
}
