/* The name of a JSON member, from the alias or the text of an SQL expression. No state; thread-safe. */
#ifndef GMAN_MEMBER_NAME_H
#define GMAN_MEMBER_NAME_H

#include "buffer.h"
#include "packet.h"

#include <stdint.h>

struct member_name {
    struct bytes text; /* within the text it was made from */
    bool quoted;       /* stood in backticks, so two backticks in it are one */
};

/* Takes one qualifier off if the text is a path of identifiers (`NEW.id`, `t`.`my col`), and the backticks off what
 * is left if that is one identifier. Any other text is the name as it is. */
struct member_name member_name_of(const char *text, size_t length);

/* Does the text say that the argument is JSON already: does it begin with json_ or udf_json_, in any case? */
bool member_name_is_raw(const char *text, size_t length);

/* Writes the name as a JSON string. Returns the number of repaired places. */
uint64_t member_name_write(struct buffer *out, const struct member_name *name);

#endif
