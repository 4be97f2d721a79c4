#include "library.h"

#include "memory.h"
#include "queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *read_servers(void *context, const char *function, const char *list)
{
    struct library *library = context;
    struct bytes name = {function != NULL ? function : "", function != NULL ? strlen(function) : 0};
    struct bytes text = {list, strlen(list)};
    if (function != NULL && name.length == 0)
        return "the function name is empty";
    return route_set(library, &name, &text);
}

static void complain(void *context, const char *text)
{
    struct library *library = context;
    fprintf(stderr, LIBRARY_NAME ": %s\n", text);
    counters_note(&library->counters, text);
}

static void read_file(struct library *library, const char *path, bool must_exist)
{
    struct settings_reader reader = {read_servers, complain, library};
    char text[400], reason[64];
    if (settings_read(&library->settings, path, &reader) == 0)
        return;
    int number = errno;
    if (number == ENOENT && !must_exist)
        return;
    bool there = number != ENOENT && number != ENOTDIR;
    library->settings.locked = there; /* it may say so */
    snprintf(text, sizeof text, "%.200s cannot be read, so defaults are used%s: %s", path,
             there ? " and gman_servers_set is refused" : "", strerror_r(number, reason, sizeof reason));
    complain(library, text);
}

int library_open(struct library *library, const char *path, bool must_exist)
{
    memset(library, 0, sizeof *library);
    settings_defaults(&library->settings);
    counters_init(&library->counters);
    pthread_mutex_init(&library->lock, NULL);
    pthread_mutex_init(&library->fallback.lock, NULL);
    if (path != NULL)
        read_file(library, path, must_exist);
    if (library->fallback.list.count == 0 && read_servers(library, NULL, SETTINGS_DEFAULT_SERVERS) != NULL) {
        library_close(library);
        return -1;
    }
    return 0;
}

static void close_route(struct route *route)
{
    queue_destroy(route->queue);
    pthread_mutex_destroy(&route->lock);
}

void library_close(struct library *library)
{
    struct route *route = atomic_load(&library->routes);
    while (route != NULL) {
        struct route *next = route->next;
        close_route(route);
        memory_free(route);
        route = next;
    }
    close_route(&library->fallback);
    while (library->servers != NULL) {
        struct server *next = library->servers->next;
        server_destroy(library->servers);
        library->servers = next;
    }
    pthread_mutex_destroy(&library->lock);
    counters_destroy(&library->counters);
}

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static struct library the_library;
static _Atomic(struct library *) opened;

struct library *library_get(void)
{
    struct library *library = atomic_load_explicit(&opened, memory_order_acquire);
    if (library != NULL)
        return library;
    pthread_mutex_lock(&opening);
    library = atomic_load_explicit(&opened, memory_order_relaxed);
    if (library == NULL) {
        const char *path = getenv("GMAN_UDF_CONF");
        bool named = path != NULL && *path != '\0';
        if (library_open(&the_library, named ? path : SETTINGS_DEFAULT_FILE, named) == 0) {
            library = &the_library;
            atomic_store_explicit(&opened, library, memory_order_release);
        }
    }
    pthread_mutex_unlock(&opening);
    return library;
}

void library_forget(void)
{
    pthread_mutex_lock(&opening);
    struct library *library = atomic_exchange(&opened, NULL);
    if (library != NULL)
        library_close(library);
    pthread_mutex_unlock(&opening);
}
