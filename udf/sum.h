/* The sum of many jobs' integer results: the jobs are submitted as they come, run concurrently and are waited for in
 * the end. Memory is bounded by a window of jobs under way. Not thread-safe: one owner at a time. */
#ifndef GMAN_SUM_H
#define GMAN_SUM_H

#include "library.h"

#define SUM_LANES 8    /* different server lists within one group */
#define SUM_WINDOW 1000u /* jobs submitted and not completed, per lane */

struct sum_lane;

struct sum {
    struct library *library;
    struct sum_lane *lanes[SUM_LANES];
    int64_t total;
    bool failed; /* the group's sum is lost; its other rows are not sent any more */
};

/* A sum of nothing. The library must outlive it. */
void sum_init(struct sum *sum, struct library *library);

/* Begins the next group: forgets the total and a failure. */
void sum_clear(struct sum *sum);

/* Submits one job without fault. A failure is counted once and kept until sum_finish. */
void sum_add(struct sum *sum, const struct job *job);

/* Notes a failure that the caller found, such as a bad argument. */
void sum_fail(struct sum *sum, const char *why);

/* Waits for all results. Returns 0 with the total, or -1 if any job failed. Gives the connections back. */
int sum_finish(struct sum *sum, int64_t *total);

/* Frees everything, whatever is under way. */
void sum_free(struct sum *sum);

/* Reads an integer, blanks around it allowed. Returns 0, or -1 if it is none or does not fit 64 bits. */
int sum_integer(const char *text, size_t length, int64_t *value);

#endif
