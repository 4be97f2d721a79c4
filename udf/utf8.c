#include "utf8.h"

/* The range allowed for the second byte is what rules out overlong forms, surrogates and numbers too large. */
static int lead(unsigned char first, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF) {
        if (first == 0xE0)
            *low = 0xA0;
        if (first == 0xED)
            *high = 0x9F;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (first == 0xF0)
            *low = 0x90;
        if (first == 0xF4)
            *high = 0x8F;
        return 4;
    }
    return 0;
}

int utf8_step(const unsigned char *at, const unsigned char *end)
{
    unsigned char low, high;
    int length = lead(*at, &low, &high);
    if (length == 0)
        return -1;
    for (int i = 1; i < length; i++) {
        if (at + i >= end || at[i] < low || at[i] > high)
            return -i;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}
