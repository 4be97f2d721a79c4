/* json_members(name, value [, name, value ...])   RETURNS STRING
 *
 * Members without braces, to put inside json_object under a json_ name:
 * SELECT json_object(id, json_members('volume', v, 'unit', 'l')) gives {"id":1,"volume":2,"unit":"l"}.
 * A string value whose alias or text begins with json_ or udf_json_ is JSON already and goes in as it is.
 *
 * NULL if a name is NULL, or memory ran out. SQL error when the statement is prepared: an odd number of arguments. */
#include "entry_json.h"

#include <stdio.h>

ENTRY bool json_members_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    if (args->arg_count % 2 != 0) {
        snprintf(message, ENTRY_MESSAGE, "it takes pairs of name and value, not %u argument%s",
                 args->arg_count, args->arg_count == 1 ? "" : "s");
        return true;
    }
    if (json_state_open(init, args, message))
        return true;
    for (unsigned i = 0; i < args->arg_count; i += 2)
        args->arg_type[i] = STRING_RESULT;
    return false;
}

ENTRY char *json_members(UDF_INIT *init, UDF_ARGS *args, char *result, unsigned long *length, unsigned char *is_null,
                         unsigned char *error)
{
    struct json_state *state = json_state_begin(init);
    (void)result;
    (void)error;
    for (unsigned i = 0; i + 1 < args->arg_count; i += 2) {
        if (args->args[i] == NULL)
            return entry_null(is_null);
        if (i > 0)
            buffer_append(&state->out, ",", 1);
        state->repaired += json_string(&state->out, args->args[i], args->lengths[i]);
        buffer_append(&state->out, ":", 1);
        json_state_value(state, args, i + 1);
    }
    return json_state_end(state, "json_members", length, is_null);
}

ENTRY void json_members_deinit(UDF_INIT *init)
{
    json_state_close(init);
}
