#include "server.h"

#include "memory.h"
#include "timing.h"

#include <stdio.h>
#include <string.h>

struct server *server_create(const char *host, unsigned port, const struct settings *settings)
{
    struct server *server = memory_zeroed(sizeof *server);
    if (server == NULL)
        return NULL;
    snprintf(server->host, sizeof server->host, "%s", host);
    server->port = port;
    snprintf(server->name, sizeof server->name, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", server->host, port);
    server->settings = settings;
    pthread_mutex_init(&server->lock, NULL);
    if (timing_condition(&server->changed) != 0) {
        memory_free(server);
        return NULL;
    }
    server->numeric = server_numeric(server);
    return server;
}

static void free_list(struct connection *list)
{
    while (list != NULL) {
        struct connection *next = list->next;
        connection_free(list);
        list = next;
    }
}

/* With the lock held. The caller closes the list after unlocking: close(2) may take its time. */
static struct connection *take_idle_list(struct server *server)
{
    struct connection *list = server->idle;
    server->idle = NULL;
    server->idle_count = 0;
    return list;
}

void server_destroy(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    while (server->errand)
        pthread_cond_wait(&server->changed, &server->lock);
    struct connection *list = take_idle_list(server);
    pthread_mutex_unlock(&server->lock);
    free_list(list);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    memory_free(server);
}

void server_forget_idle(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    struct connection *list = take_idle_list(server);
    pthread_mutex_unlock(&server->lock);
    free_list(list);
}

void server_failed(struct server *server, const char *why)
{
    pthread_mutex_lock(&server->lock);
    server->state = SERVER_DOWN;
    server->retry_at = timing_after_ms(server->settings->retry_after_ms);
    snprintf(server->last_error, sizeof server->last_error, "%s", why);
    struct connection *list = take_idle_list(server);
    pthread_mutex_unlock(&server->lock);
    free_list(list);
}

/* With the lock held. While the server is down no call pays for finding out: a thread of its own probes it, and only
 * the call that starts the probe waits, a few milliseconds, so that a server that is back is used at once. */
static bool admitted(struct server *server, int64_t deadline)
{
    if (server->state != SERVER_DOWN)
        return true;
    if (timing_now() < server->retry_at || server_start_errand(server) != 0)
        return false;
    int64_t soon = timing_after_ms(SERVER_PROBE_WAIT_MS);
    struct timespec until = timing_spec(soon < deadline ? soon : deadline);
    while (server->errand && server->state == SERVER_DOWN)
        if (pthread_cond_timedwait(&server->changed, &server->lock, &until) != 0)
            break;
    return server->state != SERVER_DOWN;
}

/* With the lock held; unlocks it while looking. Returns a kept connection, or NULL. */
static struct connection *take_idle(struct server *server, bool check)
{
    while (server->idle != NULL) {
        struct connection *connection = server->idle;
        server->idle = connection->next;
        server->idle_count--;
        connection->next = NULL;
        connection->replied = false;
        if (!check)
            return connection;
        pthread_mutex_unlock(&server->lock);
        bool alive = connection_alive(connection);
        if (!alive)
            connection_free(connection);
        pthread_mutex_lock(&server->lock);
        if (alive)
            return connection;
    }
    return NULL;
}

struct connection *server_acquire(struct server *server, enum server_want want, int64_t deadline, char why[128])
{
    struct connection *connection = NULL;
    pthread_mutex_lock(&server->lock);
    bool open = admitted(server, deadline);
    if (open && want != SERVER_FRESH)
        connection = take_idle(server, want == SERVER_CHECKED);
    if (!open)
        snprintf(why, 128, "left alone after: %.100s", server->last_error);
    pthread_mutex_unlock(&server->lock);
    if (!open || connection != NULL)
        return connection;
    connection = server_dial(server, deadline, why);
    if (connection == NULL)
        server_failed(server, why);
    return connection;
}

void server_release(struct server *server, struct connection *connection)
{
    struct connection *surplus = connection;
    bool clean = connection->error == CONNECTION_GOOD && !connection->spent && parser_clean(&connection->parser);
    if (clean)
        parser_trim(&connection->parser);
    pthread_mutex_lock(&server->lock);
    server->state = SERVER_UP;
    if (clean && server->idle_count < SERVER_IDLE_MAX) {
        connection->kept = true;
        connection->next = server->idle;
        server->idle = connection;
        server->idle_count++;
        surplus = NULL;
    }
    pthread_mutex_unlock(&server->lock);
    connection_free(surplus);
}

struct connection *server_dial(struct server *server, int64_t deadline, char why[128])
{
    struct server_address addresses[SERVER_ADDRESSES_MAX];
    unsigned count = server_addresses(server, addresses, deadline);
    if (count == 0)
        snprintf(why, 128, "the name has no address, or was not resolved in time");
    for (unsigned i = 0; i < count; i++) {
        /* An address that swallows packets must leave time for the others. */
        int64_t now = timing_now();
        int64_t share = now + (deadline - now) / (int64_t)(count - i);
        struct connection *connection = connection_open((struct sockaddr *)&addresses[i].address, addresses[i].length,
                                                        (size_t)server->settings->result_bytes, share);
        if (connection != NULL && connection->error == CONNECTION_GOOD)
            return connection;
        snprintf(why, 128, "%s", connection != NULL ? connection->text : "out of memory for a connection");
        connection_free(connection);
    }
    return NULL;
}

struct connection *server_probe(struct server *server, char why[128])
{
    struct connection *connection =
        server_dial(server, timing_after_ms(server->settings->connect_timeout_ms), why);
    if (connection != NULL && connection_echo(connection, timing_after_ms(server->settings->ack_timeout_ms)) != 0) {
        snprintf(why, 128, "%s", connection->text);
        connection_free(connection);
        connection = NULL;
    }
    if (connection == NULL) {
        server_failed(server, why);
        return NULL;
    }
    pthread_mutex_lock(&server->lock);
    server->state = SERVER_UP;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    return connection;
}
