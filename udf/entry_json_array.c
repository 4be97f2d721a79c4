/* json_array([expr, ...])       RETURNS STRING
 * udf_json_array([expr, ...])   RETURNS STRING: the same, for servers that have a json_array of their own
 *
 * One JSON array: SELECT udf_json_array(1, 'a', NULL) gives [1,"a",null]; without arguments [].
 * A string argument whose alias or text begins with json_ or udf_json_ is JSON already and goes in as it is.
 *
 * NULL only if memory ran out. No SQL error. */
#include "entry_json.h"

static char *array_row(UDF_INIT *init, UDF_ARGS *args, unsigned long *length, unsigned char *is_null)
{
    struct json_state *state = json_state_begin(init);
    buffer_append(&state->out, "[", 1);
    for (unsigned i = 0; i < args->arg_count; i++) {
        if (i > 0)
            buffer_append(&state->out, ",", 1);
        json_state_value(state, args, i);
    }
    buffer_append(&state->out, "]", 1);
    return json_state_end(state, "json_array", length, is_null);
}

#define ARRAY(name)                                                                                                   \
    ENTRY bool name##_init(UDF_INIT *init, UDF_ARGS *args, char *message)                                             \
    {                                                                                                                 \
        return json_state_open(init, args, message);                                                                  \
    }                                                                                                                 \
    ENTRY char *name(UDF_INIT *init, UDF_ARGS *args, char *result, unsigned long *length, unsigned char *is_null,     \
                     unsigned char *error)                                                                            \
    {                                                                                                                 \
        (void)result;                                                                                                 \
        (void)error;                                                                                                  \
        return array_row(init, args, length, is_null);                                                                \
    }                                                                                                                 \
    ENTRY void name##_deinit(UDF_INIT *init)                                                                          \
    {                                                                                                                 \
        json_state_close(init);                                                                                       \
    }

ARRAY(json_array)
ARRAY(udf_json_array)
