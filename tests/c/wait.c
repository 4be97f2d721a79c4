#include "wait.h"

#include "timing.h"

void wait_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

bool wait_for(bool (*done)(void *), void *context)
{
    int64_t deadline = timing_after_ms(20000);
    while (!done(context)) {
        if (timing_ms_left(deadline) == 0)
            return false;
        wait_ms(2);
    }
    return true;
}
