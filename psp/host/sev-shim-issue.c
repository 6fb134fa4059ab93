/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SEV_ISSUE_CMD of the shim: carries the caller's structs and blobs to the service and
 * back, as the kernel's driver copies them (Linux, drivers/crypto/ccp/sev-dev.c), and
 * decides nothing else.
 *
 * The caller's memory may be unmapped, and that must end in EFAULT and not in a signal: it
 * is touched by send() and recv() of a socket pair only, which say so.
 */

#include "config.h"

#include "psp/host/sev-shim-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/psp-sev.h>

#include "psp/host/sev-device-wire.h"

/* Where in its struct a command has the address (8 bytes) and the length (4) of a blob. */
typedef struct {
    uint8_t address;
    uint8_t length;
} Blob;

typedef struct {
    uint8_t in;  /* bytes of the struct that the driver reads */
    uint8_t out; /* and writes */
    bool writes; /* EPERM for a descriptor that is only for reading */
    bool blobs_in;
    uint8_t n_blobs;
    Blob blobs[SEV_DEVICE_BLOBS];
} Shape;

static const Shape shapes[] = {
    [SEV_FACTORY_RESET] = { .writes = true },
    [SEV_PLATFORM_STATUS] = { .out = 12 },
    [SEV_PEK_GEN] = { .writes = true },
    [SEV_PEK_CSR] = { 12, 12, true, false, 1, { { 0, 8 } } },
    [SEV_PDH_GEN] = { .writes = true },
    [SEV_PDH_CERT_EXPORT] = { 24, 24, false, false, 2, { { 0, 8 }, { 12, 20 } } },
    [SEV_PEK_CERT_IMPORT] = { 24, 0, true, true, 2, { { 0, 8 }, { 12, 20 } } },
    [SEV_GET_ID] = { .out = 128 },
    [SEV_GET_ID2] = { 12, 12, false, false, 1, { { 0, 8 } } },
};
_Static_assert(sizeof (struct sev_user_data_status) == 12, "");
_Static_assert(sizeof (struct sev_user_data_pek_csr) == 12, "");
_Static_assert(sizeof (struct sev_user_data_pdh_cert_export) == 24, "");
_Static_assert(sizeof (struct sev_user_data_pek_cert_import) == 24, "");
_Static_assert(sizeof (struct sev_user_data_get_id) == 128, "");
_Static_assert(sizeof (struct sev_user_data_get_id2) == 12, "");
_Static_assert(sizeof (struct sev_issue_cmd) == 16, "");

/* One ioctl under way. */
typedef struct {
    int copy[2];
    int answer[2];
    struct sev_issue_cmd argument;
    uint8_t data[SEV_DEVICE_STRUCT_MAX];
    size_t len; /* of the message */
    union {
        SevDeviceRequest request;
        SevDeviceReply reply;
        uint8_t bytes[SEV_DEVICE_MESSAGE_MAX];
    } message;
} Trip;

/* 0 or an errno.  Either pointer may be the caller's. */
static int
copy (Trip *trip, uintptr_t to, uintptr_t from, size_t len)
{
    long n;

    if (len == 0)
        return 0;
    do
        n = syscall (SYS_sendto, trip->copy[0], from, len, MSG_NOSIGNAL, NULL, 0);
    while (n < 0 && errno == EINTR);
    if (n != (long) len)
        return n < 0 ? errno : EIO;
    do
        n = syscall (SYS_recvfrom, trip->copy[1], to, len, 0, NULL, NULL);
    while (n < 0 && errno == EINTR);
    return n == (long) len ? 0 : n < 0 ? errno : EIO;
}

static uint64_t
blob_address (const Trip *trip, const Blob *blob)
{
    uint64_t value;

    memcpy (&value, trip->data + blob->address, sizeof value);
    return value;
}

static uint32_t
blob_length (const Trip *trip, const Blob *blob)
{
    uint32_t value;

    memcpy (&value, trip->data + blob->length, sizeof value);
    return value;
}

static int
append (Trip *trip, uintptr_t from, size_t len)
{
    if (len > sizeof trip->message - trip->len)
        return EIO;
    const int result =
        copy (trip, (uintptr_t) (trip->message.bytes + trip->len), from, len);
    trip->len += len;
    return result;
}

/* What the driver would copy from the caller before it asks the firmware. */
static int
build_request (Trip *trip, const Shape *shape)
{
    SevDeviceRequest request = { .magic = SEV_DEVICE_MAGIC,
                                 .cmd = trip->argument.cmd,
                                 .error = trip->argument.error,
                                 .data_len = shape->in };
    int result =
        copy (trip, (uintptr_t) trip->data, (uintptr_t) trip->argument.data, shape->in);

    trip->len = sizeof request;
    if (result == 0)
        result = append (trip, (uintptr_t) trip->data, shape->in);
    for (unsigned i = 0; result == 0 && shape->blobs_in && i < shape->n_blobs; i++) {
        const uint64_t address = blob_address (trip, &shape->blobs[i]);
        const uint32_t len = blob_length (trip, &shape->blobs[i]);

        /* An empty or a large one is for the driver to refuse. */
        if (address == 0 || len == 0 || len > SEV_DEVICE_BLOB_MAX)
            break;
        request.blob_len[i] = len;
        result = append (trip, (uintptr_t) address, len);
    }
    memcpy (&trip->message.request, &request, sizeof request);
    return result;
}

static int
send_request (Trip *trip, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE (sizeof (int))];
    } control = { 0 };
    struct iovec part = { trip->message.bytes, trip->len };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    struct cmsghdr *header = CMSG_FIRSTHDR (&message);
    struct pollfd ready = { .fd = fd, .events = POLLOUT };

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN (sizeof (int));
    memcpy (CMSG_DATA (header), &trip->answer[1], sizeof (int));
    while (syscall (SYS_sendmsg, fd, &message, MSG_NOSIGNAL) < 0) {
        if (errno == EAGAIN)
            syscall (SYS_poll, &ready, 1, -1);
        else if (errno != EINTR)
            return ENODEV;
    }
    return 0;
}

/* The service's end is watched too: another process might have a copy of the answer's
 * socket, made by a fork in another thread, and keep it open. */
static int
receive_reply (Trip *trip, int fd)
{
    struct pollfd ends[] = { { .fd = trip->answer[0], .events = POLLIN },
                             { .fd = fd, .events = 0 } };
    long n = -1;

    syscall (SYS_close, trip->answer[1]);
    trip->answer[1] = -1;
    while (n < 0) {
        if (syscall (SYS_poll, ends, 2, -1) < 0)
            continue;
        n = syscall (SYS_recvfrom, trip->answer[0], trip->message.bytes,
                     sizeof trip->message, MSG_DONTWAIT, NULL, NULL);
        if (n < 0 && (ends[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
            return ENODEV;
    }
    const SevDeviceReply *reply = &trip->message.reply;
    if ((size_t) n < sizeof *reply || reply->magic != SEV_DEVICE_MAGIC ||
        reply->data_len > SEV_DEVICE_STRUCT_MAX)
        return ENODEV;
    size_t len = sizeof *reply + reply->data_len;
    for (unsigned i = 0; i < SEV_DEVICE_BLOBS; i++) {
        if (reply->blob_len[i] > SEV_DEVICE_BLOB_MAX)
            return ENODEV;
        len += reply->blob_len[i];
    }
    trip->len = (size_t) n;
    return len == (size_t) n ? 0 : ENODEV;
}

/* Back to the caller: struct, then blobs, to where the caller's own struct said. */
static int
deliver (Trip *trip, const Shape *shape)
{
    const SevDeviceReply *reply = &trip->message.reply;
    const uint8_t *next = trip->message.bytes + sizeof *reply;
    int result = 0;

    if (reply->data_len != 0 && reply->data_len != shape->out)
        return ENODEV;
    if (copy (trip, (uintptr_t) trip->argument.data, (uintptr_t) next, reply->data_len) !=
        0)
        return EFAULT;
    next += reply->data_len;
    for (unsigned i = 0; i < shape->n_blobs && !shape->blobs_in; i++) {
        const uint32_t len = reply->blob_len[i];

        if (len > blob_length (trip, &shape->blobs[i]))
            return ENODEV;
        if (copy (trip, (uintptr_t) blob_address (trip, &shape->blobs[i]), (uintptr_t) next,
                  len) != 0)
            result = EFAULT;
        next += len;
    }
    return result != 0 ? result : reply->saved_errno;
}

static int
run (Trip *trip, int fd, ShimMode mode)
{
    if (trip->argument.cmd >= sizeof shapes / sizeof shapes[0])
        return EINVAL;
    const Shape *shape = &shapes[trip->argument.cmd];
    if (shape->writes && mode != SHIM_READ_WRITE)
        return EPERM;
    int result = build_request (trip, shape);
    if (result == 0)
        result = send_request (trip, fd);
    if (result == 0)
        result = receive_reply (trip, fd);
    if (result != 0)
        return result;
    trip->argument.error = trip->message.reply.error;
    return deliver (trip, shape);
}

static void
close_pair (const int pair[2])
{
    for (unsigned i = 0; i < 2; i++)
        if (pair[i] >= 0)
            syscall (SYS_close, pair[i]);
}

static int
make_pair (int pair[2])
{
    return syscall (SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0
               ? 0
               : ENOMEM;
}

int
shim_issue (int fd, ShimMode mode, uintptr_t argument)
{
    /* Too large for the stack of a signal handler. */
    Trip *trip = (Trip *) syscall (SYS_mmap, NULL, sizeof *trip, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (trip == MAP_FAILED)
        return ENOMEM;
    trip->copy[0] = trip->copy[1] = trip->answer[0] = trip->answer[1] = -1;
    int result = make_pair (trip->copy);
    if (result == 0)
        result = make_pair (trip->answer);
    if (result == 0)
        result = copy (trip, (uintptr_t) &trip->argument, argument, sizeof trip->argument);
    if (result == 0) {
        const bool known = trip->argument.cmd < sizeof shapes / sizeof shapes[0];

        result = run (trip, fd, mode);
        if (known &&
            copy (trip, argument, (uintptr_t) &trip->argument, sizeof trip->argument) != 0)
            result = EFAULT;
    }
    close_pair (trip->copy);
    close_pair (trip->answer);
    syscall (SYS_munmap, trip, sizeof *trip);
    return result;
}
