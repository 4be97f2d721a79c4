/* Version numbers for rows. */
#ifndef GMAN_VERSION_H
#define GMAN_VERSION_H

#include <stdint.h>

/* Microseconds since 1970, strictly rising within the process even if the clock stands or goes back. Thread-safe,
 * without a lock. */
int64_t version_next(void);

#endif
