/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * luks-encrypt --key-file KEY --uuid UUID --payload PLAIN --output FILE --offset BYTES
 *
 * Writes a LUKS2 volume into FILE from byte BYTES on: the header that cryptsetup makes
 * for a fresh volume key, and PLAIN encrypted under that key.  No root, no loop device,
 * no device-mapper.  KEY unlocks the volume's one keyslot.
 *
 * The volume key is made here, lies in locked memory and in an anonymous file that
 * cryptsetup reads through /proc, and is overwritten before the program ends: it is
 * never on a disk and never in an argument.  Printed on success: the length of the
 * header area in bytes and its SHA-256, on one line.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define SECTOR 512u
#define HEADER_SIZE (1024u * 1024) /* room for three keyslots; hashed in the guest */
#define KEY_SIZE 64u               /* AES-256-XTS */
#define CHUNK (1024u * 1024)

extern char **environ;

typedef struct {
    const char *key_file;
    const char *uuid;
    const char *payload;
    const char *output;
    off_t offset;
} Options;

static bool __attribute__ ((format (printf, 1, 2))) fail (const char *format, ...)
{
    va_list args;

    fputs ("luks-encrypt: ", stderr);
    va_start (args, format);
    vfprintf (stderr, format, args);
    va_end (args);
    fputc ('\n', stderr);
    return false;
}

static bool
pread_full (int fd, uint8_t *buf, size_t len, off_t at)
{
    while (len > 0) {
        const ssize_t n = pread (fd, buf, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        buf += n;
        len -= (size_t) n;
        at += n;
    }
    return true;
}

static bool
pwrite_full (int fd, const uint8_t *buf, size_t len, off_t at)
{
    while (len > 0) {
        const ssize_t n = pwrite (fd, buf, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        buf += n;
        len -= (size_t) n;
        at += n;
    }
    return true;
}

/* ---- header ----------------------------------------------------------------- */

static bool
run_cryptsetup (const Options *o, int key_fd, int header_fd)
{
    char key_path[32], header_path[32], sectors[16];
    pid_t pid;
    int status;

    snprintf (key_path, sizeof key_path, "/proc/self/fd/%d", key_fd);
    snprintf (header_path, sizeof header_path, "/proc/self/fd/%d", header_fd);
    snprintf (sectors, sizeof sectors, "%u", HEADER_SIZE / SECTOR);

    const char *const args[] = {
        "cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--cipher",
        "aes-xts-plain64", "--key-size", "512", "--sector-size", "512", "--offset", sectors,
        "--luks2-metadata-size", "16k",
        /* The passphrase is 256 random bits: stretching it buys nothing. */
        "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--uuid", o->uuid,
        "--volume-key-file", key_path, "--key-file", o->key_file, header_path, NULL
    };

    /* Its remarks belong beside the result, not into it. */
    posix_spawn_file_actions_t actions;
    int err = posix_spawn_file_actions_init (&actions);
    if (err == 0)
        err = posix_spawn_file_actions_adddup2 (&actions, STDERR_FILENO, STDOUT_FILENO);
    if (err == 0)
        err = posix_spawnp (&pid, args[0], &actions, NULL, (char *const *) args, environ);
    posix_spawn_file_actions_destroy (&actions);
    if (err != 0)
        return fail ("cannot run cryptsetup: %s (Debian package cryptsetup-bin)",
                     strerror (err));
    while (waitpid (pid, &status, 0) < 0)
        if (errno != EINTR)
            return fail ("cannot wait for cryptsetup: %s", strerror (errno));
    if (!WIFEXITED (status) || WEXITSTATUS (status) != 0)
        return fail ("cryptsetup luksFormat failed");
    return true;
}

/* An anonymous file that a child may read as /proc/self/fd/N; mapped into *@map. */
static int
make_memfd (const char *name, size_t len, uint8_t **map)
{
    const int fd = memfd_create (name, 0);

    if (fd < 0 || ftruncate (fd, (off_t) len) != 0)
        return -1;
    *map = mmap (NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return *map != MAP_FAILED ? fd : -1;
}

static bool
make_header (const Options *o, const uint8_t key[KEY_SIZE], int out)
{
    uint8_t *key_map, *header;
    const int key_fd = make_memfd ("volume-key", KEY_SIZE, &key_map);
    /* One sector of data: cryptsetup wants a device that has some. */
    const int header_fd = make_memfd ("luks-header", HEADER_SIZE + SECTOR, &header);

    if (key_fd < 0 || header_fd < 0)
        return fail ("cannot make an anonymous file: %s", strerror (errno));

    memcpy (key_map, key, KEY_SIZE);
    bool ok = run_cryptsetup (o, key_fd, header_fd);
    OPENSSL_cleanse (key_map, KEY_SIZE);

    uint8_t digest[EVP_MAX_MD_SIZE];
    if (ok && !pwrite_full (out, header, HEADER_SIZE, o->offset))
        ok = fail ("cannot write '%s': %s", o->output, strerror (errno));
    if (ok && EVP_Digest (header, HEADER_SIZE, digest, NULL, EVP_sha256 (), NULL) != 1)
        ok = fail ("libcrypto: SHA-256 failed");
    if (ok) {
        printf ("%u ", HEADER_SIZE);
        for (unsigned int i = 0; i < 32; i++)
            printf ("%02x", digest[i]);
        putchar ('\n');
    }
    munmap (key_map, KEY_SIZE);
    munmap (header, HEADER_SIZE + SECTOR);
    close (key_fd);
    close (header_fd);
    return ok;
}

/* ---- payload ---------------------------------------------------------------- */

/* In place; @first is the number of the first sector: the tweak of "plain64". */
static bool
encrypt_sectors (EVP_CIPHER_CTX *ctx, uint8_t *buf, size_t len, uint64_t first)
{
    for (size_t at = 0; at < len; at += SECTOR, first++) {
        uint8_t tweak[16] = { 0 };
        int n;

        for (unsigned int i = 0; i < 8; i++)
            tweak[i] = (uint8_t) (first >> (8 * i));
        if (EVP_EncryptInit_ex (ctx, NULL, NULL, NULL, tweak) != 1 ||
            EVP_EncryptUpdate (ctx, buf + at, &n, buf + at, SECTOR) != 1 || n != SECTOR)
            return false;
    }
    return true;
}

static bool
copy_payload (const Options *o, EVP_CIPHER_CTX *ctx, int in, off_t size, int out)
{
    static uint8_t buf[CHUNK];

    for (off_t at = 0; at < size;) {
        const size_t len = size - at < (off_t) CHUNK ? (size_t) (size - at) : CHUNK;

        if (!pread_full (in, buf, len, at))
            return fail ("cannot read '%s': %s", o->payload, strerror (errno));
        if (!encrypt_sectors (ctx, buf, len, (uint64_t) at / SECTOR))
            return fail ("libcrypto: AES-256-XTS failed");
        if (!pwrite_full (out, buf, len, o->offset + (off_t) HEADER_SIZE + at))
            return fail ("cannot write '%s': %s", o->output, strerror (errno));
        at += (off_t) len;
    }
    return true;
}

static bool
encrypt_payload (const Options *o, const uint8_t key[KEY_SIZE], int out)
{
    struct stat st;
    const int in = open (o->payload, O_RDONLY | O_CLOEXEC);

    if (in < 0 || fstat (in, &st) != 0)
        return fail ("cannot open '%s': %s", o->payload, strerror (errno));
    if (st.st_size == 0 || st.st_size % SECTOR != 0)
        return fail ("'%s': %jd bytes, not a multiple of %u", o->payload,
                     (intmax_t) st.st_size, SECTOR);

    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
    bool ok =
        ctx != NULL && EVP_EncryptInit_ex (ctx, EVP_aes_256_xts (), NULL, key, NULL) == 1;
    if (ok)
        ok = copy_payload (o, ctx, in, st.st_size, out);
    else
        fail ("libcrypto: AES-256-XTS failed");

    EVP_CIPHER_CTX_free (ctx);
    close (in);
    return ok;
}

static bool
make_volume (const Options *o)
{
    static uint8_t key[KEY_SIZE];

    const int out = open (o->output, O_RDWR | O_CLOEXEC);
    if (out < 0)
        return fail ("cannot open '%s': %s", o->output, strerror (errno));
    if (mlock (key, sizeof key) != 0 ||
        getrandom (key, sizeof key, 0) != (ssize_t) sizeof key) {
        close (out);
        return fail ("cannot make a volume key: %s", strerror (errno));
    }

    bool ok = make_header (o, key, out) && encrypt_payload (o, key, out);
    OPENSSL_cleanse (key, sizeof key);
    if (close (out) != 0 && ok)
        ok = fail ("cannot write '%s': %s", o->output, strerror (errno));
    return ok;
}

int
main (int argc, char **argv)
{
    static const struct option options[] = { { "key-file", required_argument, NULL, 'k' },
                                             { "offset", required_argument, NULL, 's' },
                                             { "output", required_argument, NULL, 'o' },
                                             { "payload", required_argument, NULL, 'p' },
                                             { "uuid", required_argument, NULL, 'u' },
                                             { NULL, 0, NULL, 0 } };
    Options o = { .offset = -1 };
    char *end = NULL;

    for (int c; (c = getopt_long (argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'k':
            o.key_file = optarg;
            break;
        case 'o':
            o.output = optarg;
            break;
        case 'p':
            o.payload = optarg;
            break;
        case 's':
            o.offset = strtoll (optarg, &end, 10);
            break;
        case 'u':
            o.uuid = optarg;
            break;
        default:
            return 2;
        }
    }
    if (optind != argc || o.key_file == NULL || o.uuid == NULL || o.payload == NULL ||
        o.output == NULL || end == NULL || *end != '\0' || o.offset < 0) {
        fputs (
            "usage: luks-encrypt --key-file KEY --uuid UUID --payload PLAIN --output FILE "
            "--offset BYTES\n",
            stderr);
        return 2;
    }
    return make_volume (&o) && fflush (stdout) == 0 ? 0 : 1;
}
