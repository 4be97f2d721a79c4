/* The part of a server that may take long: name look-ups and probes, in a short-lived thread (the errand), so that
 * no DNS server and no frozen job server can hold up a trigger. */
#include "server.h"
#include "threads.h"
#include "timing.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

int (*server_getaddrinfo)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = getaddrinfo;
void (*server_freeaddrinfo)(struct addrinfo *) = freeaddrinfo;

static unsigned look_up(const struct server *server, int flags, struct server_address to[SERVER_ADDRESSES_MAX])
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[16];
    unsigned count = 0;
    snprintf(port, sizeof port, "%u", server->port);
    if (server_getaddrinfo(server->host, port, &hints, &found) != 0)
        return 0;
    for (struct addrinfo *one = found; one != NULL && count < SERVER_ADDRESSES_MAX; one = one->ai_next) {
        if (one->ai_addrlen > sizeof to[count].address)
            continue;
        memcpy(&to[count].address, one->ai_addr, one->ai_addrlen);
        to[count].length = one->ai_addrlen;
        count++;
    }
    server_freeaddrinfo(found);
    return count;
}

/* inet_pton, not getaddrinfo: it cannot block, and takes nothing but an address. */
bool server_numeric(struct server *server)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&server->addresses[0].address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&server->addresses[0].address;
    if (inet_pton(AF_INET, server->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)server->port);
        server->addresses[0].length = sizeof *v4;
    } else if (inet_pton(AF_INET6, server->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)server->port);
        server->addresses[0].length = sizeof *v6;
    } else {
        return false;
    }
    server->address_count = 1;
    return true;
}

static bool look_up_due(const struct server *server)
{
    return !server->numeric &&
           (server->resolved_at == 0 || timing_now() - server->resolved_at >= SERVER_RESOLVE_NS);
}

void server_resolve(struct server *server)
{
    struct server_address fresh[SERVER_ADDRESSES_MAX];
    unsigned count = look_up(server, 0, fresh);
    pthread_mutex_lock(&server->lock);
    server->resolved_at = timing_now();
    if (count > 0) { /* otherwise what was known before is used on */
        memcpy(server->addresses, fresh, count * sizeof *fresh);
        server->address_count = count;
    }
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

/* Returns whether the server was down and is back. */
static bool probe_if_down(struct server *server)
{
    char why[128];
    pthread_mutex_lock(&server->lock);
    bool down = server->state == SERVER_DOWN;
    pthread_mutex_unlock(&server->lock);
    struct connection *connection = down ? server_probe(server, why) : NULL;
    if (connection != NULL)
        server_release(server, connection);
    return connection != NULL;
}

static void *errand(void *argument)
{
    struct server *server = argument;
    pthread_mutex_lock(&server->lock);
    bool due = look_up_due(server);
    bool known = server->address_count > 0;
    pthread_mutex_unlock(&server->lock);
    /* The known addresses first: a slow name server must not keep away a job server that is back. */
    bool back = known && probe_if_down(server);
    if (!back && due)
        server_resolve(server);
    if (!back && (due || !known))
        probe_if_down(server);
    pthread_mutex_lock(&server->lock);
    server->errand = false;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

int server_start_errand(struct server *server)
{
    if (server->errand)
        return -1;
    server->errand = true;
    pthread_mutex_unlock(&server->lock); /* creating a thread may take its time; other calls need not wait for it */
    int failed = threads_detached(errand, server);
    pthread_mutex_lock(&server->lock);
    if (failed == 0)
        return 0;
    server->errand = false;
    pthread_cond_broadcast(&server->changed);
    server->retry_at = timing_after_ms(server->settings->retry_after_ms);
    return -1;
}

unsigned server_addresses(struct server *server, struct server_address to[SERVER_ADDRESSES_MAX], int64_t deadline)
{
    struct timespec until = timing_spec(deadline);
    pthread_mutex_lock(&server->lock);
    bool due = look_up_due(server);
    bool first = due && server->resolved_at == 0;
    if (due)
        server_start_errand(server);
    while (first && server->errand && server->address_count == 0 && server->resolved_at == 0)
        if (pthread_cond_timedwait(&server->changed, &server->lock, &until) != 0)
            break;
    unsigned count = server->address_count;
    memcpy(to, server->addresses, count * sizeof *to);
    pthread_mutex_unlock(&server->lock);
    return count;
}
