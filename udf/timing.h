/* Clocks. A deadline is a point on CLOCK_MONOTONIC in nanoseconds, so that setting the clock moves no deadline. */
#ifndef GMAN_TIMING_H
#define GMAN_TIMING_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_MS INT64_C(1000000)

/* Now on the monotonic clock, nanoseconds. Thread-safe, as is everything here. */
int64_t timing_now(void);

/* The deadline `ms` milliseconds from now. */
int64_t timing_after_ms(int64_t ms);

/* Milliseconds left until the deadline, rounded up, for poll(2); 0 when it has passed. */
int timing_ms_left(int64_t deadline);

/* The deadline as pthread_cond_timedwait wants it. */
struct timespec timing_spec(int64_t deadline);

/* Initialises a condition variable that counts on the monotonic clock. Returns 0, or an errno value. */
int timing_condition(pthread_cond_t *condition);

/* Microseconds since 1970 on the system's clock. */
int64_t timing_unix_us(void);

#endif
