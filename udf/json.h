/* JSON text (RFC 8259) into a buffer. Knows no server. Not thread-safe for one buffer; otherwise without state.
 *
 * Memory trouble shows in out->failed, to be looked at once in the end. */
#ifndef GMAN_JSON_H
#define GMAN_JSON_H

#include "buffer.h"

#include <stdint.h>

/* Writes a quoted string. Bytes that are no UTF-8 become U+FFFD.
 * Returns how many replacements that took. */
uint64_t json_string(struct buffer *out, const char *text, size_t length);

/* Writes a double: the first of 15, 16, 17 digits that reads back as the same value; negative zero as -0.0;
 * null if it is not finite. Does not depend on the locale. */
void json_double(struct buffer *out, double value);

/* Writes an integer. */
void json_integer(struct buffer *out, int64_t value);
void json_unsigned(struct buffer *out, uint64_t value);

/* Writes a decimal number given as text, without its leading zeros (ZEROFILL). Text that is no number is written
 * as a string, so the output is JSON in any case. Returns replacements, as json_string. */
uint64_t json_number_text(struct buffer *out, const char *text, size_t length);

#endif
