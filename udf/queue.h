/* Posts that wait for the background sender. Posting is the one thing here that must cost next to nothing: one lock,
 * and the packet is encoded where it will be sent from.
 *
 * The queue is a list of chunks. Posts fill the last one; the sender takes whole chunks, so a chunk belongs either to
 * the waiting side (under the lock) or to the sender. While no job server answers nothing is taken, so that equal
 * posts go on counting as one. */
#ifndef GMAN_QUEUE_H
#define GMAN_QUEUE_H

#include "counters.h"
#include "packet.h"
#include "route.h"
#include "settings.h"

#include <pthread.h>

#define QUEUE_CHUNK_BYTES (64u * 1024)
#define QUEUE_SPARE_CHUNKS 8   /* empty chunks kept for the next posts */
#define QUEUE_SLOTS 8192u      /* hash slots for coalescing; a power of two */
#define QUEUE_PROBES 4u        /* slots looked at for one post */

struct chunk {
    struct chunk *next;
    uint64_t serial; /* rises from chunk to chunk, so a slot can tell whether its chunk still waits */
    size_t capacity;
    size_t used;      /* bytes of packets */
    unsigned packets;
    unsigned answered;   /* packets that a job server has answered; the sender's */
    size_t answered_end; /* where the first unanswered packet begins; the sender's */
    size_t sent;         /* bytes sent on the present connection; the sender's */
    char data[];
};

/* Where a post with a unique waits. */
struct slot {
    uint64_t serial; /* 0: empty */
    const struct chunk *chunk;
    uint32_t offset;
    uint32_t hash;
};

struct queue {
    const struct settings *settings;
    struct counters *counters;
    struct route *route;

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;
    struct chunk *first, *last; /* waiting */
    struct chunk *spare;
    unsigned spare_count;
    uint64_t next_serial;
    uint64_t first_serial; /* chunks from this one on still wait */
    size_t bytes;          /* waiting and taken but unanswered */
    uint64_t packets;      /* the same, in packets */
    bool sleeping;         /* the sender waits to be woken by a post */
    bool started;
    bool stop;
    pthread_t sender;
    struct slot slots[QUEUE_SLOTS];
};

enum queue_outcome { QUEUE_DROPPED, QUEUE_POSTED, QUEUE_COALESCED };

/* Creates an empty queue; the arguments must outlive it. NULL without memory. */
struct queue *queue_create(const struct settings *settings, struct counters *counters, struct route *route);

/* Stops the sender, waits for it and frees everything; NULL is legal. Nobody may post any more. */
void queue_destroy(struct queue *queue);

/* Queues a job that has no fault, and starts the sender on first use. Never blocks for more than the lock. Counts the
 * outcome. Thread-safe. */
enum queue_outcome queue_post(struct queue *queue, const struct job *job);

/* ---- for the sender ---- */

/* Takes the waiting chunks, in order, up to `bytes` but at least one. NULL if there are none. The sender owns them. */
struct chunk *queue_take(struct queue *queue, size_t bytes);

/* Gives back a chunk whose packets are all answered. */
void queue_done(struct queue *queue, struct chunk *chunk);

/* Does something wait, be it a post or the wish to stop? */
bool queue_waits(struct queue *queue);

/* Sleeps until something waits. Returns false when the queue is to stop. */
bool queue_sleep(struct queue *queue);

/* Waits `ms` milliseconds, or less if the queue is to stop. Returns false then. Posts do not end the wait. */
bool queue_pause(struct queue *queue, int64_t ms);

/* What waits and what is under way, for status. */
void queue_length(struct queue *queue, uint64_t *packets, uint64_t *bytes);

#endif
