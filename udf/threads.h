/* Threads that live inside somebody else's server: small stack, no signal ever delivered to them. */
#ifndef GMAN_THREADS_H
#define GMAN_THREADS_H

#include <pthread.h>

/* Starts a thread that is joined later. Returns 0, or an errno value. */
int threads_start(pthread_t *thread, void *(*run)(void *), void *argument);

/* Starts a thread that cleans up after itself. Returns 0, or an errno value. */
int threads_detached(void *(*run)(void *), void *argument);

#endif
