#include "version.h"

#include "timing.h"

#include <stdatomic.h>

int64_t version_next(void)
{
    static atomic_int_fast64_t last;
    int_fast64_t before = atomic_load(&last);
    int_fast64_t next;
    do {
        int_fast64_t now = timing_unix_us();
        next = now > before ? now : before + 1;
    } while (!atomic_compare_exchange_weak(&last, &before, next));
    return next;
}
