/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef GMAN_UTF8_H
#define GMAN_UTF8_H

#include <stddef.h>

/* Looks at the bytes from `at` to `end` (at < end, *at >= 0x80). Returns the length of the character there (2 to 4),
 * or minus the length of the broken part to be replaced by one U+FFFD (-1 to -3). Thread-safe. */
int utf8_step(const unsigned char *at, const unsigned char *end);

#endif
