/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * KdsCache: files that were verified before they were stored, in
 * $XDG_CACHE_HOME/sevlaunch/kds; names are plain.  A cache that cannot be used costs a
 * warning and the time of a fetch.  Every function takes %NULL, which holds nothing.
 */
typedef struct _KdsCache KdsCache;

/** kds_cache_open: Returns: (transfer full) (nullable) */
KdsCache *kds_cache_open (void) G_GNUC_WARN_UNUSED_RESULT;
void kds_cache_free (KdsCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KdsCache, kds_cache_free)

/** kds_cache_read: Returns: (transfer full) (nullable): %NULL if it is not there, and with
 * a warning if it may be somebody else's */
GBytes *kds_cache_read (const KdsCache *cache, const char *name);
/** kds_cache_write: 0600, renamed into place */
void kds_cache_write (const KdsCache *cache, const char *name, GBytes *bytes);
void kds_cache_forget (const KdsCache *cache, const char *name);

G_END_DECLS
