/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bench-psp [SECONDS] -- the emulated firmware in one process: memory of a guest context,
 * and commands a second.
 *
 * "NAME VALUE UNIT" a line.  Memory: what malloc() (mallinfo2) and the locked heap
 * (CRYPTO_secure_used) hold more after as many LAUNCH_START as the platform has ASIDs, and
 * how much more is resident, each divided by their number; the share in the table of guests
 * is in it.  Speed: commands in short batches, of which the median counts.
 */

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "psp/host/private-memory.h"
#include "tests/unit/psp-mover.h"

#define RAM_SIZE (1u << 20)
#define MAX_BATCH 256u
#define MNONCE_AT FAKE_AT (0x20000)

/* The fake host's operations get a pointer to the first member. */
typedef struct {
    FakeHost fake;
    GuestMemory *ram; /* guest-physical addresses are the bus addresses below FAKE_BASE */
    PrivateMemory *private_memory;
    PspDevice *psp;
    PspLaunchStartCmd session; /* a LAUNCH_START with a session */
    guint32 handle;            /* the guest whose memory is @ram */
    guint32 started[MAX_BATCH];
    guint n_started;
} Bench;

static gboolean
get_random (gpointer data, void *buf, gsize len, GError **error)
{
    g_assert_cmpint (RAND_priv_bytes (buf, (int) len), ==, 1);
    return TRUE;
}

static gboolean
range_ok (gpointer data, guint64 paddr, guint64 len, PspMemoryAccess access)
{
    return (paddr < FAKE_BASE && len <= FAKE_BASE - paddr) ||
           fake_host_ops.range_ok (data, paddr, len, access);
}

static gboolean
read_system (gpointer data, guint64 paddr, void *buf, gsize len, GError **error)
{
    Bench *bench = data;

    if (paddr >= FAKE_BASE)
        return fake_host_ops.read_system (data, paddr, buf, len, error);
    memcpy (buf, guest_memory_range (bench->ram, paddr, len), len);
    return TRUE;
}

static gboolean
write_private (gpointer data,
               const PspGuestKey *key,
               guint64 paddr,
               const void *plain,
               gsize len,
               GError **error)
{
    Bench *bench = data;

    return private_memory_write (bench->private_memory, key, paddr, plain, len, error);
}

static gboolean
read_private (gpointer data,
              const PspGuestKey *key,
              guint64 paddr,
              void *buf,
              gsize len,
              GError **error)
{
    Bench *bench = data;

    return private_memory_read (bench->private_memory, key, paddr, buf, len, error);
}

static void
command (Bench *bench, PspCommandId id, void *buffer, gsize len)
{
    g_assert_cmpuint (fake_command (bench->psp, id, buffer, len), ==, SEV_STATUS_SUCCESS);
}

static void
handle_command (Bench *bench, PspCommandId id, guint32 handle)
{
    PspHandleCmd cmd = { GUINT32_TO_LE (handle) };

    command (bench, id, &cmd, sizeof cmd);
}

static Bench *
bench_new (void)
{
    Bench *bench = g_new0 (Bench, 1);
    PspHostOps ops = fake_host_ops;
    PspConfig config;
    g_autoptr (GError) error = NULL;

    ops.get_random = get_random;
    ops.range_ok = range_ok;
    ops.read_system = read_system;
    ops.write_private = write_private;
    ops.read_private = read_private;
    bench->ram = guest_memory_new (RAM_SIZE, &error);
    g_assert_no_error (error);
    g_assert_true (guest_memory_map (bench->ram, NULL));
    bench->private_memory = private_memory_new (bench->ram);
    psp_config_init (&config);
    bench->psp = psp_device_new (&config, fake_chip (), &ops, bench, &error);
    g_assert_no_error (error);
    fake_init (bench->psp, FALSE);
    mover_put_session (bench->psp, &bench->fake, SEV_POLICY_SEV, &bench->session);
    return bench;
}

static void
bench_free (Bench *bench)
{
    psp_device_free (bench->psp);
    private_memory_free (bench->private_memory);
    guest_memory_free (bench->ram);
    sev_secret_unref (bench->fake.nv);
    g_free (bench);
}

static guint32
start (Bench *bench, const PspLaunchStartCmd *with)
{
    PspLaunchStartCmd cmd = *with;

    command (bench, PSP_CMD_LAUNCH_START, &cmd, sizeof cmd);
    return GUINT32_FROM_LE (cmd.handle_le);
}

/* Makes a launched guest a running one. */
static void
measure_and_finish (Bench *bench, guint32 handle)
{
    PspLaunchDataCmd measure = { .handle_le = GUINT32_TO_LE (handle),
                                 .paddr_le = GUINT64_TO_LE (MNONCE_AT),
                                 .len_le = GUINT32_TO_LE (48) };

    command (bench, PSP_CMD_LAUNCH_MEASURE, &measure, sizeof measure);
    handle_command (bench, PSP_CMD_LAUNCH_FINISH, handle);
}

typedef struct {
    gsize heap;
    gsize locked;
    gsize resident;
} Use;

static Use
use_now (void)
{
    const struct mallinfo2 info = mallinfo2 ();
    Use use = { .heap = info.uordblks + info.hblkhd, .locked = CRYPTO_secure_used () };
    g_autofree char *text = NULL;
    unsigned long pages = 0;

    if (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
        (void) sscanf (text, "%*u %lu", &pages);
    use.resident = pages * (gsize) sysconf (_SC_PAGESIZE);
    return use;
}

static void
report_memory (const char *state, const Use *before, const Use *after, guint n)
{
    printf ("context-%s-heap %.0f bytes\n", state,
            ((double) after->heap - (double) before->heap) / n);
    printf ("context-%s-locked %.0f bytes\n", state,
            ((double) after->locked - (double) before->locked) / n);
}

static void
contexts (Bench *bench)
{
    const guint n = bench->psp->config.max_asid;
    g_autofree guint32 *handles = g_new0 (guint32, n);

    /* What OpenSSL fetches once is no guest's. */
    const guint32 first = start (bench, &bench->session);
    measure_and_finish (bench, first);
    handle_command (bench, PSP_CMD_DECOMMISSION, first);

    const Use before = use_now ();
    for (guint i = 0; i < n; i++)
        handles[i] = start (bench, &bench->session);
    const Use launched = use_now ();
    for (guint i = 0; i < n; i++)
        measure_and_finish (bench, handles[i]);
    const Use running = use_now ();
    for (guint i = 0; i < n; i++)
        handle_command (bench, PSP_CMD_DECOMMISSION, handles[i]);

    printf ("contexts %u guests\n", n);
    report_memory ("launching", &before, &launched, n);
    printf ("context-launching-resident %.0f bytes\n",
            ((double) launched.resident - (double) before.resident) / n);
    report_memory ("running", &before, &running, n);
    printf ("sizeof-PspGuest %zu bytes\n", sizeof (PspGuest));
}

static void
platform_status (Bench *bench)
{
    PspPlatformStatusCmd cmd = { 0 };

    command (bench, PSP_CMD_PLATFORM_STATUS, &cmd, sizeof cmd);
}

static void
guest_status (Bench *bench)
{
    PspGuestStatusCmd cmd = { .handle_le = GUINT32_TO_LE (bench->handle) };

    command (bench, PSP_CMD_GUEST_STATUS, &cmd, sizeof cmd);
}

static void
update_data (Bench *bench)
{
    PspLaunchDataCmd cmd = { .handle_le = GUINT32_TO_LE (bench->handle),
                             .paddr_le = GUINT64_TO_LE (0x10000),
                             .len_le = GUINT32_TO_LE (4096) };

    command (bench, PSP_CMD_LAUNCH_UPDATE_DATA, &cmd, sizeof cmd);
}

static void
start_plain (Bench *bench)
{
    const PspLaunchStartCmd cmd = { .policy_le = GUINT32_TO_LE (SEV_POLICY_SEV) };

    bench->started[bench->n_started++] = start (bench, &cmd);
}

static void
start_session (Bench *bench)
{
    bench->started[bench->n_started++] = start (bench, &bench->session);
}

static void
attestation (Bench *bench)
{
    PspAttestationCmd cmd = { .handle_le = GUINT32_TO_LE (bench->handle),
                              .paddr_le = GUINT64_TO_LE (MNONCE_AT),
                              .len_le = GUINT32_TO_LE (208) };

    command (bench, PSP_CMD_ATTESTATION, &cmd, sizeof cmd);
}

static void
pdh_gen (Bench *bench)
{
    command (bench, PSP_CMD_PDH_GEN, NULL, 0);
}

static int
compare (gconstpointer a, gconstpointer b)
{
    const double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}

static double
now (void)
{
    struct timespec time;

    (void) clock_gettime (CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static void
speed (Bench *bench,
       const char *name,
       void (*call) (Bench *bench),
       guint batch,
       double seconds)
{
    g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
    const double end = now () + seconds;

    g_assert_cmpuint (batch, <=, MAX_BATCH);
    do {
        const double begin = now ();
        for (guint i = 0; i < batch; i++)
            call (bench);
        const double took = now () - begin;
        g_array_append_val (times, took);
        while (bench->n_started > 0)
            handle_command (bench, PSP_CMD_DECOMMISSION,
                            bench->started[--bench->n_started]);
    } while (now () < end);
    g_array_sort (times, compare);
    printf ("%s %.0f /s\n", name, batch / g_array_index (times, double, times->len / 2));
}

static void
commands (Bench *bench, double seconds)
{
    speed (bench, "PLATFORM_STATUS", platform_status, MAX_BATCH, seconds);
    speed (bench, "LAUNCH_START", start_plain, 64, seconds);
    speed (bench, "LAUNCH_START-session", start_session, 8, seconds);

    bench->handle = start (bench, &bench->session);
    fake_activate (bench->psp, bench->handle, 100);
    speed (bench, "GUEST_STATUS", guest_status, MAX_BATCH, seconds);
    speed (bench, "LAUNCH_UPDATE_DATA-4KiB", update_data, MAX_BATCH, seconds);
    measure_and_finish (bench, bench->handle);
    speed (bench, "ATTESTATION", attestation, 8, seconds);
    /* The last: the session is for the PDH that was. */
    speed (bench, "PDH_GEN", pdh_gen, 8, seconds);
}

int
main (int argc, char **argv)
{
    const double seconds = argc > 1 ? g_ascii_strtod (argv[1], NULL) : 2;

    if (!sev_secret_heap_init ())
        fprintf (stderr, "bench-psp: no locked memory\n");
    Bench *bench = bench_new ();
    contexts (bench);
    commands (bench, seconds);
    bench_free (bench);
    return 0;
}
