#include "queue.h"

#include "memory.h"
#include "sender.h"
#include "threads.h"
#include "timing.h"

#include <string.h>

struct queue *queue_create(const struct settings *settings, struct counters *counters, struct route *route)
{
    struct queue *queue = memory_zeroed(sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->settings = settings;
    queue->counters = counters;
    queue->route = route;
    queue->next_serial = 1;
    queue->first_serial = 1;
    pthread_mutex_init(&queue->lock, NULL);
    if (timing_condition(&queue->wake) != 0) {
        memory_free(queue);
        return NULL;
    }
    return queue;
}

static void free_chunks(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        memory_free(chunk);
        chunk = next;
    }
}

void queue_destroy(struct queue *queue)
{
    if (queue == NULL)
        return;
    pthread_mutex_lock(&queue->lock);
    queue->stop = true;
    pthread_cond_broadcast(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
    if (queue->started)
        pthread_join(queue->sender, NULL);
    free_chunks(queue->first);
    free_chunks(queue->spare);
    pthread_cond_destroy(&queue->wake);
    pthread_mutex_destroy(&queue->lock);
    memory_free(queue);
}

static uint32_t hash_bytes(uint32_t hash, const struct bytes *bytes)
{
    for (size_t i = 0; i < bytes->length; i++)
        hash = (hash ^ (unsigned char)bytes->data[i]) * 16777619u; /* FNV-1a */
    return hash;
}

static bool slot_holds(const struct slot *slot, const struct job *job)
{
    const char *packet = slot->chunk->data + slot->offset;
    size_t head = job->function.length + 1 + job->unique.length + 1;
    if (packet_length(packet) < head)
        return false;
    const char *function = packet + PACKET_HEADER;
    const char *unique = function + job->function.length + 1;
    return memcmp(function, job->function.data, job->function.length) == 0 && unique[-1] == '\0' &&
           memcmp(unique, job->unique.data, job->unique.length) == 0 && unique[job->unique.length] == '\0';
}

/* With the lock held. Returns NULL if an equal post waits, else the slot to remember this one in. When all slots of
 * a hash are taken one of them is forgotten: then an equal post goes out twice, which at-least-once allows. */
static struct slot *find_slot(struct queue *queue, const struct job *job, uint32_t hash)
{
    struct slot *empty = &queue->slots[hash & (QUEUE_SLOTS - 1)];
    bool found = false;
    for (uint32_t i = 0; i < QUEUE_PROBES; i++) {
        struct slot *slot = &queue->slots[(hash + i) & (QUEUE_SLOTS - 1)];
        if (slot->serial < queue->first_serial) { /* empty, or its chunk is with the sender */
            if (!found)
                empty = slot;
            found = true;
        } else if (slot->hash == hash && slot_holds(slot, job)) {
            return NULL;
        }
    }
    return empty;
}

static struct chunk *new_chunk(struct queue *queue, size_t size)
{
    struct chunk *chunk = queue->spare;
    if (size <= QUEUE_CHUNK_BYTES && chunk != NULL) {
        queue->spare = chunk->next;
        queue->spare_count--;
    } else {
        size_t capacity = size > QUEUE_CHUNK_BYTES ? size : QUEUE_CHUNK_BYTES;
        chunk = memory_alloc(sizeof *chunk + capacity);
        if (chunk == NULL)
            return NULL;
        chunk->capacity = capacity;
    }
    chunk->next = NULL;
    chunk->serial = queue->next_serial++;
    chunk->used = chunk->answered_end = chunk->sent = 0;
    chunk->packets = chunk->answered = 0;
    return chunk;
}

/* With the lock held. Returns the chunk that takes `size` more bytes, or NULL without memory. */
static struct chunk *tail_for(struct queue *queue, size_t size)
{
    if (queue->last != NULL && queue->last->capacity - queue->last->used >= size)
        return queue->last;
    struct chunk *chunk = new_chunk(queue, size);
    if (chunk == NULL)
        return NULL;
    if (queue->last != NULL)
        queue->last->next = chunk;
    else
        queue->first = chunk;
    queue->last = chunk;
    return chunk;
}

static void encode(struct chunk *chunk, const struct job *job, size_t size)
{
    char *at = chunk->data + chunk->used;
    size_t head = packet_job_head(job, at);
    if (job->workload.length > 0)
        memcpy(at + head, job->workload.data, job->workload.length);
    chunk->used += size;
    chunk->packets++;
}

/* With the lock held. */
static enum queue_outcome add(struct queue *queue, const struct job *job, uint32_t hash)
{
    size_t size = packet_job_size(job);
    struct slot *slot = NULL;
    if (job->unique.length > 0) {
        slot = find_slot(queue, job, hash);
        if (slot == NULL)
            return QUEUE_COALESCED;
    }
    if (size > (size_t)queue->settings->queue_bytes ||
        queue->bytes > (size_t)queue->settings->queue_bytes - size)
        return QUEUE_DROPPED;
    if (!queue->started) {
        if (threads_start(&queue->sender, sender_main, queue) != 0)
            return QUEUE_DROPPED;
        queue->started = true;
    }
    struct chunk *chunk = tail_for(queue, size);
    if (chunk == NULL)
        return QUEUE_DROPPED;
    if (slot != NULL && chunk->used <= UINT32_MAX)
        *slot = (struct slot){chunk->serial, chunk, (uint32_t)chunk->used, hash};
    encode(chunk, job, size);
    queue->bytes += size;
    queue->packets++;
    return QUEUE_POSTED;
}

enum queue_outcome queue_post(struct queue *queue, const struct job *job)
{
    uint32_t hash = 0;
    if (job->unique.length > 0)
        hash = hash_bytes(hash_bytes(2166136261u, &job->function) * 31, &job->unique);
    pthread_mutex_lock(&queue->lock);
    enum queue_outcome outcome = add(queue, job, hash);
    bool wake = queue->sleeping && queue->first != NULL;
    if (wake)
        queue->sleeping = false;
    pthread_mutex_unlock(&queue->lock);
    if (wake)
        pthread_cond_signal(&queue->wake);
    if (outcome == QUEUE_DROPPED) {
        counters_add(queue->counters->dropped, 1);
        counters_note(queue->counters, "a post was dropped: the queue is full, or there is no memory for it");
    } else {
        counters_add(queue->counters->posted, 1);
        if (outcome == QUEUE_COALESCED)
            counters_add(queue->counters->coalesced, 1);
    }
    return outcome;
}

struct chunk *queue_take(struct queue *queue, size_t bytes)
{
    pthread_mutex_lock(&queue->lock);
    struct chunk *taken = queue->first;
    if (taken != NULL) {
        struct chunk *end = taken;
        for (size_t sum = end->used; end->next != NULL; end = end->next) {
            sum += end->next->used;
            if (sum > bytes)
                break;
        }
        queue->first = end->next;
        end->next = NULL;
        if (queue->first == NULL)
            queue->last = NULL;
        queue->first_serial = end->serial + 1;
    }
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

void queue_done(struct queue *queue, struct chunk *chunk)
{
    pthread_mutex_lock(&queue->lock);
    queue->bytes -= chunk->used;
    queue->packets -= chunk->packets;
    if (chunk->capacity == QUEUE_CHUNK_BYTES && queue->spare_count < QUEUE_SPARE_CHUNKS) {
        chunk->next = queue->spare;
        queue->spare = chunk;
        queue->spare_count++;
        chunk = NULL;
    }
    pthread_mutex_unlock(&queue->lock);
    memory_free(chunk);
}

bool queue_waits(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool waits = queue->first != NULL || queue->stop;
    pthread_mutex_unlock(&queue->lock);
    return waits;
}

bool queue_sleep(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->stop && queue->first == NULL) {
        queue->sleeping = true;
        pthread_cond_wait(&queue->wake, &queue->lock);
    }
    queue->sleeping = false;
    bool go_on = !queue->stop;
    pthread_mutex_unlock(&queue->lock);
    return go_on;
}

bool queue_pause(struct queue *queue, int64_t ms)
{
    struct timespec until = timing_spec(timing_after_ms(ms));
    pthread_mutex_lock(&queue->lock);
    while (!queue->stop)
        if (pthread_cond_timedwait(&queue->wake, &queue->lock, &until) != 0)
            break;
    bool go_on = !queue->stop;
    pthread_mutex_unlock(&queue->lock);
    return go_on;
}

void queue_length(struct queue *queue, uint64_t *packets, uint64_t *bytes)
{
    pthread_mutex_lock(&queue->lock);
    *packets += queue->packets;
    *bytes += queue->bytes;
    pthread_mutex_unlock(&queue->lock);
}
