#include "entry_json.h"

#include "memory.h"

#include <stdio.h>
#include <string.h>

enum { BIT_WIDTH_MAX = 64 };

/* UDF_ARGS does not tell BIGINT from BIGINT UNSIGNED, but the server does when it renders the number as text itself.
 * Trap: a BIT(n) column is an integer here too, and its "text" is raw bytes. At init the length of an argument is its
 * display width, which for BIT is n. If n mod 8 is 1 to 5 the first raw byte is below 0x20, and so cannot be taken for
 * a digit or a minus. All default display widths but that of SMALLINT (6) and MEDIUMINT UNSIGNED
 * (8) are among these, and those two fit a signed number. */
static bool text_is_safe(unsigned long width)
{
    return width > BIT_WIDTH_MAX || (width % 8 >= 1 && width % 8 <= 5);
}

static enum json_kind kind_of(UDF_ARGS *args, unsigned i, bool raw)
{
    switch ((int)args->arg_type[i]) {
    case INT_RESULT:
        if (args->lengths[i] == BIT_WIDTH_MAX) /* BIT(64); an integer column never is that wide by itself */
            return JSON_UNSIGNED;
        if (!text_is_safe(args->lengths[i]))
            return JSON_INTEGER;
        args->arg_type[i] = STRING_RESULT;
        return JSON_INTEGER_TEXT;
    case REAL_RESULT:
        return JSON_REAL;
    case DECIMAL_RESULT:
        return JSON_DECIMAL;
    default:
        args->arg_type[i] = STRING_RESULT;
        return raw ? JSON_RAW : JSON_TEXT;
    }
}

bool json_state_open(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    struct json_state *state = memory_alloc(sizeof *state + args->arg_count * sizeof *state->arguments);
    if (state == NULL) {
        snprintf(message, ENTRY_MESSAGE, "out of memory");
        return true;
    }
    buffer_borrow(&state->out, state->storage, sizeof state->storage);
    for (unsigned i = 0; i < args->arg_count; i++) {
        const char *text = args->attributes[i] != NULL ? args->attributes[i] : "";
        size_t length = args->attributes[i] != NULL ? args->attribute_lengths[i] : 0;
        state->arguments[i].name = member_name_of(text, length);
        state->arguments[i].kind = kind_of(args, i, member_name_is_raw(text, length));
    }
    init->ptr = (char *)state;
    init->maybe_null = 1;
    init->max_length = ENTRY_LONGTEXT;
    return false;
}

struct json_state *json_state_begin(UDF_INIT *init)
{
    struct json_state *state = (struct json_state *)init->ptr;
    buffer_clear(&state->out);
    state->repaired = 0;
    return state;
}

static bool integer_text(const char *text, size_t length)
{
    size_t at = length > 0 && text[0] == '-';
    if (at == length)
        return false;
    for (; at < length; at++)
        if (text[at] < '0' || text[at] > '9')
            return false;
    return true;
}

/* The text of an integer, or the raw bytes of a BIT. */
static uint64_t integer_or_bits(struct buffer *out, const char *text, size_t length)
{
    if (integer_text(text, length))
        return json_number_text(out, text, length);
    if (length == 0 || length > 8)
        return json_string(out, text, length);
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | (unsigned char)text[i];
    json_unsigned(out, value);
    return 0;
}

void json_state_value(struct json_state *state, const UDF_ARGS *args, unsigned i)
{
    const char *data = args->args[i];
    size_t length = args->lengths[i];
    long long integer;
    double real;
    if (data == NULL) {
        buffer_text(&state->out, "null");
        return;
    }
    switch (state->arguments[i].kind) {
    case JSON_TEXT:
        state->repaired += json_string(&state->out, data, length);
        break;
    case JSON_RAW:
        buffer_append(&state->out, length > 0 ? data : "null", length > 0 ? length : 4);
        break;
    case JSON_INTEGER_TEXT:
        state->repaired += integer_or_bits(&state->out, data, length);
        break;
    case JSON_INTEGER:
        memcpy(&integer, data, sizeof integer);
        json_integer(&state->out, integer);
        break;
    case JSON_UNSIGNED:
        memcpy(&integer, data, sizeof integer);
        json_unsigned(&state->out, (uint64_t)integer);
        break;
    case JSON_REAL:
        memcpy(&real, data, sizeof real);
        json_double(&state->out, real);
        break;
    case JSON_DECIMAL:
        state->repaired += json_number_text(&state->out, data, length);
        break;
    }
}

char *json_state_end(struct json_state *state, const char *function, unsigned long *length, unsigned char *is_null)
{
    if (state->repaired > 0) {
        struct library *library = library_get();
        if (library != NULL)
            counters_add(library->counters.repaired, state->repaired);
    }
    if (state->out.failed || state->out.length > ENTRY_LONGTEXT) { /* servers count in 32 bits */
        entry_failed(function, state->out.failed ? "out of memory" : "the result is larger than 4 GiB");
        return entry_null(is_null);
    }
    *length = state->out.length;
    return state->out.data;
}

void json_state_close(UDF_INIT *init)
{
    struct json_state *state = (struct json_state *)init->ptr;
    if (state != NULL)
        buffer_free(&state->out);
    entry_free(init);
}
