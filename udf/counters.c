#include "counters.h"

#include "timing.h"

#include <stdio.h>
#include <string.h>

void counters_init(struct counters *counters)
{
    memset(counters, 0, sizeof *counters);
    pthread_mutex_init(&counters->lock, NULL);
}

void counters_destroy(struct counters *counters)
{
    pthread_mutex_destroy(&counters->lock);
}

void counters_note(struct counters *counters, const char *text)
{
    pthread_mutex_lock(&counters->lock);
    snprintf(counters->last_error, sizeof counters->last_error, "%s", text);
    counters->last_error_at = timing_unix_us();
    pthread_mutex_unlock(&counters->lock);
}

void counters_failed(struct counters *counters, const char *text)
{
    counters_add(counters->failed, 1);
    counters_note(counters, text);
}

int64_t counters_last_error(struct counters *counters, char text[COUNTERS_ERROR_MAX])
{
    pthread_mutex_lock(&counters->lock);
    memcpy(text, counters->last_error, COUNTERS_ERROR_MAX);
    int64_t at = counters->last_error_at;
    pthread_mutex_unlock(&counters->lock);
    return at;
}
