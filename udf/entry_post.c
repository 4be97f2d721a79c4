/* gman_post(function, workload [, unique])   RETURNS INTEGER
 *
 * Leaves a job with the background sender and returns at once: SELECT gman_post('syncOutbox', '', 'syncOutbox').
 *
 * Returns 1 if the job is queued, or if an equal (function, unique) already waits in the queue (that one's workload
 * is then the one sent); 0 if it was dropped because the queue is full (queue_bytes). Nothing has reached a job server
 * when it returns. A post is sent at least once while the database server lives, and lost when it ends.
 * SQL error when the statement is prepared: wrong number of arguments, a function name or unique that is known then
 * and cannot be one. In a row such a name gives NULL, is counted and is shown by gman_status. */
#include "entry.h"
#include "queue.h"

ENTRY bool gman_post_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    return entry_check_job(init, args, message);
}

ENTRY long long gman_post(UDF_INIT *init, UDF_ARGS *args, unsigned char *is_null, unsigned char *error)
{
    struct job job;
    (void)init;
    (void)error;
    struct library *library = library_get();
    const char *fault = entry_job(args, PACKET_SUBMIT_JOB_BG, &job);
    if (fault != NULL) {
        entry_failed("gman_post", fault);
        *is_null = 1;
        return 0;
    }
    struct queue *queue = library != NULL ? route_queue(library, route_find(library, &job.function)) : NULL;
    if (queue != NULL)
        return queue_post(queue, &job) != QUEUE_DROPPED;
    if (library != NULL)
        counters_add(library->counters.dropped, 1);
    return 0;
}

ENTRY void gman_post_deinit(UDF_INIT *init)
{
    (void)init;
}
