/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where the persistent state is: in the firmware's own storage, or since INIT_EX in an area
 * of the host's memory.
 */

#include "psp/fw/psp-nv-area.h"
#include "psp/fw/psp-private.h"

/* INIT_EX has checked it, but the host may have taken the memory away since. */
static gboolean
area_is_memory (PspDevice *psp, guint64 area, GError **error)
{
    if (psp_range_ok (psp, area, PSP_NV_AREA_SIZE, PSP_MEMORY_READ | PSP_MEMORY_WRITE))
        return TRUE;
    g_set_error_literal (error, PSP_ERROR, PSP_ERROR_HOST,
                         "the area of INIT_EX is no longer memory");
    return FALSE;
}

gboolean
psp_storage_load (PspDevice *psp, guint64 area, SevSecret **blob, GError **error)
{
    if (area == 0)
        return psp_nv_load (psp, blob, error);

    g_autofree guint8 *bytes = g_malloc (PSP_NV_AREA_SIZE);
    *blob = NULL;
    return area_is_memory (psp, area, error) &&
           psp_read (psp, area, bytes, PSP_NV_AREA_SIZE, error) &&
           psp_nv_area_open (psp->chip, bytes, blob, error);
}

gboolean
psp_storage_store (PspDevice *psp, guint64 area, const SevSecret *blob, GError **error)
{
    guint8 iv[SEV_IV_SIZE];

    if (area == 0)
        return psp_nv_store (psp, blob, error);

    g_autofree guint8 *bytes = g_malloc (PSP_NV_AREA_SIZE);
    return area_is_memory (psp, area, error) && psp_random (psp, iv, sizeof iv, error) &&
           psp_nv_area_seal (psp->chip, blob, iv, bytes, error) &&
           psp_write (psp, area, bytes, PSP_NV_AREA_SIZE, error);
}

gboolean
psp_store_keys (PspDevice *psp, guint64 area, const PspKeys *keys, GError **error)
{
    g_autoptr (SevSecret) blob = psp_keys_save (keys, psp->chip, error);

    return blob != NULL && psp_storage_store (psp, area, blob, error);
}

gboolean
psp_replace_keys (PspDevice *psp, PspKeys **keys, GError **error)
{
    if (!psp_store_keys (psp, psp->nv_area, *keys, error))
        return FALSE;
    psp_keys_free (psp->keys);
    psp->keys = g_steal_pointer (keys);
    return TRUE;
}
