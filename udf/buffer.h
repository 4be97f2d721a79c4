/* A growable byte buffer. Not thread-safe: one owner at a time. */
#ifndef GMAN_BUFFER_H
#define GMAN_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data;
    size_t length;
    size_t capacity;
    char *borrowed; /* storage that the buffer began with and does not own, or NULL */
    bool failed;    /* an append could not get memory; the content is cut and must not be used */
};

/* An empty buffer that owns nothing. */
void buffer_init(struct buffer *buffer);

/* An empty buffer that first fills `storage`, which must outlive it, and takes heap memory when that is full. */
void buffer_borrow(struct buffer *buffer, char *storage, size_t capacity);

/* Makes room for `extra` more bytes. Returns 0, or -1 with `failed` set and the content kept. */
int buffer_reserve(struct buffer *buffer, size_t extra);

/* Appends bytes. Returns 0, or -1 with `failed` set. Once failed every append fails. */
int buffer_append(struct buffer *buffer, const char *bytes, size_t length);

/* Appends a NUL-terminated text. */
int buffer_text(struct buffer *buffer, const char *text);

/* Empties it and forgets a failure; keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* Drops the first `count` bytes (count <= length). */
void buffer_drop(struct buffer *buffer, size_t count);

/* Frees the memory; the buffer is empty and usable afterwards. */
void buffer_free(struct buffer *buffer);

#endif
