#include "threads.h"

#include <signal.h>

/* Enough for a name look-up through NSS modules, on top of the thread-local storage that the server's own libraries
 * take from a thread's stack. Only what is touched costs memory. */
enum { STACK_BYTES = 512 * 1024 };

static int start(pthread_t *thread, void *(*run)(void *), void *argument, int state)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int failed = pthread_attr_init(&attributes);
    if (failed)
        return failed;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, state);
    /* A thread inherits the mask of its creator, so there is no moment at which a signal could reach it. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(thread, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed;
}

int threads_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    return start(thread, run, argument, PTHREAD_CREATE_JOINABLE);
}

int threads_detached(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    return start(&thread, run, argument, PTHREAD_CREATE_DETACHED);
}
