/* The state of the library, one per process in a database server, as many as they like in tests.
 *
 * Order of locks: library.lock, then route.lock; queue and server locks are innermost and never held together. */
#ifndef GMAN_LIBRARY_H
#define GMAN_LIBRARY_H

#include "counters.h"
#include "route.h"
#include "settings.h"

#include <stdatomic.h>

#define LIBRARY_NAME "gman_udf"
#define LIBRARY_VERSION "0.1.0"
#define LIBRARY_SERVERS_MAX 1024 /* addresses ever named; an unlocked list must not eat the server's memory */
#define LIBRARY_ROUTES_MAX 256   /* functions with a list of their own */

struct library {
    struct settings settings;
    struct counters counters;
    struct route fallback;           /* the default route */
    _Atomic(struct route *) routes;  /* functions with a list of their own; grows at the head, under lock */
    pthread_mutex_t lock;            /* guards the rest, and changes of routes */
    struct server *servers;          /* every server ever named */
    unsigned server_count;
    unsigned route_count;
};

/* Prepares a library: defaults, then the file at `path`. If `path` is NULL no file is read. `must_exist` complains
 * when the file is missing. Complaints go to stderr and become the last error.
 * Returns 0, or -1 without memory for the default list. */
int library_open(struct library *library, const char *path, bool must_exist);

/* Stops the senders and frees everything; nobody may use the library any more. Posts still queued are lost. */
void library_close(struct library *library);

/* The library of this process, opened on first use with the file named by GMAN_UDF_CONF or the default one.
 * NULL without memory; the next call tries again. Thread-safe. */
struct library *library_get(void);

/* Closes the library of this process, for tests that look for leaks. */
void library_forget(void);

#endif
