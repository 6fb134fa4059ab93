/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ovmf-hooks/guest/luks-header.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#define HDR_BIN_SIZE 4096u /* binary header; the JSON area follows it */
#define HDR_SIZE_MIN 16384u
#define HDR_SIZE_MAX (4u * 1024 * 1024)
#define CSUM_OFFSET 448u
#define CSUM_SIZE 64u

#define KEYSLOTS_MAX 32
#define KEY_SIZE 64u /* aes-xts-plain64 with two 256-bit keys */
#define STRIPES 4000u
#define ITERATIONS_MIN 1000u
#define ITERATIONS_MAX 100000000u
#define ARGON_MEMORY_MAX (4u * 1024 * 1024) /* KiB; what cryptsetup itself allows */
#define CIPHER "aes-xts-plain64"

/* ---- bytes ------------------------------------------------------------------ */

static uint64_t
get_be (const uint8_t *p, unsigned int bytes)
{
    uint64_t v = 0;

    for (unsigned int i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

static bool
all_zero (const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* A text field: the text, then zeroes up to the end of the field. */
static bool
field_is (const uint8_t *field, size_t size, const char *text)
{
    size_t len = strlen (text);

    return len < size && memcmp (field, text, len) == 0 &&
           all_zero (field + len, size - len);
}

static bool
sha256 (const uint8_t *data[],
        const size_t len[],
        unsigned int parts,
        uint8_t out[LUKS_DIGEST_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
    bool ok = ctx != NULL && EVP_DigestInit_ex (ctx, EVP_sha256 (), NULL) == 1;

    for (unsigned int i = 0; i < parts && ok; i++)
        ok = EVP_DigestUpdate (ctx, data[i], len[i]) == 1;
    ok = ok && EVP_DigestFinal_ex (ctx, out, NULL) == 1;
    EVP_MD_CTX_free (ctx);
    return ok;
}

int
luks_header_magic (const uint8_t *start, size_t len)
{
    return len >= 6 && memcmp (start, "LUKS\xba\xbe", 6) == 0;
}

size_t
luks_pin_length (const uint8_t pin[LUKS_PIN_SIZE])
{
    uint64_t len = 0;

    for (unsigned int i = LUKS_PIN_SIZE; i > LUKS_DIGEST_SIZE; i--)
        len = len << 8 | pin[i - 1];
    if (len < LUKS_HEADER_MIN || len > LUKS_HEADER_MAX || len % 512 != 0)
        return 0;
    return (size_t) len;
}

int
luks_pin_matches (const uint8_t pin[LUKS_PIN_SIZE], const uint8_t *header, size_t len)
{
    const uint8_t *parts[] = { header };
    uint8_t digest[LUKS_DIGEST_SIZE];

    return len != 0 && luks_pin_length (pin) == len && sha256 (parts, &len, 1, digest) &&
           CRYPTO_memcmp (digest, pin, sizeof digest) == 0;
}

/* ---- binary headers ---------------------------------------------------------- */

static bool
checksum_holds (const uint8_t *hdr, size_t hdr_size)
{
    static const uint8_t zeroes[CSUM_SIZE];
    const size_t rest = CSUM_OFFSET + CSUM_SIZE;
    const uint8_t *parts[] = { hdr, zeroes, hdr + rest };
    const size_t len[] = { CSUM_OFFSET, CSUM_SIZE, hdr_size - rest };
    uint8_t digest[LUKS_DIGEST_SIZE];

    return sha256 (parts, len, 3, digest) &&
           memcmp (digest, hdr + CSUM_OFFSET, sizeof digest) == 0 &&
           all_zero (hdr + CSUM_OFFSET + sizeof digest, CSUM_SIZE - sizeof digest);
}

static const char *
check_binary (const uint8_t *hdr, size_t hdr_size, size_t offset)
{
    if (get_be (hdr + 6, 2) != 2)
        return "luks-version: header is not LUKS version 2";
    if (get_be (hdr + 8, 8) != hdr_size || get_be (hdr + 256, 8) != offset)
        return "header-size: LUKS2 header size or offset is wrong";
    if (!field_is (hdr + 72, 32, "sha256"))
        return "header-checksum: checksum algorithm is not sha256";
    if (!checksum_holds (hdr, hdr_size))
        return "header-checksum: checksum of LUKS2 header does not hold";
    return NULL;
}

/* On success *@hdr_size is the size of one of the two headers. */
static const char *
check_headers (const uint8_t *header, size_t len, size_t *hdr_size)
{
    if (len < LUKS_HEADER_MIN || len > LUKS_HEADER_MAX || len % 512 != 0)
        return "header-length: header area is not between 32 KiB and 16 MiB";
    if (!luks_header_magic (header, len))
        return "no-luks: no LUKS header";

    const uint64_t size = get_be (header + 8, 8);
    if (get_be (header + 6, 2) == 2 && (size < HDR_SIZE_MIN || size > HDR_SIZE_MAX ||
                                        (size & (size - 1)) != 0 || size > len / 2))
        return "header-size: LUKS2 header size or offset is wrong";

    const char *reason = check_binary (header, (size_t) size, 0);
    if (reason != NULL)
        return reason;

    const uint8_t *second = header + size;
    if (memcmp (second, "SKUL\xba\xbe", 6) != 0)
        return "second-header: secondary LUKS2 header is missing";
    reason = check_binary (second, (size_t) size, (size_t) size);
    if (reason != NULL)
        return reason;
    /* sequence number, label; UUID; JSON */
    if (memcmp (header + 16, second + 16, 56) != 0 ||
        memcmp (header + 168, second + 168, 88) != 0 ||
        memcmp (header + HDR_BIN_SIZE, second + HDR_BIN_SIZE, size - HDR_BIN_SIZE) != 0)
        return "second-header: secondary LUKS2 header says something else";

    *hdr_size = (size_t) size;
    return NULL;
}

/* ---- JSON accessors: false unless present, of the type, and in range ----------- */

static bool
get_member (json_object *object, const char *name, json_type type, json_object **out)
{
    return json_object_object_get_ex (object, name, out) &&
           json_object_is_type (*out, type);
}

static bool
text_is (json_object *object, const char *name, const char *text)
{
    json_object *v;

    return get_member (object, name, json_type_string, &v) &&
           (size_t) json_object_get_string_len (v) == strlen (text) &&
           memcmp (json_object_get_string (v), text, strlen (text)) == 0;
}

static bool
text_is_any (json_object *object, const char *name, const char *const *texts)
{
    for (; *texts != NULL; texts++)
        if (text_is (object, name, *texts))
            return true;
    return false;
}

/* LUKS2 writes 64-bit numbers as decimal strings. */
static bool
get_u64_text (json_object *object, const char *name, uint64_t *out)
{
    json_object *v;

    if (!get_member (object, name, json_type_string, &v))
        return false;

    const char *text = json_object_get_string (v);
    const size_t len = (size_t) json_object_get_string_len (v);
    if (len == 0 || len > 18 || strlen (text) != len || (len > 1 && text[0] == '0') ||
        strspn (text, "0123456789") != len)
        return false;
    *out = strtoull (text, NULL, 10);
    return true;
}

static bool
number_in (json_object *object, const char *name, int64_t min, int64_t max)
{
    json_object *v;

    return get_member (object, name, json_type_int, &v) &&
           json_object_get_int64 (v) >= min && json_object_get_int64 (v) <= max;
}

/* No member outside @names, a list ended by NULL. */
static bool
only_members (json_object *object, const char *const *names)
{
    json_object_object_foreach (object, name, value)
    {
        (void) value;
        const char *const *n = names;
        while (*n != NULL && strcmp (*n, name) != 0)
            n++;
        if (*n == NULL)
            return false;
    }
    return true;
}

static bool
list_has (json_object *list, const char *text)
{
    for (size_t i = 0; i < json_object_array_length (list); i++) {
        json_object *v = json_object_array_get_idx (list, i);
        if (json_object_is_type (v, json_type_string) &&
            strcmp (json_object_get_string (v), text) == 0)
            return true;
    }
    return false;
}

/* ---- JSON sections -------------------------------------------------------------- */

static const char *const hashes[] = { "sha256", "sha512", NULL };

static const char *
check_segments (json_object *segments, size_t len)
{
    static const char *const names[] = { "type",       "offset",      "size", "iv_tweak",
                                         "encryption", "sector_size", NULL };
    json_object *segment;
    json_object *sector;
    uint64_t offset, tweak;

    if (json_object_object_length (segments) != 1 ||
        !get_member (segments, "0", json_type_object, &segment))
        return "segments: not exactly one segment";
    if (!text_is (segment, "type", "crypt"))
        return "segment-type: segment is not of type crypt";
    if (!text_is (segment, "encryption", CIPHER))
        return "cipher: data cipher is not " CIPHER;
    if (!only_members (segment, names))
        return "segment-member: segment has integrity, flags or an unknown member";
    if (!get_u64_text (segment, "offset", &offset) || offset != len)
        return "segment-offset: data does not begin where the header area ends";
    if (!text_is (segment, "size", "dynamic"))
        return "segment-size: segment does not reach to the end of the device";
    if (!get_u64_text (segment, "iv_tweak", &tweak) || tweak != 0)
        return "segment-tweak: segment's tweak does not begin at 0";
    if (!get_member (segment, "sector_size", json_type_int, &sector) ||
        (json_object_get_int64 (sector) != 512 && json_object_get_int64 (sector) != 4096))
        return "sector-size: sector size is not 512 or 4096";
    return NULL;
}

static const char *
check_config (json_object *config, size_t len, size_t hdr_size, uint64_t *area_end)
{
    static const char *const names[] = { "json_size", "keyslots_size", NULL };
    uint64_t json_size, keyslots_size;
    json_object *unused;

    if (json_object_object_get_ex (config, "requirements", &unused))
        return "requirements: header has requirement flags";
    if (json_object_object_get_ex (config, "flags", &unused))
        return "config-flags: header has persistent flags";
    if (!only_members (config, names))
        return "config-member: unknown member in config";
    if (!get_u64_text (config, "json_size", &json_size) ||
        json_size != hdr_size - HDR_BIN_SIZE ||
        !get_u64_text (config, "keyslots_size", &keyslots_size) ||
        keyslots_size > len - 2 * hdr_size)
        return "config-size: sizes in config do not fit the header area";
    *area_end = 2 * hdr_size + keyslots_size;
    return NULL;
}

static bool
kdf_is_sane (json_object *kdf)
{
    static const char *const pbkdf2[] = { "type", "hash", "iterations", "salt", NULL };
    static const char *const argon[] = { "type", "time", "memory", "cpus", "salt", NULL };
    static const char *const argon_types[] = { "argon2i", "argon2id", NULL };
    json_object *salt;

    if (!get_member (kdf, "salt", json_type_string, &salt) ||
        json_object_get_string_len (salt) < 40)
        return false;
    if (text_is (kdf, "type", "pbkdf2"))
        return only_members (kdf, pbkdf2) && text_is_any (kdf, "hash", hashes) &&
               number_in (kdf, "iterations", ITERATIONS_MIN, ITERATIONS_MAX);
    return text_is_any (kdf, "type", argon_types) && only_members (kdf, argon) &&
           number_in (kdf, "time", 4, ITERATIONS_MAX) &&
           number_in (kdf, "memory", 32, ARGON_MEMORY_MAX) && number_in (kdf, "cpus", 1, 4);
}

static bool
af_is_sane (json_object *af)
{
    static const char *const names[] = { "type", "stripes", "hash", NULL };

    return only_members (af, names) && text_is (af, "type", "luks1") &&
           number_in (af, "stripes", STRIPES, STRIPES) && text_is_any (af, "hash", hashes);
}

/* Everything of one keyslot but the place of its area. */
static const char *
check_keyslot (json_object *slot, json_object *area)
{
    static const char *const names[] = { "type", "key_size", "af", "area",
                                         "kdf",  "priority", NULL };
    static const char *const area_names[] = { "type",       "offset",   "size",
                                              "encryption", "key_size", NULL };
    json_object *af, *kdf, *priority;

    if (!text_is (slot, "type", "luks2"))
        return "keyslot-type: keyslot is not of type luks2 (reencryption?)";
    if (!only_members (slot, names))
        return "keyslot-member: unknown member in a keyslot";
    if (!number_in (slot, "key_size", KEY_SIZE, KEY_SIZE))
        return "keyslot-key-size: volume key is not 512 bits";
    if (!text_is (area, "encryption", CIPHER) ||
        !number_in (area, "key_size", KEY_SIZE, KEY_SIZE))
        return "keyslot-cipher: keyslot's cipher is not " CIPHER " with 512 bits";
    if (!text_is (area, "type", "raw") || !only_members (area, area_names))
        return "keyslot-area: keyslot's area is not a plain one";
    if (!get_member (slot, "af", json_type_object, &af) || !af_is_sane (af))
        return "keyslot-af: keyslot's anti-forensic splitter is not the usual one";
    if (!get_member (slot, "kdf", json_type_object, &kdf) || !kdf_is_sane (kdf))
        return "keyslot-kdf: keyslot's key derivation is unknown or out of bounds";
    if (json_object_object_get_ex (slot, "priority", &priority) &&
        !number_in (slot, "priority", 0, 2))
        return "keyslot-member: unknown priority of a keyslot";
    return NULL;
}

typedef struct {
    uint64_t start;
    uint64_t end;
} Range;

static const char *
check_keyslots (json_object *keyslots, json_object *bound, Range room)
{
    Range used[KEYSLOTS_MAX];
    unsigned int n = 0;

    if (json_object_object_length (keyslots) < 1 ||
        json_object_object_length (keyslots) > KEYSLOTS_MAX ||
        json_object_array_length (bound) != (size_t) json_object_object_length (keyslots))
        return "keyslots: number of keyslots, or of those that the digest names, is wrong";

    json_object_object_foreach (keyslots, name, slot)
    {
        json_object *area;
        uint64_t offset, size;

        if (!json_object_is_type (slot, json_type_object) ||
            !get_member (slot, "area", json_type_object, &area))
            return "keyslot-area: keyslot's area is not a plain one";
        const char *reason = check_keyslot (slot, area);
        if (reason != NULL)
            return reason;
        if (!list_has (bound, name))
            return "keyslots: number of keyslots, or of those that the digest names, is "
                   "wrong";
        if (!get_u64_text (area, "offset", &offset) ||
            !get_u64_text (area, "size", &size) || offset < room.start ||
            offset > room.end || size > room.end - offset || size < KEY_SIZE * STRIPES)
            return "keyslot-place: keyslot lies outside the keyslots area";
        for (unsigned int i = 0; i < n; i++)
            if (offset < used[i].end && used[i].start < offset + size)
                return "keyslot-place: two keyslots overlap";
        used[n++] = (Range){ offset, offset + size };
    }
    return NULL;
}

/* On success *@bound is the digest's list of keyslots. */
static const char *
check_digests (json_object *digests, json_object **bound)
{
    static const char *const names[] = { "type",       "keyslots", "segments", "hash",
                                         "iterations", "salt",     "digest",   NULL };
    json_object *digest, *segments, *text;

    if (json_object_object_length (digests) != 1 ||
        !get_member (digests, "0", json_type_object, &digest))
        return "digests: not exactly one digest";
    if (!text_is (digest, "type", "pbkdf2") || !only_members (digest, names) ||
        !text_is_any (digest, "hash", hashes) ||
        !number_in (digest, "iterations", ITERATIONS_MIN, ITERATIONS_MAX) ||
        !get_member (digest, "salt", json_type_string, &text) ||
        !get_member (digest, "digest", json_type_string, &text))
        return "digest: digest of the volume key is not the usual one";
    if (!get_member (digest, "segments", json_type_array, &segments) ||
        json_object_array_length (segments) != 1 || !list_has (segments, "0") ||
        !get_member (digest, "keyslots", json_type_array, bound))
        return "digest: digest does not cover the segment";
    return NULL;
}

static const char *
check_metadata (json_object *root, size_t len, size_t hdr_size)
{
    static const char *const names[] = { "keyslots", "tokens", "segments",
                                         "digests",  "config", NULL };
    json_object *section[5];
    json_object *bound = NULL;
    Range room = { 2 * hdr_size, 0 };

    for (unsigned int i = 0; i < 5; i++)
        if (!get_member (root, names[i], json_type_object, &section[i]))
            return "metadata: a section of the LUKS2 metadata is missing";
    if (!only_members (root, names))
        return "metadata: unknown section in the LUKS2 metadata";
    if (json_object_object_length (section[1]) != 0)
        return "token: header has a token";

    const char *reason = check_segments (section[2], len);
    if (reason == NULL)
        reason = check_config (section[4], len, hdr_size, &room.end);
    if (reason == NULL)
        reason = check_digests (section[3], &bound);
    if (reason == NULL)
        reason = check_keyslots (section[0], bound, room);
    return reason;
}

const char *
luks_header_check (const uint8_t *header, size_t len)
{
    size_t hdr_size = 0;
    const char *reason = check_headers (header, len, &hdr_size);
    if (reason != NULL)
        return reason;

    const char *text = (const char *) header + HDR_BIN_SIZE;
    const size_t area = hdr_size - HDR_BIN_SIZE;
    const size_t text_len = strnlen (text, area);
    if (text_len == area || !all_zero ((const uint8_t *) text + text_len, area - text_len))
        return "json: LUKS2 metadata is not ended by zeroes";

    json_tokener *tokener = json_tokener_new_ex (8);
    if (tokener == NULL)
        return "json: out of memory";
    json_tokener_set_flags (tokener, JSON_TOKENER_STRICT);

    /* text_len is below 4 MiB; the terminating NUL is passed so that a number at
     * the very end cannot be taken as unfinished. */
    json_object *root = json_tokener_parse_ex (tokener, text, (int) text_len + 1);
    if (json_tokener_get_error (tokener) != json_tokener_success ||
        !json_object_is_type (root, json_type_object))
        reason = "json: LUKS2 metadata is not valid JSON";
    else
        reason = check_metadata (root, len, hdr_size);

    json_object_put (root);
    json_tokener_free (tokener);
    return reason;
}
