#include "route.h"

#include "library.h"
#include "memory.h"
#include "queue.h"

#include <string.h>

static bool same(const struct route *route, const struct bytes *function)
{
    return route->function_length == function->length &&
           memcmp(route->function, function->data, function->length) == 0;
}

struct route *route_find(struct library *library, const struct bytes *function)
{
    struct route *route = atomic_load_explicit(&library->routes, memory_order_acquire);
    for (; route != NULL; route = route->next)
        if (same(route, function))
            return route;
    return &library->fallback;
}

void route_servers(struct route *route, struct server_list *list)
{
    pthread_mutex_lock(&route->lock);
    *list = route->list;
    pthread_mutex_unlock(&route->lock);
}

unsigned route_version(struct route *route)
{
    pthread_mutex_lock(&route->lock);
    unsigned version = route->list.version;
    pthread_mutex_unlock(&route->lock);
    return version;
}

/* With library->lock held. Finds or creates the server of an address. */
static struct server *server_of(struct library *library, const struct address_entry *entry, const char **fault)
{
    for (struct server *server = library->servers; server != NULL; server = server->next)
        if (server->port == entry->port && strcmp(server->host, entry->host) == 0)
            return server;
    if (library->server_count >= LIBRARY_SERVERS_MAX) {
        *fault = "more than 1024 different servers have been named since the library was loaded";
        return NULL;
    }
    struct server *server = server_create(entry->host, entry->port, &library->settings);
    if (server == NULL) {
        *fault = "out of memory";
        return NULL;
    }
    server->next = library->servers;
    library->servers = server;
    library->server_count++;
    return server;
}

/* With library->lock held. */
static const char *build_list(struct library *library, const struct bytes *text, struct server_list *list)
{
    const char *fault = address_list_fault(text->data, text->length);
    const char *at = text->data;
    const char *end = at + text->length;
    list->count = 0;
    while (fault == NULL && at < end) {
        struct address_entry entry;
        fault = address_list_next(&at, end, &entry);
        if (fault != NULL)
            break;
        struct server *server = server_of(library, &entry, &fault);
        bool twice = false;
        for (unsigned i = 0; i < list->count; i++)
            twice |= list->servers[i] == server;
        if (server != NULL && !twice)
            list->servers[list->count++] = server;
    }
    return fault;
}

/* With library->lock held. Finds or creates the route of its own that a function has. */
static struct route *own_route(struct library *library, const struct bytes *function, const char **fault)
{
    struct route *route = route_find(library, function);
    if (route != &library->fallback)
        return route;
    if (library->route_count >= LIBRARY_ROUTES_MAX) {
        *fault = "more than 256 functions have a list of their own";
        return NULL;
    }
    route = memory_zeroed(sizeof *route);
    if (route == NULL) {
        *fault = "out of memory";
        return NULL;
    }
    memcpy(route->function, function->data, function->length);
    route->function_length = function->length;
    pthread_mutex_init(&route->lock, NULL);
    return route;
}

/* Connections to servers that this list has left would lie idle for ever. */
static void forget_left(const struct server_list *before, const struct server_list *after)
{
    for (unsigned i = 0; i < before->count; i++) {
        bool stays = false;
        for (unsigned j = 0; j < after->count; j++)
            stays |= before->servers[i] == after->servers[j];
        if (!stays)
            server_forget_idle(before->servers[i]);
    }
}

const char *route_set(struct library *library, const struct bytes *function, const struct bytes *text)
{
    struct server_list list, before = {.count = 0};
    struct route *route = &library->fallback;
    struct job probe = {.function = *function};
    const char *fault = function->length > 0 ? packet_job_fault(&probe) : NULL;
    if (fault != NULL)
        return fault;

    pthread_mutex_lock(&library->lock);
    fault = build_list(library, text, &list);
    if (fault == NULL && function->length > 0)
        route = own_route(library, function, &fault);
    if (fault == NULL) {
        pthread_mutex_lock(&route->lock);
        before = route->list;
        list.version = before.version + 1;
        route->list = list;
        pthread_mutex_unlock(&route->lock);
        if (route != &library->fallback && before.version == 0) { /* new: show it, now that it has its list */
            route->next = atomic_load_explicit(&library->routes, memory_order_relaxed);
            atomic_store_explicit(&library->routes, route, memory_order_release);
            library->route_count++;
        }
    }
    pthread_mutex_unlock(&library->lock);
    if (fault == NULL)
        forget_left(&before, &list);
    return fault;
}

struct queue *route_queue(struct library *library, struct route *route)
{
    pthread_mutex_lock(&route->lock);
    if (route->queue == NULL)
        route->queue = queue_create(&library->settings, &library->counters, route);
    struct queue *queue = route->queue;
    pthread_mutex_unlock(&route->lock);
    return queue;
}
