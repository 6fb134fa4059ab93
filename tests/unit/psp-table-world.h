/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tests/unit/psp-fake-host.h"

/*
 * A device brought into one of the states of tests/data/psp-*.tsv, by commands only, and
 * what an owner and another platform would bring along.  Command buffers are packed from
 * the numbers of those tables, not from psp/fw's structs.
 */

#define WORLD_BAD_HANDLE 0x7ffffff0u
#define WORLD_UNMAPPED 0x10000u
#define WORLD_CERTS 3u /* OCA, PEK, PDH */

typedef struct {
    guint8 tek[SEV_KEY_SIZE], tik[SEV_KEY_SIZE];
    guint8 bytes[128];
} WorldSession;

typedef struct {
    FakeHost *host;
    PspDevice *psp;
    gboolean engine_es, inactive, swapped, spent, noflush, stale, two, owned, fresh, nvbad;
    gboolean nvbad2, full, noes, other, old, chain_signed;
    guint32 policy;
    guint32 second; /* handle of the other guest, with @two or @full */
    guint32 handle; /* of the guest; WORLD_BAD_HANDLE: there is none */
    WorldSession session;
    guint8 measure[SEV_MAC_SIZE];
    char *certs[WORLD_CERTS]; /* checksums; NULL: not known */
    GHashTable *blobs;        /* area -> GBytes */
} World;

World *world_new (const char *start);
void world_free (World *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (World, world_free)

/* The address of "AREA", "AREA+N", "END-N", "WRAP-N", "UNMAPPED", "TMR+N"; FALSE: none. */
gboolean world_address (const char *text, guint64 *out);
/* Whether [paddr, paddr + len) is the host's memory. */
gboolean world_mapped (guint64 paddr, gsize len);

/* What lies in an area: Returns: (transfer none) (nullable) */
GBytes *world_blob (const World *world, const char *area);
/* Memory with a pattern without zeroes, and a byte of the pattern. */
void world_fill (World *world);
guint8 world_pattern (guint64 paddr);
/* Checksums of the certificates that PDH_CERT_EXPORT gives; memory is as it was. */
void world_certs (World *world, char *out[WORLD_CERTS]);

/* The owner's DH certificate, the CSR or the owner's OCA certificate with a byte set
 * before it is signed; @offset past the end: as it should be.
 */
GBytes *world_signed (const World *world, const char *area, gsize offset, guint8 value);
/* A firmware image of API 1.55 and that build. */
GBytes *world_image (guint8 build);
void world_session (const World *world, guint32 policy, WorldSession *out);

typedef struct {
    guint8 context;
    guint64 header, trans;
    guint32 guest_len, trans_len;
    gsize offset; /* of a byte of the header that is set; past the end: none */
    guint8 value;
} WorldPacket;
/* Packs what the owner or the sender would have; nothing where there is no memory. */
void world_packet (World *world, const WorldPacket *packet);
