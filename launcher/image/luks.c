/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/luks.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/image/gpt.h"
#include "launcher/image/image-read.h"
#include "launcher/image/image-tool.h"
#include "ovmf-hooks/guest/luks-header.h"
#include "qmp/qmp-json.h"
#include "sev/crypto/sev-digest.h"

/* "LUKS2 On-Disk Format Specification" 1.1, section 2.1: offsets in the binary header,
 * numbers big-endian. */
#define MAGIC "LUKS\xba\xbe"
#define MAGIC_SIZE 6u
#define OFFSET_VERSION 6u
#define OFFSET_HDR_SIZE 8u
#define OFFSET_CSUM_ALG 72u
#define OFFSET_UUID 168u
#define OFFSET_HDR_OFFSET 256u
#define OFFSET_CSUM 448u
#define CSUM_ALG_SIZE 32u
#define CSUM_SIZE 64u
#define UUID_SIZE 40u
#define BINARY_SIZE 4096u
#define HDR_SIZE_MIN 0x4000u
#define HDR_SIZE_MAX 0x400000u

#define PROBE_SIZE 4096u
#define JUDGE_TIMEOUT_MS 30000u
#define JUDGE_OUTPUT_MAX 4096u

static const char *luks_judge = PKGLIBEXECDIR "/luks-judge";

void
luks_header_free (LuksHeader *header)
{
    if (header == NULL)
        return;
    g_free (header->uuid);
    g_free (header);
}

static guint64
be64 (const guint8 *data, gsize offset)
{
    guint64 value;

    memcpy (&value, data + offset, sizeof value);
    return GUINT64_FROM_BE (value);
}

static gboolean
broken (GError **error, const char *what)
{
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_LUKS_BROKEN, "LUKS header: %s", what);
    return FALSE;
}

static gboolean
unfit (GError **error, const char *what)
{
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_LUKS_UNFIT,
                 "LUKS header: %s; the guest would refuse it", what);
    return FALSE;
}

static gboolean
check_checksum (const guint8 *data, gsize hdr_size, GError **error)
{
    guint8 digest[SEV_DIGEST_SIZE];
    guint8 binary[BINARY_SIZE];
    char alg[CSUM_ALG_SIZE + 1] = { 0 };
    g_autoptr (GError) local = NULL;
    g_autoptr (SevDigest) sha = sev_digest_new (&local);

    memcpy (alg, data + OFFSET_CSUM_ALG, CSUM_ALG_SIZE);
    if (!g_str_equal (alg, "sha256"))
        return broken (error, "checksum is not sha256");
    memcpy (binary, data, sizeof binary);
    memset (binary + OFFSET_CSUM, 0, CSUM_SIZE);
    if (sha == NULL || !sev_digest_update (sha, binary, sizeof binary, &local) ||
        !sev_digest_update (sha, data + BINARY_SIZE, hdr_size - BINARY_SIZE, &local) ||
        !sev_digest_finish (sha, digest, &local)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO, "LUKS header: digest: %s",
                     local->message);
        return FALSE;
    }
    if (memcmp (digest, data + OFFSET_CSUM, sizeof digest) != 0)
        return broken (error, "checksum is wrong");
    return TRUE;
}

static char *
read_uuid (const guint8 *data, GError **error)
{
    g_autofree char *uuid = g_strndup ((const char *) data + OFFSET_UUID, UUID_SIZE);

    if (!g_uuid_string_is_valid (uuid)) {
        broken (error, "UUID is no UUID");
        return NULL;
    }
    return g_steal_pointer (&uuid);
}

/* The JSON area is the text, then zeroes. */
static JsonNode *
read_json (const guint8 *area, gsize len, GError **error)
{
    const guint8 *end = memchr (area, '\0', len);
    const gsize text_len = end != NULL ? (gsize) (end - area) : len;
    g_autoptr (GError) local = NULL;

    for (gsize i = text_len; i < len; i++) {
        if (area[i] != 0) {
            broken (error, "bytes after the JSON text");
            return NULL;
        }
    }

    g_autoptr (JsonNode) root = qmp_json_parse ((const char *) area, text_len, &local);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
        broken (error, local != NULL ? local->message : "JSON is not an object");
        return NULL;
    }
    return g_steal_pointer (&root);
}

/* Where the data begins: the end of what is pinned. */
static gboolean
read_offset (JsonObject *root, guint64 *offset, GError **error)
{
    g_autoptr (GError) local = NULL;
    JsonObject *segments = qmp_json_get_object (root, "segments", &local);
    JsonObject *segment =
        segments != NULL ? qmp_json_get_object (segments, "0", &local) : NULL;
    const char *text =
        segment != NULL ? qmp_json_get_string (segment, "offset", &local) : NULL;

    if (text == NULL)
        return broken (error, local->message);
    if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, offset, NULL))
        return broken (error, "offset of the data segment is not a number");
    return TRUE;
}

static gboolean
check_binary (const guint8 *data, gsize len, gsize *hdr_size, GError **error)
{
    if (len < MAGIC_SIZE || memcmp (data, MAGIC, MAGIC_SIZE) != 0) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_LUKS_MISSING,
                     "LUKS header: partition does not begin with one");
        return FALSE;
    }
    if (len < BINARY_SIZE)
        return broken (error, "partition ends inside of it");
    if (data[OFFSET_VERSION] != 0 || data[OFFSET_VERSION + 1] != 2)
        return unfit (error, "it is not LUKS2");

    const guint64 size = be64 (data, OFFSET_HDR_SIZE);
    if (size < HDR_SIZE_MIN || size > HDR_SIZE_MAX || (size & (size - 1)) != 0)
        return broken (error, "its size is none that LUKS2 knows");
    if (size > len)
        return broken (error, "partition ends inside of it");
    if (be64 (data, OFFSET_HDR_OFFSET) != 0)
        return broken (error, "it is not the first one");
    *hdr_size = (gsize) size;
    return TRUE;
}

gboolean
luks_parse (const guint8 *data,
            gsize len,
            guint64 partition_size,
            char **uuid,
            guint64 *length,
            GError **error)
{
    gsize hdr_size;
    guint64 offset;

    *uuid = NULL;
    if (!check_binary (data, len, &hdr_size, error) ||
        !check_checksum (data, hdr_size, error))
        return FALSE;

    g_autofree char *id = read_uuid (data, error);
    if (id == NULL)
        return FALSE;
    g_autoptr (JsonNode) root =
        read_json (data + BINARY_SIZE, hdr_size - BINARY_SIZE, error);
    if (root == NULL || !read_offset (json_node_get_object (root), &offset, error))
        return FALSE;
    /* Both headers, the primary and its copy, come before the data. */
    if (offset < 2 * (guint64) hdr_size || offset % GPT_SECTOR_SIZE != 0 ||
        offset >= partition_size)
        return broken (error,
                       "data segment begins inside the header or outside of the partition");
    if (offset > LUKS_HEADER_MAX || offset > len)
        return unfit (error, "header area is larger than 16 MiB");
    *uuid = g_steal_pointer (&id);
    *length = offset;
    return TRUE;
}

static gboolean
is_luks (const ImageInfo *image,
         const GptPartition *partition,
         gboolean *found,
         GCancellable *cancellable,
         GError **error)
{
    g_autoptr (GBytes) head = image_read_bytes (
        image, partition->start, MIN (partition->size, PROBE_SIZE), cancellable, error);

    if (head == NULL)
        return FALSE;
    *found = sev_guid_equal (&partition->type, &gpt_type_luks) ||
             memcmp (g_bytes_get_data (head, NULL), MAGIC, MAGIC_SIZE) == 0;
    return TRUE;
}

static const GptPartition *
find_partition (const ImageInfo *image,
                GPtrArray *partitions,
                GCancellable *cancellable,
                GError **error)
{
    const GptPartition *luks = NULL;
    guint n = 0;

    for (guint i = 0; i < partitions->len; i++) {
        gboolean found;

        if (!is_luks (image, partitions->pdata[i], &found, cancellable, error))
            return NULL;
        if (found) {
            luks = partitions->pdata[i];
            n++;
        }
    }
    if (n == 1)
        return luks;
    g_set_error (error, IMAGE_ERROR,
                 n == 0 ? IMAGE_ERROR_LUKS_MISSING : IMAGE_ERROR_LUKS_MANY,
                 "disk has %u LUKS partitions, expected 1", n);
    return NULL;
}

void
luks_set_judge (const char *program)
{
    luks_judge = program;
}

static int
to_memory_file (const guint8 *data, gsize len)
{
    const int fd = memfd_create ("luks-header", MFD_CLOEXEC);

    if (fd >= 0 &&
        (write (fd, data, len) != (ssize_t) len || lseek (fd, 0, SEEK_SET) != 0)) {
        close (fd);
        return -1;
    }
    return fd;
}

/* The guest's own judgement. */
static gboolean
judge (const guint8 *data, gsize len, GCancellable *cancellable, GError **error)
{
    g_autofree char *length = g_strdup_printf ("%" G_GSIZE_FORMAT, len);
    const char *const argv[] = { luks_judge, length, NULL };
    const int fd = to_memory_file (data, len);
    const ImageTool tool = {
        .argv = argv,
        .fd = fd,
        .max_output = JUDGE_OUTPUT_MAX,
        .timeout_ms = JUDGE_TIMEOUT_MS,
    };
    g_auto (ImageToolResult) result = { 0 };

    if (fd < 0) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO, "memory file: %s",
                     g_strerror (errno));
        return FALSE;
    }
    const gboolean ran = image_tool_run (&tool, cancellable, &result, error);
    close (fd);
    if (!ran || result.exit_status == 0)
        return ran;
    if (result.exit_status != 1) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_TOOL, "%s: %s", luks_judge,
                     result.complaint);
        return FALSE;
    }
    gsize size;
    const char *text = g_bytes_get_data (result.output, &size);
    g_autofree char *reason = g_strndup (size > 0 ? text : "", size);
    return unfit (error, g_strchomp (reason));
}

static LuksHeader *
pin (const ImageInfo *image,
     const GptPartition *partition,
     GCancellable *cancellable,
     GError **error)
{
    g_autoptr (LuksHeader) header = g_new0 (LuksHeader, 1);
    g_autoptr (GError) local = NULL;
    g_autoptr (GBytes) bytes =
        image_read_bytes (image, partition->start, MIN (partition->size, LUKS_HEADER_MAX),
                          cancellable, error);
    if (bytes == NULL)
        return NULL;

    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    if (!luks_parse (data, len, partition->size, &header->uuid, &header->length, error)) {
        g_prefix_error (error, "partition %u: ", partition->number);
        return NULL;
    }
    if (!judge (data, header->length, cancellable, error))
        return NULL;
    header->partition = partition->number;
    header->start = partition->start;
    if (!sev_sha256 (data, header->length, header->sha256, &local)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO, "LUKS header: digest: %s",
                     local->message);
        return NULL;
    }
    return g_steal_pointer (&header);
}

/* Returns: (transfer full): a copy of the one partition, its name left out */
static GptPartition *
find_on_disk (const ImageInfo *image, GCancellable *cancellable, GError **error)
{
    g_autoptr (GPtrArray) partitions = image_read_partitions (image, cancellable, error);
    if (partitions == NULL)
        return NULL;

    const GptPartition *partition = find_partition (image, partitions, cancellable, error);
    if (partition == NULL)
        return NULL;
    GptPartition *copy = g_memdup2 (partition, sizeof *partition);
    copy->name = NULL;
    return copy;
}

LuksHeader *
luks_find (const ImageInfo *image, GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail (image != NULL, NULL);

    g_autofree GptPartition *partition = find_on_disk (image, cancellable, error);
    return partition != NULL ? pin (image, partition, cancellable, error) : NULL;
}

char *
luks_find_uuid (const ImageInfo *image, GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail (image != NULL, NULL);

    g_autofree GptPartition *partition = find_on_disk (image, cancellable, error);
    if (partition == NULL)
        return NULL;
    g_autoptr (GBytes) probe = image_read_bytes (
        image, partition->start, MIN (partition->size, PROBE_SIZE), cancellable, error);
    if (probe == NULL)
        return NULL;

    /* How much more of it there is; checked when it is read. */
    const guint8 *begin = g_bytes_get_data (probe, NULL);
    const guint64 said =
        g_bytes_get_size (probe) >= BINARY_SIZE
            ? be64 (begin, OFFSET_HDR_SIZE) / GPT_SECTOR_SIZE * GPT_SECTOR_SIZE
            : 0;
    const gsize wanted =
        (gsize) MIN (CLAMP (said, PROBE_SIZE, HDR_SIZE_MAX), partition->size);
    g_autoptr (GBytes) bytes =
        image_read_bytes (image, partition->start, wanted, cancellable, error);
    gsize len, hdr_size;
    if (bytes == NULL)
        return NULL;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    if (!check_binary (data, len, &hdr_size, error) ||
        !check_checksum (data, hdr_size, error))
        return NULL;
    return read_uuid (data, error);
}
