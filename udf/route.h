/* Which job servers a function's jobs go to, and the queue of posts that waits for them. */
#ifndef GMAN_ROUTE_H
#define GMAN_ROUTE_H

#include "address_list.h"
#include "packet.h"
#include "server.h"

#include <pthread.h>

/* A list of servers at one moment. Taken by value, so that replacing the list disturbs no call in progress. */
struct server_list {
    struct server *servers[ADDRESS_LIST_MAX];
    unsigned count;
    unsigned version; /* grows with every replacement */
};

struct queue;

/* Never freed while the library lives. */
struct route {
    char function[PACKET_FUNCTION_MAX + 1]; /* empty: the default route */
    size_t function_length;
    struct route *next;

    pthread_mutex_t lock; /* guards the rest */
    struct server_list list;
    struct queue *queue; /* NULL until the first post */
};

struct library;

/* The route of a function: its own, else the default one. Thread-safe; costs next to nothing while no function has
 * a list of its own. */
struct route *route_find(struct library *library, const struct bytes *function);

/* Copies the present list. Thread-safe. */
void route_servers(struct route *route, struct server_list *list);

/* The version of the present list. Thread-safe. */
unsigned route_version(struct route *route);

/* Replaces the list of the default route (function empty) or of one function. Returns NULL, or a static text that
 * says why not; then nothing has changed. Thread-safe. */
const char *route_set(struct library *library, const struct bytes *function, const struct bytes *list);

/* The route's queue, created on first use. NULL without memory. Thread-safe. */
struct queue *route_queue(struct library *library, struct route *route);

#endif
