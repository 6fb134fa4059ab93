/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between rehearsal-kvm.c, in QEMU, and rehearsal-service.c, which has the secure
 * processor: a request and up to two byte strings after it, a reply and one after it.  Both
 * are programs of one machine and one build; words are its own.
 */

#include <stdint.h>

#define REHEARSAL_SOCKET                                                                   \
    "REHEARSAL_SOCKET"                /* environment: path of the service's socket         \
                                       */
#define REHEARSAL_KVM "REHEARSAL_KVM" /* environment: what is opened for /dev/kvm */
#define REHEARSAL_BLOB_MAX (64u << 20)

typedef struct {
    uint32_t id;     /* KVM_SEV_* */
    uint32_t value;  /* policy, or length of what comes back */
    uint32_t len[2]; /* certificate and session, header and ciphertext, or data */
} RehearsalRequest;

typedef struct {
    uint32_t status; /* the firmware's */
    uint32_t value;  /* handle, or state of the guest */
    uint32_t policy;
    uint32_t len;
} RehearsalReply;
