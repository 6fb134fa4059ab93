/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/state-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "psp/host/files.h"
#include "psp/host/host-error.h"

#define CHIP "chip"
#define NV "nv"

struct _StateDir {
    int dir;
    int lock;
};

void
state_dir_free (StateDir *state)
{
    if (state->lock >= 0)
        close (state->lock);
    if (state->dir >= 0)
        close (state->dir);
    g_free (state);
}

StateDir *
state_dir_open (const HostDir *host, GError **error)
{
    g_autoptr (StateDir) state = g_new0 (StateDir, 1);
    int locked;

    state->lock = -1;
    state->dir = host_dir_open_sub (host, "platform", error);
    if (state->dir < 0)
        return NULL;
    state->lock =
        openat (state->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    do
        locked = state->lock >= 0 ? flock (state->lock, LOCK_EX) : -1;
    while (locked != 0 && state->lock >= 0 && errno == EINTR);
    if (locked != 0) {
        host_error_set_errno (error, errno, "locking '%s/platform'", host->path);
        return NULL;
    }
    return g_steal_pointer (&state);
}

static PspChip *
make_chip (StateDir *state, const HostDir *host, GError **error)
{
    g_autoptr (PspChip) chip =
        psp_chip_manufacture_as (host->generation, host->amd_key_id, NULL, error);

    if (chip == NULL)
        return NULL;
    g_autoptr (SevSecret) blob = psp_chip_save (chip, error);
    if (blob == NULL || !files_replace (state->dir, CHIP, sev_secret_data (blob),
                                        sev_secret_size (blob), 0600, error))
        return NULL;
    return g_steal_pointer (&chip);
}

PspChip *
state_dir_chip (StateDir *state, const HostDir *host, GError **error)
{
    g_autoptr (SevSecret) blob = NULL;

    if (!files_read_secret (state->dir, CHIP, PSP_NV_MAX_SIZE, &blob, error))
        return NULL;
    if (blob == NULL)
        return make_chip (state, host, error);
    g_autoptr (PspChip) chip = psp_chip_load (blob, error);
    if (chip == NULL)
        return NULL;
    if (psp_chip_generation (chip) != host->generation) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_CONFIG,
                     "host.conf says generation '%s', the platform's chip is '%s'",
                     psp_generation_name (host->generation),
                     psp_generation_name (psp_chip_generation (chip)));
        return NULL;
    }
    return g_steal_pointer (&chip);
}

gboolean
state_dir_has_nv (const StateDir *state)
{
    struct stat st;

    return fstatat (state->dir, NV, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Cut to nothing, or more than any state is. */
static gboolean
nv_has_no_size (const StateDir *state)
{
    struct stat st;

    return fstatat (state->dir, NV, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG (st.st_mode) && (st.st_size == 0 || st.st_size > PSP_NV_MAX_SIZE);
}

gboolean
state_dir_nv_load (StateDir *state, SevSecret **blob, GError **error)
{
    /* Damaged like any other: the firmware finds that out, and makes a new one. */
    if (nv_has_no_size (state)) {
        *blob = sev_secret_new (1);
        return TRUE;
    }
    return files_read_secret (state->dir, NV, PSP_NV_MAX_SIZE, blob, error);
}

gboolean
state_dir_nv_store (StateDir *state, const SevSecret *blob, GError **error)
{
    if (blob == NULL)
        return files_remove (state->dir, NV, error);
    return files_replace (state->dir, NV, sev_secret_data (blob), sev_secret_size (blob),
                          0600, error);
}
