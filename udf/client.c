#include "client.h"

#include "timing.h"

#include <stdio.h>
#include <string.h>

enum { ACK_STEP = 16 * 1024 * 1024 };

/* What became of one server's turn. */
enum turn {
    TURN_DONE,
    TURN_NEXT,   /* nothing has been promised: the next server may have the job */
    TURN_FAILED, /* the job was accepted and then failed, or time is up */
};

/* One call. The exchange with a server fills handle, and result if there is one. */
struct call {
    struct library *library;
    const struct job *job;
    char *handle;
    size_t handle_length;
    struct buffer *result; /* NULL for a background job */
    int64_t connect_left; /* nanoseconds of connect_timeout_ms not used up yet */
    int64_t answer_by;
    char why[128];
};

int64_t client_ack_ms(const struct settings *settings, const struct job *job)
{
    return settings->ack_timeout_ms * (int64_t)(1 + job->workload.length / ACK_STEP);
}

static void keep_text(struct call *call, const char *text)
{
    snprintf(call->why, sizeof call->why, "%s", text);
}

static int send_job(struct connection *connection, const struct job *job, int64_t deadline)
{
    char head[PACKET_HEAD_MAX];
    size_t length = packet_job_head(job, head);
    /* The workload goes out from where the database server has it; the cast is sendmsg's missing const. */
    struct iovec vectors[2] = {{head, length}, {(void *)(uintptr_t)job->workload.data, job->workload.length}};
    return connection_send(connection, vectors, job->workload.length > 0 ? 2 : 1, deadline);
}

/* Sends the job and waits for JOB_CREATED. */
static enum turn submit(struct call *call, struct connection *connection)
{
    struct packet packet;
    if (send_job(connection, call->job, call->answer_by) != 0 ||
        connection_packet(connection, &packet, call->answer_by) != 0)
        return TURN_NEXT;
    if (packet.type == PACKET_ERROR) {
        packet_error_text(&packet, call->why, sizeof call->why);
        return TURN_NEXT;
    }
    if (packet.type != PACKET_JOB_CREATED || packet.length == 0) {
        connection_fail(connection, CONNECTION_GARBAGE, "the job server answered a job with something else");
        return TURN_NEXT;
    }
    memcpy(call->handle, packet.data, packet.length); /* the parser's bound for the type is PACKET_HANDLE_MAX */
    call->handle_length = packet.length;
    return TURN_DONE;
}

/* Takes one packet about the job. Returns 1 when the job is done, 0 to go on, -1 when it has failed. */
static int take_work(struct call *call, struct connection *connection, const struct packet *packet)
{
    struct bytes handle, data;
    if (packet->type == PACKET_JOB_CREATED || packet->type == PACKET_ECHO_RES || packet->type == PACKET_ERROR)
        return connection_fail(connection, CONNECTION_GARBAGE, "the job server sent something else than a result");
    if (packet_argument(packet, 0, &handle) != 0 || handle.length != call->handle_length ||
        memcmp(handle.data, call->handle, handle.length) != 0)
        return connection_fail(connection, CONNECTION_GARBAGE, "the job server sent the result of another job");
    if (packet->type == PACKET_WORK_STATUS || packet->type == PACKET_WORK_WARNING)
        return 0;
    if (packet->type == PACKET_WORK_FAIL || packet->type == PACKET_WORK_EXCEPTION) {
        keep_text(call, "the worker reported failure");
        connection->spent = packet->type == PACKET_WORK_EXCEPTION; /* WORK_FAIL may follow it */
        return -1;
    }
    if (packet_argument(packet, 1, &data) != 0)
        return connection_fail(connection, CONNECTION_GARBAGE, "the job server sent a result without its data");
    if (data.length > (size_t)call->library->settings.result_bytes - call->result->length)
        return connection_fail(connection, CONNECTION_GARBAGE, "the result is larger than result_bytes");
    if (buffer_append(call->result, data.data, data.length) != 0)
        return connection_fail(connection, CONNECTION_NO_MEMORY, "out of memory for the result");
    return packet->type == PACKET_WORK_COMPLETE;
}

/* Waits for the result of the job that was just created. */
static enum turn await(struct call *call, struct connection *connection)
{
    struct packet packet;
    int64_t deadline = timing_after_ms(call->library->settings.result_timeout_ms);
    while (connection_packet(connection, &packet, deadline) == 0) {
        int done = take_work(call, connection, &packet);
        if (done != 0)
            return done > 0 ? TURN_DONE : TURN_FAILED;
    }
    if (connection->error == CONNECTION_TIMEOUT)
        keep_text(call, "no result within result_timeout_ms");
    return TURN_FAILED;
}

/* After an exchange that went wrong: is the server to blame, and is the connection of further use? */
static enum turn settle(struct call *call, struct server *server, struct connection *connection, enum turn turn,
                        bool created)
{
    if (connection->error == CONNECTION_GOOD) {
        server_release(server, connection);
        return turn;
    }
    bool late_worker = created && /* not the job server's fault: no breaker */
                       connection->error == CONNECTION_TIMEOUT;
    bool ours = connection->error == CONNECTION_NO_MEMORY;
    if (!late_worker)
        keep_text(call, connection->text);
    if (!late_worker && !ours)
        server_failed(server, connection->text);
    connection_free(connection);
    return turn;
}

/* Was this a kept connection that had gone bad while it lay idle? The job server was restarted since, or the connection
 * held bytes that nobody had asked for. Nothing is known of the job then, and the server is not to blame. */
static bool gone_stale(const struct connection *connection)
{
    return connection->kept && ((connection->error == CONNECTION_CLOSED && !connection->replied) ||
                                connection->error == CONNECTION_GARBAGE);
}

/* `share` is the part of the time left for connecting that this server may use, in nanoseconds. */
static enum turn try_server(struct call *call, struct server *server, int64_t share)
{
    for (enum server_want want = SERVER_ANY;; want = SERVER_FRESH) {
        int64_t start = timing_now();
        struct connection *connection = server_acquire(server, want, start + share, call->why);
        call->connect_left -= timing_now() - start;
        if (connection == NULL)
            return TURN_NEXT;
        enum turn turn = submit(call, connection);
        bool created = turn == TURN_DONE;
        if (created && call->result != NULL)
            turn = await(call, connection);
        if (!created && gone_stale(connection)) {
            connection_free(connection);
            server_forget_idle(server); /* the others kept from before are as dead */
            continue;
        }
        return settle(call, server, connection, turn, created);
    }
}

static int run(struct call *call)
{
    struct server_list list;
    const struct settings *settings = &call->library->settings;
    enum turn turn = TURN_NEXT;
    char text[COUNTERS_ERROR_MAX];
    int64_t connect = settings->connect_timeout_ms * NS_PER_MS;
    call->connect_left = connect;
    call->answer_by = timing_now() + connect + client_ack_ms(settings, call->job) * NS_PER_MS;
    route_servers(route_find(call->library, &call->job->function), &list);
    unsigned i = 0;
    for (; i < list.count && turn == TURN_NEXT && (i == 0 || timing_now() < call->answer_by); i++) {
        /* A server that swallows packets must leave some of the time to the next one. */
        int64_t share = call->connect_left / (int64_t)(list.count - i);
        turn = try_server(call, list.servers[i], share > NS_PER_MS ? share : NS_PER_MS);
    }
    if (turn == TURN_DONE) {
        counters_add(call->library->counters.submitted, 1);
        return 0;
    }
    snprintf(text, sizeof text, "%.60s: %.120s", i > 0 ? list.servers[i - 1]->name : "no server", call->why);
    counters_failed(&call->library->counters, text);
    return -1;
}

size_t client_background(struct library *library, const struct job *job, char handle[PACKET_HANDLE_MAX])
{
    struct call call = {.library = library, .job = job, .handle = handle};
    return run(&call) == 0 ? call.handle_length : 0;
}

int client_foreground(struct library *library, const struct job *job, struct buffer *result)
{
    char handle[PACKET_HANDLE_MAX];
    struct call call = {.library = library, .job = job, .handle = handle, .result = result};
    buffer_init(result);
    if (run(&call) == 0)
        return 0;
    buffer_free(result);
    return -1;
}
