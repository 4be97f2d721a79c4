/* All allocation of the library goes through one function pointer, so that tests can make any of them fail. */
#ifndef GMAN_MEMORY_H
#define GMAN_MEMORY_H

#include <stddef.h>

/* realloc(3) unless a test replaces it. Set it before any thread runs. */
extern void *(*memory_realloc)(void *, size_t);

/* Returns `size` bytes, or NULL. The caller frees with memory_free. Thread-safe. */
void *memory_alloc(size_t size);

/* Like memory_alloc, filled with zeros. */
void *memory_zeroed(size_t size);

/* Frees; NULL is legal. Thread-safe. */
void memory_free(void *block);

#endif
