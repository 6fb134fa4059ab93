/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the /dev/sev shim and "sev-platform serve" say to each other.  Plain C, because the
 * shim lives in other people's programs.
 *
 * A descriptor of the device is a connection (SOCK_SEQPACKET) to one of two sockets of the
 * host's directory; which of them says how it was opened.  So fork, exec, dup and close
 * need no help, and a program that has only inherited the descriptor finds out with
 * getpeername() what it is.  The service sends nothing on it: a reader sees the end.
 *
 * Each ioctl is one message: a SevDeviceRequest, the bytes of the command's own struct, and
 * the blobs that it points to; with it comes a descriptor (SCM_RIGHTS) of a socket pair
 * made for the answer, so that threads and processes that share a descriptor cannot take
 * each other's answers.  The answer is a SevDeviceReply, the struct and the blobs.
 *
 * Sizes and command numbers: <linux/psp-sev.h>.  Both ends are of one machine and one
 * version; integers are in the machine's order.
 */

#include <stdint.h>

/* The host's directory, for the shim; in the environment of "emulator exec" only. */
#define SEV_DEVICE_VARIABLE "SEVLAUNCH_SEV_DEVICE"

#define SEV_DEVICE_SOCKET_READ_WRITE "rt/sev-rw"
#define SEV_DEVICE_SOCKET_READ_ONLY "rt/sev-ro"

#define SEV_DEVICE_MAGIC 0x31564553u /* "SEV1" */
#define SEV_DEVICE_BLOB_MAX 0x4000u  /* SEV_FW_BLOB_MAX_SIZE of Linux' driver */
#define SEV_DEVICE_STRUCT_MAX 128u   /* struct sev_user_data_get_id */
#define SEV_DEVICE_BLOBS 2u          /* PDH_CERT_EXPORT, PEK_CERT_IMPORT */
#define SEV_DEVICE_MESSAGE_MAX                                                             \
    (64u + SEV_DEVICE_STRUCT_MAX + SEV_DEVICE_BLOBS * SEV_DEVICE_BLOB_MAX)

typedef struct {
    uint32_t magic;
    uint32_t cmd;                        /* of SEV_ISSUE_CMD */
    uint32_t error;                      /* as the caller had it */
    uint32_t data_len;                   /* bytes of the struct */
    uint32_t blob_len[SEV_DEVICE_BLOBS]; /* 0: not sent */
} SevDeviceRequest;

typedef struct {
    uint32_t magic;
    int32_t saved_errno; /* 0: success */
    uint32_t error;      /* for the caller */
    uint32_t data_len;   /* 0: the caller's struct stays */
    uint32_t blob_len[SEV_DEVICE_BLOBS];
} SevDeviceReply;
