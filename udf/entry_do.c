/* gman_do(function, workload [, unique])        RETURNS STRING
 * gman_do_high(function, workload [, unique])   RETURNS STRING
 * gman_do_low(function, workload [, unique])    RETURNS STRING
 *
 * Runs a job and waits for its result: SELECT gman_do('reverse', 'abc').
 *
 * Returns the worker's result, binary safe; NULL if it is empty, or if the job failed, timed out
 * (result_timeout_ms) or could not be submitted. A NULL workload is an empty one; a NULL unique is none.
 * SQL error when the statement is prepared: wrong number of arguments, a function name or unique that is known then
 * and cannot be one. In a row such a name gives NULL, is counted and is shown by gman_status. */
#include "client.h"
#include "entry.h"
#include "memory.h"

static bool do_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    if (entry_check_job(init, args, message))
        return true;
    init->max_length = ENTRY_LONGTEXT;
    return false;
}

/* init->ptr owns the result of the row before; the server has copied it by now. */
static char *do_row(const char *name, enum packet_type type, UDF_INIT *init, UDF_ARGS *args, unsigned long *length,
                    unsigned char *is_null)
{
    struct job job;
    struct buffer result;
    struct library *library = library_get();
    const char *fault = entry_job(args, type, &job);
    entry_free(init);
    if (fault != NULL)
        entry_failed(name, fault);
    if (fault != NULL || library == NULL || client_foreground(library, &job, &result) != 0)
        return entry_null(is_null);
    init->ptr = result.data;
    if (result.length == 0)
        return entry_null(is_null);
    *length = result.length;
    return result.data;
}

#define DO(name, type)                                                                                                \
    ENTRY bool name##_init(UDF_INIT *init, UDF_ARGS *args, char *message)                                             \
    {                                                                                                                 \
        return do_init(init, args, message);                                                                          \
    }                                                                                                                 \
    ENTRY char *name(UDF_INIT *init, UDF_ARGS *args, char *result, unsigned long *length, unsigned char *is_null,     \
                     unsigned char *error)                                                                            \
    {                                                                                                                 \
        (void)result;                                                                                                 \
        (void)error;                                                                                                  \
        return do_row(#name, type, init, args, length, is_null);                                                      \
    }                                                                                                                 \
    ENTRY void name##_deinit(UDF_INIT *init)                                                                          \
    {                                                                                                                 \
        entry_free(init);                                                                                             \
    }

DO(gman_do, PACKET_SUBMIT_JOB)
DO(gman_do_high, PACKET_SUBMIT_JOB_HIGH)
DO(gman_do_low, PACKET_SUBMIT_JOB_LOW)
