#include "buffer.h"

#include "memory.h"

#include <stdint.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *buffer)
{
    memset(buffer, 0, sizeof *buffer);
}

void buffer_borrow(struct buffer *buffer, char *storage, size_t capacity)
{
    buffer_init(buffer);
    buffer->data = storage;
    buffer->borrowed = storage;
    buffer->capacity = capacity;
}

static char *grow(struct buffer *buffer, size_t capacity)
{
    if (buffer->data != buffer->borrowed)
        return memory_realloc(buffer->data, capacity);
    char *data = memory_alloc(capacity);
    if (data != NULL && buffer->length > 0)
        memcpy(data, buffer->data, buffer->length);
    return data;
}

int buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (buffer->failed)
        return -1;
    if (extra <= buffer->capacity - buffer->length)
        return 0;
    size_t capacity = buffer->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buffer->capacity;
    char *data = NULL;
    if (extra < SIZE_MAX / 4 && buffer->length < SIZE_MAX / 4) {
        while (capacity - buffer->length < extra)
            capacity += capacity;
        data = grow(buffer, capacity);
    }
    if (data == NULL) {
        buffer->failed = true;
        return -1;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int buffer_append(struct buffer *buffer, const char *bytes, size_t length)
{
    if (buffer_reserve(buffer, length) != 0)
        return -1;
    if (length > 0)
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    return 0;
}

int buffer_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

void buffer_drop(struct buffer *buffer, size_t count)
{
    buffer->length -= count;
    if (buffer->length > 0 && count > 0)
        memmove(buffer->data, buffer->data + count, buffer->length);
}

void buffer_free(struct buffer *buffer)
{
    if (buffer->data != buffer->borrowed)
        memory_free(buffer->data);
    buffer_init(buffer);
}
