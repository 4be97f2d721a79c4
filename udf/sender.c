#include "sender.h"

#include "queue.h"
#include "timing.h"

#include <stdio.h>
#include <time.h>

enum {
    WINDOW_BYTES = 256 * 1024, /* taken and unanswered; more would only fill the job server's socket */
    VECTORS = 8,
    NAP_US = 200, /* between looks at the queue while posts keep coming, and at the answers to many */
    FEW = 8,      /* answers waited for one by one */
    NAPS = 50,    /* looks without a post until the sender goes to sleep and must be woken, by a system call */
};

struct sender {
    struct queue *queue;
    struct server *server; /* where the connection goes */
    struct connection *connection;
    unsigned list_version;
    struct chunk *first, *last; /* taken, in order */
    size_t bytes;               /* in those chunks, unanswered chunks whole */
    uint64_t unanswered;        /* packets in those chunks */
    int64_t deadline;           /* for the next answer */
    uint64_t answers;           /* on the present connection */
};

static void restart_deadline(struct sender *sender)
{
    sender->deadline = timing_after_ms(sender->queue->settings->ack_timeout_ms);
}

/* Drops the connection; what was sent on it and not answered will be sent again. */
static void disconnect(struct sender *sender)
{
    connection_free(sender->connection);
    sender->connection = NULL;
    for (struct chunk *chunk = sender->first; chunk != NULL; chunk = chunk->next)
        chunk->sent = chunk->answered_end;
}

static void broken(struct sender *sender)
{
    char text[COUNTERS_ERROR_MAX];
    snprintf(text, sizeof text, "%.100s: %.100s; unanswered posts will be sent again", sender->server->name,
             sender->connection->text);
    counters_note(sender->queue->counters, text);
    server_failed(sender->server, sender->connection->text);
    disconnect(sender);
}

static bool connect_somewhere(struct sender *sender)
{
    struct server_list list;
    char why[128], text[COUNTERS_ERROR_MAX];
    route_servers(sender->queue->route, &list);
    for (unsigned i = 0; i < list.count && sender->connection == NULL; i++) {
        sender->server = list.servers[i];
        sender->connection = server_probe(sender->server, why);
        if (sender->connection == NULL) {
            snprintf(text, sizeof text, "%.100s: %.100s; posts wait", sender->server->name, why);
            counters_note(sender->queue->counters, text);
        }
    }
    sender->list_version = list.version;
    sender->answers = 0;
    return sender->connection != NULL;
}

static void take_chunks(struct sender *sender)
{
    if (sender->bytes >= WINDOW_BYTES || route_version(sender->queue->route) != sender->list_version)
        return;
    struct chunk *taken = queue_take(sender->queue, WINDOW_BYTES - sender->bytes);
    if (taken == NULL)
        return;
    if (sender->first == NULL) {
        sender->first = taken;
        restart_deadline(sender);
    } else {
        sender->last->next = taken;
    }
    for (; taken != NULL; taken = taken->next) {
        sender->bytes += taken->used;
        sender->unanswered += taken->packets;
        sender->last = taken;
    }
}

/* Hands what is unsent to the socket, as much as it takes. Returns bytes left unsent, or -1. */
static ssize_t send_chunks(struct sender *sender)
{
    struct iovec vectors[VECTORS];
    ssize_t unsent = 0;
    int count = 0;
    for (struct chunk *chunk = sender->first; chunk != NULL && count < VECTORS; chunk = chunk->next) {
        if (chunk->sent == chunk->used)
            continue;
        vectors[count++] = (struct iovec){chunk->data + chunk->sent, chunk->used - chunk->sent};
        unsent += (ssize_t)(chunk->used - chunk->sent);
    }
    if (count == 0)
        return 0;
    ssize_t sent = connection_send_some(sender->connection, vectors, count);
    if (sent < 0)
        return -1;
    unsent -= sent;
    if (sent > 0)
        restart_deadline(sender);
    for (struct chunk *chunk = sender->first; chunk != NULL && sent > 0; chunk = chunk->next) {
        size_t left = chunk->used - chunk->sent;
        size_t step = (size_t)sent < left ? (size_t)sent : left;
        chunk->sent += step;
        sent -= (ssize_t)step;
    }
    return unsent;
}

/* One answer has come: it is for the first unanswered packet, whose chunk is the first one. */
static int count_answer(struct sender *sender, const struct packet *packet)
{
    struct counters *counters = sender->queue->counters;
    struct chunk *chunk = sender->first;
    if (packet->type != PACKET_ERROR && (packet->type != PACKET_JOB_CREATED || packet->length == 0))
        return connection_fail(sender->connection, CONNECTION_GARBAGE, "the job server answered a post with something else");
    if (chunk == NULL || chunk->answered_end >= chunk->sent)
        return connection_fail(sender->connection, CONNECTION_GARBAGE, "the job server answered what was not asked");
    chunk->answered_end += PACKET_HEADER + packet_length(chunk->data + chunk->answered_end);
    if (chunk->answered_end > chunk->sent)
        return connection_fail(sender->connection, CONNECTION_GARBAGE, "the job server answered half a request");
    chunk->answered++;
    sender->answers++;
    sender->unanswered--;
    if (packet->type == PACKET_JOB_CREATED) {
        counters_add(counters->sent, 1);
    } else {
        char text[COUNTERS_ERROR_MAX];
        char reason[100];
        packet_error_text(packet, reason, sizeof reason);
        snprintf(text, sizeof text, "%.100s refused a post: %s", sender->server->name, reason);
        counters_failed(counters, text);
    }
    if (chunk->answered == chunk->packets) {
        sender->first = chunk->next;
        sender->bytes -= chunk->used;
        queue_done(sender->queue, chunk);
    }
    return 0;
}

static int take_answers(struct sender *sender)
{
    struct packet packet;
    int found;
    if (connection_receive_some(sender->connection) < 0)
        return -1;
    while ((found = connection_pending(sender->connection, &packet)) > 0) {
        if (count_answer(sender, &packet) != 0)
            return -1;
        restart_deadline(sender);
    }
    return found;
}

static void nap(void)
{
    struct timespec time = {.tv_nsec = NAP_US * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* Sends and counts until everything taken is answered; takes more on the way. Returns 0, or -1 with the connection
 * failed. */
static int drain(struct sender *sender)
{
    for (take_chunks(sender); sender->first != NULL; take_chunks(sender)) {
        ssize_t unsent = send_chunks(sender);
        /* The job server writes each answer by itself: awake for each, this thread would take its processor away. */
        if (unsent == 0 && sender->unanswered > FEW)
            nap();
        if (unsent < 0 || connection_wait(sender->connection, unsent > 0, sender->deadline) != 0 ||
            take_answers(sender) != 0)
            return -1;
    }
    return 0;
}

/* Looks at the queue now and then, so that a stream of posts never has to wake this thread. Returns false when it is
 * to stop. */
static bool linger(const struct sender *sender)
{
    for (int i = 0; i < NAPS && !queue_waits(sender->queue); i++)
        nap();
    return queue_sleep(sender->queue);
}

/* The list of servers may have been replaced, and a job server may have gone while nobody looked. */
static void check_connection(struct sender *sender)
{
    struct server_list list;
    if (sender->connection == NULL || sender->first != NULL)
        return;
    route_servers(sender->queue->route, &list);
    if (list.version != sender->list_version || !connection_alive(sender->connection))
        disconnect(sender);
}

void *sender_main(void *argument)
{
    struct sender sender = {.queue = argument};
    bool go_on = queue_sleep(sender.queue);
    while (go_on) {
        check_connection(&sender);
        if (sender.connection == NULL && !connect_somewhere(&sender)) {
            go_on = queue_pause(sender.queue, sender.queue->settings->retry_after_ms);
            continue;
        }
        restart_deadline(&sender);
        if (drain(&sender) != 0) {
            broken(&sender);
            /* At once to the next server; but a peer that answers nothing else than echoes sets no pace. */
            go_on = queue_pause(sender.queue, sender.answers > 0 ? 0 : sender.queue->settings->retry_after_ms);
            continue;
        }
        go_on = linger(&sender);
    }
    disconnect(&sender);
    while (sender.first != NULL) {
        struct chunk *next = sender.first->next;
        queue_done(sender.queue, sender.first);
        sender.first = next;
    }
    return NULL;
}
