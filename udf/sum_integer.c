#include "sum.h"

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int sum_integer(const char *text, size_t length, int64_t *value)
{
    const char *end = text + length;
    while (text < end && blank(*text))
        text++;
    while (end > text && blank(end[-1]))
        end--;
    bool negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+'))
        text++;
    if (text == end)
        return -1;
    int64_t result = 0;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        int64_t digit = *text - '0';
        if (__builtin_mul_overflow(result, INT64_C(10), &result) ||
            __builtin_add_overflow(result, negative ? -digit : digit, &result))
            return -1;
    }
    *value = result;
    return 0;
}
