/* Waiting for a condition with a generous deadline, since the machine may be slow. */
#ifndef WAIT_H
#define WAIT_H

#include <stdbool.h>

/* Calls `done` until it is true, for at most 20 seconds. Returns whether it became true. */
bool wait_for(bool (*done)(void *), void *context);

void wait_ms(int ms);

#endif
