/* What the JSON entry points share: how an SQL argument becomes a JSON value, and what it is called. */
#ifndef GMAN_ENTRY_JSON_H
#define GMAN_ENTRY_JSON_H

#include "entry.h"
#include "json.h"
#include "member_name.h"

enum json_kind {
    JSON_TEXT,
    JSON_RAW,          /* already JSON: called json_... or udf_json_... */
    JSON_INTEGER_TEXT, /* an integer that the server renders as text for us */
    JSON_INTEGER,      /* an integer that comes as a signed 64-bit number */
    JSON_UNSIGNED,     /* an integer that comes so and is unsigned */
    JSON_REAL,
    JSON_DECIMAL,
};

struct json_argument {
    enum json_kind kind;
    struct member_name name;
};

/* One use of a function in a statement; one block of memory, since triggers make one for every row. */
struct json_state {
    struct buffer out;
    uint64_t repaired;
    char storage[512]; /* what `out` fills first */
    struct json_argument arguments[];
};

/* `init` of all JSON functions. Returns true with the message written if the statement is to fail. */
bool json_state_open(UDF_INIT *init, UDF_ARGS *args, char *message);

/* Begins a row: the state, with `out` empty. */
struct json_state *json_state_begin(UDF_INIT *init);

/* Writes the value of the row's `i`th argument. */
void json_state_value(struct json_state *state, const UDF_ARGS *args, unsigned i);

/* Ends a row: returns `out`, or NULL to SQL if memory ran out, which is counted. */
char *json_state_end(struct json_state *state, const char *function, unsigned long *length, unsigned char *is_null);

/* Frees the state. */
void json_state_close(UDF_INIT *init);

#endif
