/* gman_do_background(function, workload [, unique])        RETURNS STRING
 * gman_do_high_background(function, workload [, unique])   RETURNS STRING
 * gman_do_low_background(function, workload [, unique])    RETURNS STRING
 *
 * Hands a job to a job server and does not wait for it to run: SELECT gman_do_background('mail', 'to=x').
 *
 * Returns the job handle once the job server has acknowledged the job; NULL if none has within the deadlines.
 * A NULL workload is an empty one; a NULL unique is none.
 * SQL error when the statement is prepared: wrong number of arguments, a function name or unique that is known then
 * and cannot be one. In a row such a name gives NULL, is counted and is shown by gman_status. */
#include "client.h"
#include "entry.h"

static bool background_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    if (entry_check_job(init, args, message))
        return true;
    init->max_length = ENTRY_RESULT;
    return false;
}

static char *background_row(const char *name, enum packet_type type, UDF_ARGS *args, char *result,
                            unsigned long *length, unsigned char *is_null)
{
    struct job job;
    struct library *library = library_get();
    const char *fault = entry_job(args, type, &job);
    if (fault != NULL)
        entry_failed(name, fault);
    if (fault != NULL || library == NULL)
        return entry_null(is_null);
    size_t handle = client_background(library, &job, result); /* the server's buffer holds PACKET_HANDLE_MAX bytes */
    if (handle == 0)
        return entry_null(is_null);
    *length = handle;
    return result;
}

#define BACKGROUND(name, type)                                                                                        \
    ENTRY bool name##_init(UDF_INIT *init, UDF_ARGS *args, char *message)                                             \
    {                                                                                                                 \
        return background_init(init, args, message);                                                                  \
    }                                                                                                                 \
    ENTRY char *name(UDF_INIT *init, UDF_ARGS *args, char *result, unsigned long *length, unsigned char *is_null,     \
                     unsigned char *error)                                                                            \
    {                                                                                                                 \
        (void)init;                                                                                                   \
        (void)error;                                                                                                  \
        return background_row(#name, type, args, result, length, is_null);                                            \
    }                                                                                                                 \
    ENTRY void name##_deinit(UDF_INIT *init)                                                                          \
    {                                                                                                                 \
        (void)init;                                                                                                   \
    }

BACKGROUND(gman_do_background, PACKET_SUBMIT_JOB_BG)
BACKGROUND(gman_do_high_background, PACKET_SUBMIT_JOB_HIGH_BG)
BACKGROUND(gman_do_low_background, PACKET_SUBMIT_JOB_LOW_BG)
