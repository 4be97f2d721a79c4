#include "sum.h"

#include "memory.h"
#include "timing.h"

#include <stdio.h>
#include <string.h>

enum {
    UNSENT_MAX = 1024 * 1024, /* requests waiting for the socket, bytes, beyond the newest */
    PART_MAX = 40,            /* an integer's text, blanks included, when it comes in pieces */
};

/* What WORK_DATA has brought for one job. */
struct part {
    char handle[PACKET_HANDLE_MAX];
    unsigned handle_length; /* 0: not in use */
    char text[PART_MAX];
    size_t length;
};

struct sum_lane {
    struct route *route;
    struct server *server;
    struct connection *connection;
    struct buffer out;
    size_t out_sent; /* bytes of it that have gone */
    uint64_t submitted, created, completed;
    int64_t moved_at; /* when a request went out or an answer came */
    struct part *parts; /* SUM_WINDOW of them, from the first WORK_DATA on */
};

void sum_init(struct sum *sum, struct library *library)
{
    memset(sum, 0, sizeof *sum);
    sum->library = library;
}

static void free_lane(struct sum_lane *lane)
{
    if (lane == NULL)
        return;
    connection_free(lane->connection);
    buffer_free(&lane->out);
    memory_free(lane->parts);
    memory_free(lane);
}

void sum_free(struct sum *sum)
{
    for (int i = 0; i < SUM_LANES; i++) {
        free_lane(sum->lanes[i]);
        sum->lanes[i] = NULL;
    }
}

void sum_clear(struct sum *sum)
{
    sum_free(sum);
    sum->total = 0;
    sum->failed = false;
}

void sum_fail(struct sum *sum, const char *why)
{
    char text[COUNTERS_ERROR_MAX];
    if (!sum->failed) {
        snprintf(text, sizeof text, "gman_sum: %.200s", why);
        counters_failed(&sum->library->counters, text);
    }
    sum->failed = true;
}

static void connect_lane(struct sum_lane *lane, const struct settings *settings, char why[128])
{
    struct server_list list;
    route_servers(lane->route, &list);
    for (unsigned i = 0; i < list.count && lane->connection == NULL; i++) {
        int64_t share = settings->connect_timeout_ms * NS_PER_MS / (int64_t)list.count;
        lane->server = list.servers[i];
        lane->connection = server_acquire(lane->server, SERVER_CHECKED, timing_now() + share, why);
    }
}

static struct sum_lane *lane_for(struct sum *sum, const struct job *job)
{
    struct route *route = route_find(sum->library, &job->function);
    char why[128] = "the list of servers is empty";
    int i = 0;
    while (i < SUM_LANES && sum->lanes[i] != NULL && sum->lanes[i]->route != route)
        i++;
    if (i == SUM_LANES) {
        sum_fail(sum, "a group may use at most 8 different lists of servers");
        return NULL;
    }
    if (sum->lanes[i] != NULL)
        return sum->lanes[i];
    struct sum_lane *lane = memory_zeroed(sizeof *lane);
    if (lane == NULL) {
        sum_fail(sum, "out of memory");
        return NULL;
    }
    lane->route = route;
    lane->moved_at = timing_now();
    connect_lane(lane, &sum->library->settings, why);
    if (lane->connection == NULL) {
        free_lane(lane);
        sum_fail(sum, why);
        return NULL;
    }
    sum->lanes[i] = lane;
    return lane;
}

static struct part *part_of(struct sum_lane *lane, const struct bytes *handle, bool create)
{
    struct part *empty = NULL;
    if (lane->parts == NULL && create)
        lane->parts = memory_zeroed(SUM_WINDOW * sizeof *lane->parts);
    for (unsigned i = 0; lane->parts != NULL && i < SUM_WINDOW; i++) {
        struct part *part = &lane->parts[i];
        if (part->handle_length == 0)
            empty = part;
        else if (part->handle_length == handle->length && memcmp(part->handle, handle->data, handle->length) == 0)
            return part;
    }
    if (empty == NULL || !create || handle->length == 0 || handle->length > PACKET_HANDLE_MAX)
        return NULL;
    memcpy(empty->handle, handle->data, handle->length);
    empty->handle_length = (unsigned)handle->length;
    empty->length = 0;
    return empty;
}

static const char *keep_part(struct sum_lane *lane, const struct bytes *handle, const struct bytes *data)
{
    struct part *part = part_of(lane, handle, true);
    if (part == NULL)
        return "out of memory, or too many results in pieces";
    if (data->length > PART_MAX - part->length)
        return "a result is not an integer";
    memcpy(part->text + part->length, data->data, data->length);
    part->length += data->length;
    return NULL;
}

static const char *add_result(struct sum *sum, struct sum_lane *lane, const struct bytes *handle,
                              const struct bytes *data)
{
    struct bytes text = *data;
    struct part *part = part_of(lane, handle, false);
    if (part != NULL) {
        const char *fault = keep_part(lane, handle, data);
        if (fault != NULL)
            return fault;
        part->handle_length = 0;
        text = (struct bytes){part->text, part->length};
    }
    int64_t value;
    if (sum_integer(text.data, text.length, &value) != 0)
        return "a result is not an integer";
    if (__builtin_add_overflow(sum->total, value, &sum->total))
        return "the sum does not fit BIGINT";
    return NULL;
}

/* Returns NULL, or why the group has failed. */
static const char *take_packet(struct sum *sum, struct sum_lane *lane, const struct packet *packet)
{
    static const char *const GARBAGE = "the job server answered with something else than it should";
    struct bytes handle, data;
    if (packet->type == PACKET_JOB_CREATED) {
        lane->created++;
        lane->moved_at = timing_now();
        return lane->created <= lane->submitted && packet->length > 0 ? NULL : GARBAGE;
    }
    if (packet->type == PACKET_WORK_STATUS || packet->type == PACKET_WORK_WARNING)
        return NULL;
    if (packet->type == PACKET_WORK_FAIL || packet->type == PACKET_WORK_EXCEPTION)
        return "a worker reported failure";
    if (packet->type == PACKET_ERROR)
        return "the job server refused a job";
    if ((packet->type != PACKET_WORK_DATA && packet->type != PACKET_WORK_COMPLETE) ||
        packet_argument(packet, 0, &handle) != 0 || packet_argument(packet, 1, &data) != 0)
        return GARBAGE;
    if (packet->type == PACKET_WORK_DATA)
        return keep_part(lane, &handle, &data);
    lane->completed++;
    lane->moved_at = timing_now();
    return lane->completed <= lane->created ? add_result(sum, lane, &handle, &data) : GARBAGE;
}

static size_t unsent(const struct sum_lane *lane)
{
    return lane->out.length - lane->out_sent;
}

/* Sends and takes in what goes without waiting. Returns NULL, or why the group has failed. */
static const char *pump(struct sum *sum, struct sum_lane *lane)
{
    struct packet packet;
    int found;
    if (unsent(lane) > 0) {
        struct iovec vector = {lane->out.data + lane->out_sent, unsent(lane)};
        ssize_t sent = connection_send_some(lane->connection, &vector, 1);
        if (sent < 0)
            return lane->connection->text;
        lane->out_sent += (size_t)sent;
        if (sent > 0)
            lane->moved_at = timing_now();
    }
    if (connection_receive_some(lane->connection) < 0)
        return lane->connection->text;
    while ((found = connection_pending(lane->connection, &packet)) > 0) {
        const char *fault = take_packet(sum, lane, &packet);
        if (fault != NULL)
            return fault;
    }
    return found < 0 ? lane->connection->text : NULL;
}

static const char *wait_and_pump(struct sum *sum, struct sum_lane *lane)
{
    const struct settings *settings = &sum->library->settings;
    bool acknowledged = lane->created == lane->submitted;
    int64_t ms = acknowledged ? settings->result_timeout_ms : settings->ack_timeout_ms;
    if (connection_wait(lane->connection, unsent(lane) > 0, lane->moved_at + ms * NS_PER_MS) != 0)
        return acknowledged ? "no result within result_timeout_ms" : lane->connection->text;
    return pump(sum, lane);
}

/* A lane went wrong: closes it, and opens the breaker if the job server is to blame. */
static void lane_failed(struct sum *sum, struct sum_lane *lane, const char *why)
{
    char text[128];
    snprintf(text, sizeof text, "%s", why); /* it may belong to the connection */
    bool late_worker = lane->connection->error == CONNECTION_TIMEOUT && lane->created == lane->submitted;
    if (lane->connection->error != CONNECTION_GOOD && lane->connection->error != CONNECTION_NO_MEMORY && !late_worker)
        server_failed(lane->server, text);
    sum_fail(sum, text);
    sum_free(sum);
}

void sum_add(struct sum *sum, const struct job *job)
{
    char head[PACKET_HEAD_MAX];
    if (sum->failed)
        return;
    struct sum_lane *lane = lane_for(sum, job);
    if (lane == NULL)
        return;
    buffer_drop(&lane->out, lane->out_sent);
    lane->out_sent = 0;
    buffer_append(&lane->out, head, packet_job_head(job, head));
    if (buffer_append(&lane->out, job->workload.data, job->workload.length) != 0) {
        lane_failed(sum, lane, "out of memory");
        return;
    }
    lane->submitted++;
    const char *fault = pump(sum, lane);
    while (fault == NULL && (lane->submitted - lane->completed >= SUM_WINDOW || unsent(lane) > UNSENT_MAX))
        fault = wait_and_pump(sum, lane);
    if (fault != NULL)
        lane_failed(sum, lane, fault);
}

int sum_finish(struct sum *sum, int64_t *total)
{
    for (int i = 0; i < SUM_LANES && !sum->failed; i++) {
        struct sum_lane *lane = sum->lanes[i];
        const char *fault = NULL;
        if (lane != NULL) /* the statement may have been busy elsewhere while the answers came */
            lane->moved_at = timing_now();
        while (lane != NULL && fault == NULL && lane->completed < lane->submitted)
            fault = wait_and_pump(sum, lane);
        if (fault != NULL) {
            lane_failed(sum, lane, fault);
        } else if (lane != NULL) {
            counters_add(sum->library->counters.submitted, lane->completed);
            server_release(lane->server, lane->connection);
            lane->connection = NULL;
        }
    }
    sum_free(sum);
    *total = sum->total;
    return sum->failed ? -1 : 0;
}
