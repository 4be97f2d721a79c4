#include "json.h"

#include "utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void escape(struct buffer *out, unsigned char byte)
{
    static const char *const SHORT[] = {['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f",
                                        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\"};
    static const char HEX[] = "0123456789abcdef";
    if (byte < sizeof SHORT / sizeof *SHORT && SHORT[byte] != NULL) {
        buffer_append(out, SHORT[byte], 2);
    } else {
        char text[6] = {'\\', 'u', '0', '0', HEX[byte >> 4], HEX[byte & 15]};
        buffer_append(out, text, sizeof text);
    }
}

static int plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

uint64_t json_string(struct buffer *out, const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + length;
    const unsigned char *run = at; /* start of the bytes that go in as they are */
    uint64_t repaired = 0;

    buffer_append(out, "\"", 1);
    while (at < end) {
        if (plain(*at)) {
            at++;
            continue;
        }
        int step = *at < 0x80 ? 1 : utf8_step(at, end);
        if (*at >= 0x80 && step > 0) {
            at += step;
            continue;
        }
        buffer_append(out, (const char *)run, (size_t)(at - run));
        if (step > 0) {
            escape(out, *at);
        } else {
            buffer_append(out, "\xEF\xBF\xBD", 3);
            repaired++;
            step = -step;
        }
        at += step;
        run = at;
    }
    buffer_append(out, (const char *)run, (size_t)(at - run));
    buffer_append(out, "\"", 1);
    return repaired;
}

/* The decimal point of the locale can be any bytes; whatever is no digit, sign or exponent is it. */
static void without_locale(struct buffer *out, const char *text)
{
    bool in_point = false;
    for (; *text != '\0'; text++) {
        if (strchr("0123456789+-e", *text) != NULL) {
            buffer_append(out, text, 1);
            in_point = false;
        } else if (!in_point) {
            buffer_append(out, ".", 1);
            in_point = true;
        }
    }
}

void json_double(struct buffer *out, double value)
{
    char text[64];
    if (!isfinite(value)) {
        buffer_text(out, "null");
        return;
    }
    if (value == 0) {
        buffer_text(out, signbit(value) ? "-0.0" : "0");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    without_locale(out, text);
}

void json_integer(struct buffer *out, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    buffer_text(out, text);
}

void json_unsigned(struct buffer *out, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    buffer_text(out, text);
}

static size_t digits(const char *text, size_t length)
{
    size_t count = 0;
    while (count < length && text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

/* Is it digits [. digits] [e [sign] digits]? */
static bool unsigned_number(const char *text, size_t length)
{
    size_t at = digits(text, length);
    if (at == 0)
        return false;
    if (at < length && text[at] == '.') {
        size_t fraction = digits(text + at + 1, length - at - 1);
        if (fraction == 0)
            return false;
        at += 1 + fraction;
    }
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < length && (text[at] == '+' || text[at] == '-'))
            at++;
        size_t exponent = digits(text + at, length - at);
        if (exponent == 0)
            return false;
        at += exponent;
    }
    return at == length;
}

uint64_t json_number_text(struct buffer *out, const char *text, size_t length)
{
    bool negative = length > 0 && text[0] == '-';
    const char *number = text + negative;
    size_t left = length - negative;
    if (!unsigned_number(number, left))
        return json_string(out, text, length);
    while (left > 1 && number[0] == '0' && number[1] >= '0' && number[1] <= '9') {
        number++;
        left--;
    }
    if (negative)
        buffer_append(out, "-", 1);
    buffer_append(out, number, left);
    return 0;
}
