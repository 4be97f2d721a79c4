/* A small strict JSON reader, written apart from the library, to judge what the library writes. */
#ifndef JSON_CHECK_H
#define JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* Is the text exactly one JSON value (RFC 8259, UTF-8, no blanks around it)? */
bool json_check(const char *text, size_t length);

#endif
