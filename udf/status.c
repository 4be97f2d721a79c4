#include "status.h"

#include "json.h"
#include "queue.h"

#include <string.h>

static void name(struct buffer *out, const char *text)
{
    if (out->length > 0 && out->data[out->length - 1] != '{')
        buffer_text(out, ",");
    json_string(out, text, strlen(text));
    buffer_text(out, ":");
}

static void number(struct buffer *out, const char *member, uint64_t value)
{
    name(out, member);
    json_unsigned(out, value);
}

static void text(struct buffer *out, const char *member, const char *value)
{
    name(out, member);
    if (*value != '\0')
        json_string(out, value, strlen(value));
    else
        buffer_text(out, "null");
}

static void one_server(struct buffer *out, struct server *server, const struct route *route)
{
    static const char *const STATES[] = {"untried", "up", "down"};
    char last_error[sizeof server->last_error];
    pthread_mutex_lock(&server->lock);
    enum server_state state = server->state;
    unsigned idle = server->idle_count;
    memcpy(last_error, server->last_error, sizeof last_error);
    pthread_mutex_unlock(&server->lock);

    buffer_text(out, "{");
    text(out, "address", server->name);
    if (route->function_length > 0)
        text(out, "function", route->function);
    text(out, "state", STATES[state]);
    number(out, "idle_connections", idle);
    text(out, "last_error", last_error);
    buffer_text(out, "}");
}

static void servers_of(struct buffer *out, struct route *route)
{
    struct server_list list;
    route_servers(route, &list);
    for (unsigned i = 0; i < list.count; i++) {
        if (out->length > 0 && out->data[out->length - 1] != '[')
            buffer_text(out, ",");
        one_server(out, list.servers[i], route);
    }
}

static void queued(struct route *route, uint64_t *packets, uint64_t *bytes)
{
    pthread_mutex_lock(&route->lock);
    struct queue *queue = route->queue;
    pthread_mutex_unlock(&route->lock);
    if (queue != NULL)
        queue_length(queue, packets, bytes);
}

static void write_settings(struct buffer *out, const struct settings *settings)
{
    name(out, "settings");
    buffer_text(out, "{");
    number(out, "connect_timeout_ms", (uint64_t)settings->connect_timeout_ms);
    number(out, "ack_timeout_ms", (uint64_t)settings->ack_timeout_ms);
    number(out, "result_timeout_ms", (uint64_t)settings->result_timeout_ms);
    number(out, "retry_after_ms", (uint64_t)settings->retry_after_ms);
    number(out, "queue_bytes", (uint64_t)settings->queue_bytes);
    number(out, "result_bytes", (uint64_t)settings->result_bytes);
    name(out, "locked");
    buffer_text(out, settings->locked ? "true" : "false");
    buffer_text(out, "}");
}

static void write_counts(struct buffer *out, struct counters *counters)
{
    number(out, "submitted", counters_read(counters->submitted));
    number(out, "failed", counters_read(counters->failed));
    number(out, "posted", counters_read(counters->posted));
    number(out, "dropped", counters_read(counters->dropped));
    number(out, "coalesced", counters_read(counters->coalesced));
    number(out, "sent", counters_read(counters->sent));
    number(out, "repaired", counters_read(counters->repaired));
}

void status_write(struct library *library, struct buffer *out)
{
    char last_error[COUNTERS_ERROR_MAX];
    uint64_t packets = 0, bytes = 0;
    int64_t at = counters_last_error(&library->counters, last_error);

    buffer_text(out, "{");
    text(out, "version", LIBRARY_VERSION);
    name(out, "servers");
    buffer_text(out, "[");
    servers_of(out, &library->fallback);
    queued(&library->fallback, &packets, &bytes);
    for (struct route *route = atomic_load(&library->routes); route != NULL; route = route->next) {
        servers_of(out, route);
        queued(route, &packets, &bytes);
    }
    buffer_text(out, "]");
    write_settings(out, &library->settings);
    write_counts(out, &library->counters);
    number(out, "queue_length", packets);
    number(out, "queue_bytes", bytes);
    text(out, "last_error", last_error);
    name(out, "last_error_at");
    if (at != 0)
        json_integer(out, at);
    else
        buffer_text(out, "null");
    buffer_text(out, "}");
}
