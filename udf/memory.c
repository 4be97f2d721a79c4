#include "memory.h"

#include <stdlib.h>
#include <string.h>

void *(*memory_realloc)(void *, size_t) = realloc;

void *memory_alloc(size_t size)
{
    return memory_realloc(NULL, size);
}

void *memory_zeroed(size_t size)
{
    void *block = memory_alloc(size);
    if (block != NULL)
        memset(block, 0, size);
    return block;
}

void memory_free(void *block)
{
    free(block);
}
