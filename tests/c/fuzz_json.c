/* libFuzzer: whatever goes into the JSON writer, strict JSON comes out. */
#include "json.h"
#include "json_check.h"
#include "member_name.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void good(struct buffer *out)
{
    if (out->failed || !json_check(out->data, out->length))
        abort();
    buffer_clear(out);
}

static void doubles(struct buffer *out, const uint8_t *data, size_t size)
{
    double value;
    char text[64];
    if (size < sizeof value)
        return;
    memcpy(&value, data, sizeof value);
    json_double(out, value);
    memcpy(text, out->data, out->length);
    text[out->length] = '\0';
    if (isfinite(value) && (strtod(text, NULL) != value || signbit(strtod(text, NULL)) != signbit(value)))
        abort();
    good(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer out;
    char storage[32];
    buffer_borrow(&out, storage, sizeof storage);
    char *text = malloc(size > 0 ? size : 1); /* exactly as long, so that reading past it is seen */
    if (size > 0)
        memcpy(text, data, size);
    uint64_t repaired = json_string(&out, text, size);
    if (repaired > size)
        abort();
    good(&out);
    json_number_text(&out, text, size);
    good(&out);
    struct member_name name = member_name_of(text, size);
    if (name.text.length > size)
        abort();
    member_name_write(&out, &name);
    good(&out);
    doubles(&out, data, size);
    free(text);
    buffer_free(&out);
    return 0;
}
