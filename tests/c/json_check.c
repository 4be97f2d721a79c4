#include "json_check.h"

#include <stdint.h>
#include <string.h>

struct cursor {
    const unsigned char *at, *end;
    int depth;
};

static bool value(struct cursor *c);

static bool literal(struct cursor *c, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

static bool digit_run(struct cursor *c)
{
    const unsigned char *start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return c->at > start;
}

static bool number(struct cursor *c)
{
    if (c->at < c->end && *c->at == '-')
        c->at++;
    const unsigned char *first = c->at;
    if (!digit_run(c) || (*first == '0' && c->at - first > 1))
        return false;
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!digit_run(c))
            return false;
    }
    if (c->at < c->end && (*c->at == 'e' || *c->at == 'E')) {
        c->at++;
        if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
            c->at++;
        return digit_run(c);
    }
    return true;
}

/* Decodes a whole character and looks at the number it stands for. */
static bool utf8(struct cursor *c)
{
    unsigned first = *c->at++;
    int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    static const uint32_t LEAST[] = {0, 0x80, 0x800, 0x10000};
    if (first < 0xC0 || first > 0xF7)
        return false;
    uint32_t point = first & (0x3Fu >> more);
    for (int i = 0; i < more; i++) {
        if (c->at == c->end || (*c->at & 0xC0) != 0x80)
            return false;
        point = point << 6 | (*c->at++ & 0x3Fu);
    }
    return point >= LEAST[more] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

static bool escape(struct cursor *c)
{
    if (c->at == c->end)
        return false;
    unsigned char which = *c->at++;
    if (which != 'u')
        return which != '\0' && strchr("\"\\/bfnrt", which) != NULL;
    for (int i = 0; i < 4; i++, c->at++)
        if (c->at == c->end || *c->at == '\0' || strchr("0123456789abcdefABCDEF", *c->at) == NULL)
            return false;
    return true;
}

static bool string(struct cursor *c)
{
    c->at++;
    while (c->at < c->end) {
        if (*c->at == '"') {
            c->at++;
            return true;
        }
        if (*c->at < 0x20)
            return false;
        if (*c->at == '\\') {
            c->at++;
            if (!escape(c))
                return false;
        } else if (*c->at >= 0x80) {
            if (!utf8(c))
                return false;
        } else {
            c->at++;
        }
    }
    return false;
}

static bool members(struct cursor *c, unsigned char close, bool named)
{
    c->at++;
    if (c->at < c->end && *c->at == close) {
        c->at++;
        return true;
    }
    while (c->at < c->end) {
        if (named && (*c->at != '"' || !string(c) || !literal(c, ":")))
            return false;
        if (!value(c) || c->at == c->end)
            return false;
        if (*c->at == close) {
            c->at++;
            return true;
        }
        if (!literal(c, ","))
            return false;
    }
    return false;
}

static bool value(struct cursor *c)
{
    if (c->at == c->end || ++c->depth > 100)
        return false;
    bool good;
    switch (*c->at) {
    case '{':
        good = members(c, '}', true);
        break;
    case '[':
        good = members(c, ']', false);
        break;
    case '"':
        good = string(c);
        break;
    case 't':
        good = literal(c, "true");
        break;
    case 'f':
        good = literal(c, "false");
        break;
    case 'n':
        good = literal(c, "null");
        break;
    default:
        good = number(c);
    }
    c->depth--;
    return good;
}

bool json_check(const char *text, size_t length)
{
    struct cursor c = {(const unsigned char *)text, (const unsigned char *)text + length, 0};
    return value(&c) && c.at == c.end;
}
