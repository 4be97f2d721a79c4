#include "entry.h"

#include "memory.h"

#include <stdio.h>
#include <string.h>

static struct bytes argument(const UDF_ARGS *args, unsigned i)
{
    struct bytes bytes = {"", 0};
    if (i < args->arg_count && args->args[i] != NULL) {
        bytes.data = args->args[i];
        bytes.length = args->lengths[i];
    }
    return bytes;
}

bool entry_check_job(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    if (args->arg_count < 2 || args->arg_count > 3) {
        snprintf(message, ENTRY_MESSAGE, "it takes (function, workload [, unique]), not %u argument%s",
                 args->arg_count, args->arg_count == 1 ? "" : "s");
        return true;
    }
    /* Stands in for what is not known yet, so that one check serves both. */
    struct job job = {.function = {"?", 1}, .unique = {"", 0}};
    if (args->args[0] != NULL && args->arg_type[0] == STRING_RESULT)
        job.function = argument(args, 0);
    if (args->arg_count > 2 && args->arg_type[2] == STRING_RESULT)
        job.unique = argument(args, 2);
    const char *fault = packet_job_fault(&job);
    if (fault != NULL) {
        snprintf(message, ENTRY_MESSAGE, "%s", fault);
        return true;
    }
    for (unsigned i = 0; i < args->arg_count; i++)
        args->arg_type[i] = STRING_RESULT;
    init->maybe_null = 1;
    init->const_item = 0; /* the same arguments give another job each time */
    init->ptr = NULL;
    return false;
}

const char *entry_job(const UDF_ARGS *args, enum packet_type type, struct job *job)
{
    if (args->args[0] == NULL)
        return "the function name is NULL";
    *job = (struct job){type, argument(args, 0), argument(args, 2), argument(args, 1)};
    return packet_job_fault(job);
}

void entry_failed(const char *name, const char *why)
{
    char text[COUNTERS_ERROR_MAX];
    struct library *library = library_get();
    if (library == NULL)
        return;
    snprintf(text, sizeof text, "%s: %s", name, why);
    counters_failed(&library->counters, text);
}

char *entry_null(unsigned char *is_null)
{
    *is_null = 1;
    return NULL;
}

void entry_free(UDF_INIT *init)
{
    memory_free(init->ptr);
    init->ptr = NULL;
}
