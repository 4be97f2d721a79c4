/* gman_servers_set(servers [, function])   RETURNS STRING
 *
 * Says which job servers to use: SELECT gman_servers_set('10.0.0.1:4730,10.0.0.2'). With a second argument the list
 * serves that function only. The default port is 4730; an IPv6 address stands in brackets. Holds for the whole
 * database server until it ends; lists that are to survive stand in the configuration file.
 *
 * Returns the list as it was given; NULL if it was refused in a row, which is counted and shown by gman_status.
 * SQL error when the statement is prepared: wrong number of arguments; a list or function name that is known then and
 * is none; the configuration says `locked = yes`. */
#include "address_list.h"
#include "entry.h"
#include "memory.h"

#include <stdio.h>
#include <string.h>

static bool refuse(char *message, const char *why)
{
    snprintf(message, ENTRY_MESSAGE, "%s", why);
    return true;
}

ENTRY bool gman_servers_set_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    struct library *library = library_get();
    const char *fault = NULL;
    if (args->arg_count < 1 || args->arg_count > 2)
        return refuse(message, "it takes (servers [, function])");
    if (library == NULL)
        return refuse(message, "out of memory");
    if (library->settings.locked)
        return refuse(message, "the configuration file says locked = yes; set the servers there");
    if (args->args[0] != NULL && args->arg_type[0] == STRING_RESULT)
        fault = address_list_fault(args->args[0], args->lengths[0]);
    if (fault == NULL && args->arg_count > 1 && args->args[1] != NULL && args->arg_type[1] == STRING_RESULT) {
        struct job job = {.function = {args->args[1], args->lengths[1]}};
        fault = packet_job_fault(&job);
    }
    if (fault != NULL)
        return refuse(message, fault);
    for (unsigned i = 0; i < args->arg_count; i++)
        args->arg_type[i] = STRING_RESULT;
    init->maybe_null = 1;
    init->const_item = 0;
    init->ptr = NULL;
    init->max_length = ENTRY_LONGTEXT;
    return false;
}

static const char *set(struct library *library, const UDF_ARGS *args)
{
    struct bytes function = {"", 0};
    if (args->args[0] == NULL)
        return "the list is NULL";
    if (args->arg_count > 1) {
        if (args->args[1] == NULL || args->lengths[1] == 0)
            return "the function name is NULL or empty";
        function = (struct bytes){args->args[1], args->lengths[1]};
    }
    struct bytes list = {args->args[0], args->lengths[0]};
    return route_set(library, &function, &list);
}

ENTRY char *gman_servers_set(UDF_INIT *init, UDF_ARGS *args, char *result, unsigned long *length,
                             unsigned char *is_null, unsigned char *error)
{
    struct library *library = library_get();
    const char *fault = library != NULL ? set(library, args) : "out of memory";
    (void)error;
    entry_free(init);
    if (fault != NULL) {
        entry_failed("gman_servers_set", fault);
        return entry_null(is_null);
    }
    *length = args->lengths[0];
    if (*length > ENTRY_RESULT) {
        result = init->ptr = memory_alloc(*length);
        if (result == NULL)
            return entry_null(is_null);
    }
    memcpy(result, args->args[0], *length);
    return result;
}

ENTRY void gman_servers_set_deinit(UDF_INIT *init)
{
    entry_free(init);
}
