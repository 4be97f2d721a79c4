/* json_values([expr, ...])   RETURNS STRING
 *
 * The JSON values one after another with nothing between them: SELECT json_values('a', 1) gives "a"1.
 * A string argument whose alias or text begins with json_ or udf_json_ is JSON already and goes in as it is.
 *
 * NULL only if memory ran out. No SQL error.
 *
 * lib_mysqludf_json_info()   RETURNS STRING
 *
 * Name and version of the library. SQL error when the statement is prepared: any argument. */
#include "entry_json.h"

#include <stdio.h>
#include <string.h>

ENTRY bool json_values_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    return json_state_open(init, args, message);
}

ENTRY char *json_values(UDF_INIT *init, UDF_ARGS *args, char *result, unsigned long *length, unsigned char *is_null,
                        unsigned char *error)
{
    struct json_state *state = json_state_begin(init);
    (void)result;
    (void)error;
    for (unsigned i = 0; i < args->arg_count; i++)
        json_state_value(state, args, i);
    return json_state_end(state, "json_values", length, is_null);
}

ENTRY void json_values_deinit(UDF_INIT *init)
{
    json_state_close(init);
}

ENTRY bool lib_mysqludf_json_info_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    if (args->arg_count != 0) {
        snprintf(message, ENTRY_MESSAGE, "it takes no argument");
        return true;
    }
    init->maybe_null = 0;
    init->max_length = ENTRY_RESULT;
    return false;
}

ENTRY char *lib_mysqludf_json_info(UDF_INIT *init, UDF_ARGS *args, char *result, unsigned long *length,
                                   unsigned char *is_null, unsigned char *error)
{
    static const char INFO[] = LIBRARY_NAME " version " LIBRARY_VERSION;
    (void)init;
    (void)args;
    (void)is_null;
    (void)error;
    memcpy(result, INFO, sizeof INFO - 1);
    *length = sizeof INFO - 1;
    return result;
}

ENTRY void lib_mysqludf_json_info_deinit(UDF_INIT *init)
{
    (void)init;
}
