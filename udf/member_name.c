#include "member_name.h"

#include "json.h"

#include <string.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 1024 };

static bool identifier_byte(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= '0' && u <= '9') || (u >= 'A' && u <= 'Z') || (u >= 'a' && u <= 'z') || u == '_' || u == '$' ||
           u >= 0x80;
}

/* Returns where the identifier at `at` ends, or NULL if there is none. */
static const char *skip_identifier(const char *at, const char *end)
{
    const char *start = at;
    if (at < end && *at == '`') {
        for (at++; at < end; at++) {
            if (*at != '`')
                continue;
            if (at + 1 == end || at[1] != '`')
                return at + 1;
            at++;
        }
        return NULL;
    }
    while (at < end && identifier_byte(*at))
        at++;
    return at > start ? at : NULL;
}

/* Returns whether the whole text is a path of identifiers; *second is where the second one begins, or NULL. */
static bool is_path(const char *text, const char *end, const char **second)
{
    const char *at = text;
    *second = NULL;
    if (text < end && *text >= '0' && *text <= '9') /* 1.5 is a number */
        return false;
    for (;;) {
        at = skip_identifier(at, end);
        if (at == NULL)
            return false;
        if (at == end)
            return true;
        if (*at != '.')
            return false;
        at++;
        if (*second == NULL)
            *second = at;
    }
}

struct member_name member_name_of(const char *text, size_t length)
{
    const char *end = text + length;
    const char *second;
    struct member_name name = {{text, length}, false};
    if (!is_path(text, end, &second))
        return name;
    if (second != NULL)
        name.text = (struct bytes){second, (size_t)(end - second)};
    if (name.text.data[0] == '`' && skip_identifier(name.text.data, end) == end) {
        name.text.data++;
        name.text.length -= 2;
        name.quoted = true;
    }
    return name;
}

bool member_name_is_raw(const char *text, size_t length)
{
    return (length >= 5 && strncasecmp(text, "json_", 5) == 0) ||
           (length >= 9 && strncasecmp(text, "udf_json_", 9) == 0);
}

uint64_t member_name_write(struct buffer *out, const struct member_name *name)
{
    char text[NAME_MAX_BYTES];
    size_t length = 0;
    if (!name->quoted || name->text.length > sizeof text)
        return json_string(out, name->text.data, name->text.length);
    for (size_t i = 0; i < name->text.length; i++) {
        text[length++] = name->text.data[i];
        if (name->text.data[i] == '`')
            i++; /* its twin */
    }
    return json_string(out, text, length);
}
