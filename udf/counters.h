/* What the library has done since it was loaded, and the last thing that went wrong. Thread-safe. */
#ifndef GMAN_COUNTERS_H
#define GMAN_COUNTERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS_ERROR_MAX 256

struct counters {
    atomic_uint_fast64_t submitted; /* jobs that a job server has acknowledged to a caller (not posts) */
    atomic_uint_fast64_t failed;    /* calls, and posts already sent, that came to nothing */
    atomic_uint_fast64_t repaired;  /* replacements of bytes that were no UTF-8 */
    atomic_uint_fast64_t posted;    /* posts queued, coalesced ones included */
    atomic_uint_fast64_t dropped;   /* posts refused because the queue was full or memory ran out */
    atomic_uint_fast64_t coalesced; /* posts that an equal one, still waiting, stands for */
    atomic_uint_fast64_t sent;      /* posts that a job server has acknowledged */
    pthread_mutex_t lock;           /* guards the rest */
    char last_error[COUNTERS_ERROR_MAX];
    int64_t last_error_at; /* microseconds since 1970; 0 if nothing has gone wrong */
};

void counters_init(struct counters *counters);
void counters_destroy(struct counters *counters);

/* Adds to one counter. Order between counters does not matter to anybody. */
#define counters_add(counter, count) atomic_fetch_add_explicit(&(counter), (count), memory_order_relaxed)
#define counters_read(counter) ((uint64_t)atomic_load_explicit(&(counter), memory_order_relaxed))

/* Keeps the text as the last error. */
void counters_note(struct counters *counters, const char *text);

/* Counts one failure and keeps its text. */
void counters_failed(struct counters *counters, const char *text);

/* Copies the last error out; returns when it was, 0 if there was none. */
int64_t counters_last_error(struct counters *counters, char text[COUNTERS_ERROR_MAX]);

#endif
