/* json_object([expr [AS name], ...])       RETURNS STRING
 * udf_json_object([expr [AS name], ...])   RETURNS STRING: the same, for servers that have a json_object of their own
 *
 * One JSON object: SELECT udf_json_object(id, price AS cost) gives {"id":1,"cost":9.90}; without arguments {}.
 * A member is called by the alias, else by the expression's text with one qualifier taken off (NEW.id is id).
 * A string argument whose alias or text begins with json_ or udf_json_ is JSON already and goes in as it is, without
 * a name; nothing goes in if it is NULL or empty. A column called json_... must be given an alias.
 *
 * NULL only if memory ran out. No SQL error. */
#include "entry_json.h"

static char *object_row(UDF_INIT *init, UDF_ARGS *args, unsigned long *length, unsigned char *is_null)
{
    struct json_state *state = json_state_begin(init);
    const char *separator = "{";
    for (unsigned i = 0; i < args->arg_count; i++) {
        bool raw = state->arguments[i].kind == JSON_RAW;
        if (raw && (args->args[i] == NULL || args->lengths[i] == 0))
            continue;
        buffer_append(&state->out, separator, 1);
        separator = ",";
        if (!raw) {
            state->repaired += member_name_write(&state->out, &state->arguments[i].name);
            buffer_append(&state->out, ":", 1);
        }
        json_state_value(state, args, i);
    }
    buffer_text(&state->out, *separator == '{' ? "{}" : "}");
    return json_state_end(state, "json_object", length, is_null);
}

#define OBJECT(name)                                                                                                  \
    ENTRY bool name##_init(UDF_INIT *init, UDF_ARGS *args, char *message)                                             \
    {                                                                                                                 \
        return json_state_open(init, args, message);                                                                  \
    }                                                                                                                 \
    ENTRY char *name(UDF_INIT *init, UDF_ARGS *args, char *result, unsigned long *length, unsigned char *is_null,     \
                     unsigned char *error)                                                                            \
    {                                                                                                                 \
        (void)result;                                                                                                 \
        (void)error;                                                                                                  \
        return object_row(init, args, length, is_null);                                                               \
    }                                                                                                                 \
    ENTRY void name##_deinit(UDF_INIT *init)                                                                          \
    {                                                                                                                 \
        json_state_close(init);                                                                                       \
    }

OBJECT(json_object)
OBJECT(udf_json_object)
