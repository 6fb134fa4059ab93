/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * LaunchEnder: ends a guest over a connection of its own while another call about the guest
 * hangs, as calls do when QEMU does not answer libvirt
 */
typedef struct _LaunchEnder LaunchEnder;

/** launch_ender_start: gives the call two seconds, then tries on a thread, until the guest
 * was ended, the call is over, or for some seconds: libvirt may not know the guest yet */
LaunchEnder *launch_ender_start (const char *uri, const char *uuid);
/** launch_ender_stop: the call has returned */
void launch_ender_stop (LaunchEnder *ender);
/** launch_ender_free: does not wait for the thread */
void launch_ender_free (LaunchEnder *ender);

G_END_DECLS
