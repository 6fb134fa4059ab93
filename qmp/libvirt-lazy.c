/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libvirt's functions, found when the first of them is called: libvirt brings thirty
 * libraries with it, and most commands never ask it.  A function that is called and not
 * here does not link; add it.  Without the library each of them fails, and
 * virGetLastErrorMessage() says that it is missing.
 */

#include <dlfcn.h>
#include <time.h>

#include <glib.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* The names under which every libvirt since 0.9.4 has been installed. */
#define LIBRARY "libvirt.so.0"
#define QEMU_LIBRARY "libvirt-qemu.so.0"

static gsize opened;
static void *library;
static void *qemu_library;

static double
cpu_ms (void)
{
    struct timespec now = { 0 };

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static void
open_libraries (void)
{
    if (!g_once_init_enter (&opened))
        return;
    const double begun = cpu_ms ();
    library = dlopen (LIBRARY, RTLD_NOW | RTLD_LOCAL);
    qemu_library = library != NULL ? dlopen (QEMU_LIBRARY, RTLD_NOW | RTLD_LOCAL) : NULL;
    /* Read by bench/bench-host.py. */
    g_debug ("loading libvirt took %.1f ms of CPU", cpu_ms () - begun);
    g_once_init_leave (&opened, 1);
}

static void *
find (const char *name)
{
    void *found;

    open_libraries ();
    if (qemu_library == NULL)
        return NULL;
    found = dlsym (library, name);
    return found != NULL ? found : dlsym (qemu_library, name);
}

/* Nobody else takes these for libvirt's own, libvirt itself least of all. */
#define HIDDEN __attribute__ ((visibility ("hidden")))

#define FORWARD(type, name, parameters, arguments, otherwise)                              \
    HIDDEN type name parameters                                                            \
    {                                                                                      \
        typeof (&name) real;                                                               \
                                                                                           \
        *(void **) &real = find (#name);                                                   \
        return real != NULL ? real arguments : (otherwise);                                \
    }

FORWARD (int, virInitialize, (void), (), -1)
FORWARD (int, virEventRegisterDefaultImpl, (void), (), -1)
FORWARD (virErrorPtr, virGetLastError, (void), (), NULL)
FORWARD (int, virGetLastErrorCode, (void), (), VIR_ERR_NO_SUPPORT)
FORWARD (const char *,
         virGetLastErrorMessage,
         (void),
         (),
         LIBRARY " and " QEMU_LIBRARY " are not installed")

FORWARD (virConnectPtr, virConnectOpen, (const char *uri), (uri), NULL)
FORWARD (int, virConnectClose, (virConnectPtr c), (c), -1)
FORWARD (int, virConnectIsAlive, (virConnectPtr c), (c), -1)
FORWARD (char *, virConnectGetURI, (virConnectPtr c), (c), NULL)
FORWARD (char *, virConnectGetHostname, (virConnectPtr c), (c), NULL)
FORWARD (char *, virConnectGetCapabilities, (virConnectPtr c), (c), NULL)
FORWARD (int, virConnectGetVersion, (virConnectPtr c, unsigned long *v), (c, v), -1)
FORWARD (int, virConnectGetLibVersion, (virConnectPtr c, unsigned long *v), (c, v), -1)
FORWARD (char *,
         virConnectGetDomainCapabilities,
         (virConnectPtr c,
          const char *emulator,
          const char *arch,
          const char *machine,
          const char *type,
          unsigned int flags),
         (c, emulator, arch, machine, type, flags),
         NULL)
FORWARD (int,
         virConnectDomainEventRegisterAny,
         (virConnectPtr c,
          virDomainPtr d,
          int id,
          virConnectDomainEventGenericCallback callback,
          void *data,
          virFreeCallback clear),
         (c, d, id, callback, data, clear),
         -1)
FORWARD (int, virConnectDomainEventDeregisterAny, (virConnectPtr c, int id), (c, id), -1)
FORWARD (int,
         virConnectDomainQemuMonitorEventRegister,
         (virConnectPtr c,
          virDomainPtr d,
          const char *event,
          virConnectDomainQemuMonitorEventCallback callback,
          void *data,
          virFreeCallback clear,
          unsigned int flags),
         (c, d, event, callback, data, clear, flags),
         -1)
FORWARD (int,
         virConnectDomainQemuMonitorEventDeregister,
         (virConnectPtr c, int id),
         (c, id),
         -1)
FORWARD (int,
         virNodeGetSEVInfo,
         (virConnectPtr c, virTypedParameterPtr *params, int *n, unsigned int flags),
         (c, params, n, flags),
         -1)
FORWARD (int,
         virTypedParamsGetString,
         (virTypedParameterPtr params, int n, const char *name, const char **value),
         (params, n, name, value),
         -1)

FORWARD (virDomainPtr,
         virDomainLookupByName,
         (virConnectPtr c, const char *name),
         (c, name),
         NULL)
FORWARD (virDomainPtr,
         virDomainLookupByUUIDString,
         (virConnectPtr c, const char *uuid),
         (c, uuid),
         NULL)
FORWARD (virDomainPtr,
         virDomainCreateXML,
         (virConnectPtr c, const char *xml, unsigned int flags),
         (c, xml, flags),
         NULL)
FORWARD (int, virDomainRef, (virDomainPtr d), (d), -1)
FORWARD (int, virDomainFree, (virDomainPtr d), (d), -1)
FORWARD (int, virDomainResume, (virDomainPtr d), (d), -1)
FORWARD (int, virDomainDestroy, (virDomainPtr d), (d), -1)
FORWARD (virConnectPtr, virDomainGetConnect, (virDomainPtr d), (d), NULL)
FORWARD (int, virDomainIsActive, (virDomainPtr d), (d), -1)
FORWARD (unsigned int, virDomainGetID, (virDomainPtr d), (d), (unsigned int) -1)
FORWARD (int,
         virDomainHasManagedSaveImage,
         (virDomainPtr d, unsigned int flags),
         (d, flags),
         -1)
FORWARD (int, virDomainGetUUIDString, (virDomainPtr d, char *out), (d, out), -1)
FORWARD (char *,
         virDomainGetXMLDesc,
         (virDomainPtr d, unsigned int flags),
         (d, flags),
         NULL)
FORWARD (int,
         virDomainOpenConsole,
         (virDomainPtr d, const char *name, virStreamPtr s, unsigned int flags),
         (d, name, s, flags),
         -1)
FORWARD (int,
         virDomainQemuMonitorCommand,
         (virDomainPtr d, const char *command, char **result, unsigned int flags),
         (d, command, result, flags),
         -1)

FORWARD (virStreamPtr,
         virStreamNew,
         (virConnectPtr c, unsigned int flags),
         (c, flags),
         NULL)
FORWARD (int, virStreamFree, (virStreamPtr s), (s), -1)
FORWARD (int, virStreamAbort, (virStreamPtr s), (s), -1)
FORWARD (int, virStreamRecv, (virStreamPtr s, char *data, size_t n), (s, data, n), -1)
FORWARD (int,
         virStreamEventAddCallback,
         (virStreamPtr s,
          int events,
          virStreamEventCallback callback,
          void *data,
          virFreeCallback clear),
         (s, events, callback, data, clear),
         -1)
FORWARD (int, virStreamEventRemoveCallback, (virStreamPtr s), (s), -1)

HIDDEN void
virSetErrorFunc (void *data, virErrorFunc handler)
{
    typeof (&virSetErrorFunc) real;

    *(void **) &real = find ("virSetErrorFunc");
    if (real != NULL)
        real (data, handler);
}

HIDDEN void
virTypedParamsFree (virTypedParameterPtr params, int n)
{
    typeof (&virTypedParamsFree) real;

    *(void **) &real = find ("virTypedParamsFree");
    if (real != NULL)
        real (params, n);
}
