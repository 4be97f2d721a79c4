/* gman_sum(function, workload [, unique])   RETURNS INTEGER, AGGREGATE
 *
 * Runs one job for each row of a group, all at once, and adds their integer results:
 * SELECT owner, gman_sum('size', path) FROM files GROUP BY owner.
 *
 * Returns the sum; 0 for a group without rows; NULL if any job failed, gave no integer, timed out or could not be
 * submitted, or if the sum does not fit BIGINT (a sum of some of the jobs would be worse than none).
 * SQL error when the statement is prepared: wrong number of arguments, a function name or unique that is known then
 * and cannot be one. In a row such a name makes the group NULL, is counted and is shown by gman_status. */
#include "entry.h"
#include "memory.h"
#include "sum.h"

#include <stdio.h>

/* For WITH ROLLUP a server uses one call several times over at once, a level each, with copies of UDF_INIT that share
 * init->ptr. Only the address of the copy tells the levels apart. */
struct level {
    const UDF_INIT *init;
    struct sum sum;
    bool begun; /* has been cleared at least once, as an aggregate is */
    struct level *next;
};

struct levels {
    struct level *first;
    bool lost; /* a level found no memory: no sum of this statement can be trusted */
};

static struct level *level_of(const UDF_INIT *init)
{
    struct levels *levels = (struct levels *)init->ptr;
    struct level *level = levels->first;
    while (level != NULL && level->init != init)
        level = level->next;
    if (level != NULL)
        return level;
    struct library *library = library_get();
    level = library != NULL ? memory_zeroed(sizeof *level) : NULL;
    if (level == NULL) {
        levels->lost = true;
        return NULL;
    }
    level->init = init;
    sum_init(&level->sum, library);
    level->next = levels->first;
    levels->first = level;
    return level;
}

ENTRY bool gman_sum_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    if (entry_check_job(init, args, message))
        return true;
    init->ptr = memory_zeroed(sizeof(struct levels));
    if (init->ptr == NULL) {
        snprintf(message, ENTRY_MESSAGE, "out of memory");
        return true;
    }
    return false;
}

ENTRY void gman_sum_clear(UDF_INIT *init, unsigned char *is_null, unsigned char *error)
{
    struct level *level = level_of(init);
    (void)error;
    *is_null = 0;
    if (level == NULL)
        return;
    sum_clear(&level->sum);
    level->begun = true;
}

ENTRY void gman_sum_add(UDF_INIT *init, UDF_ARGS *args, unsigned char *is_null, unsigned char *error)
{
    struct job job;
    struct level *level = level_of(init);
    (void)is_null;
    (void)error;
    if (level == NULL)
        return;
    const char *fault = entry_job(args, PACKET_SUBMIT_JOB, &job);
    if (fault != NULL)
        sum_fail(&level->sum, fault);
    else
        sum_add(&level->sum, &job);
}

ENTRY long long gman_sum(UDF_INIT *init, UDF_ARGS *args, unsigned char *is_null, unsigned char *error)
{
    int64_t total;
    struct level *level = level_of(init);
    (void)args;
    (void)error;
    *is_null = 1;
    if (level == NULL || ((struct levels *)init->ptr)->lost) {
        entry_failed("gman_sum", "out of memory");
        return 0;
    }
    if (!level->begun) {
        entry_failed("gman_sum", "it was not created as an AGGREGATE FUNCTION");
        return 0;
    }
    if (sum_finish(&level->sum, &total) != 0)
        return 0;
    *is_null = 0;
    return total;
}

ENTRY void gman_sum_deinit(UDF_INIT *init)
{
    struct levels *levels = (struct levels *)init->ptr;
    struct level *level = levels != NULL ? levels->first : NULL;
    while (level != NULL) {
        struct level *next = level->next;
        sum_free(&level->sum);
        memory_free(level);
        level = next;
    }
    entry_free(init);
}
