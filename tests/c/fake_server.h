/* A job server in a thread of the test, well-behaved or hostile. The behaviour can change at any moment. */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fake_behaviour {
    FAKE_GOOD, /* JOB_CREATED; results by function name, see fake_server.c */
    FAKE_SILENT,         /* reads and never answers */
    FAKE_CLOSES,         /* closes on the first request */
    FAKE_HALF_PACKET,    /* half an answer, then closes */
    FAKE_HALF_SILENT,    /* half an answer, then nothing */
    FAKE_GARBAGE,        /* speaks HTTP */
    FAKE_ABSURD_LENGTH,  /* an answer of 4 GiB, it says */
    FAKE_WRONG_TYPE,     /* WORK_COMPLETE for a job never created */
    FAKE_UNKNOWN_TYPE,   /* packet type 4242 */
    FAKE_DRIBBLES,       /* a byte at a time, slowly */
    FAKE_HUGE_CLAIM,     /* creates the job, then announces a result of 60 MB and sends ten bytes */
    FAKE_EMPTY_HANDLE,   /* JOB_CREATED without a handle */
    FAKE_OTHER_HANDLE,   /* the result of another job */
    FAKE_FLOODS,         /* WORK_STATUS without end */
    FAKE_REFUSES_JOBS,   /* ERROR for every job */
    FAKE_DIES_AFTER_TWO, /* answers two jobs of a connection, then closes it */
};

#define FAKE_CONNECTIONS 4096

struct fake {
    int port;
    int listener;
    pthread_t acceptor;
    _Atomic(enum fake_behaviour) behaviour;
    atomic_bool stop;
    atomic_uint jobs;        /* jobs answered with JOB_CREATED */
    atomic_uint connections; /* accepted so far */
    atomic_uint echoes;
    pthread_mutex_t lock;
    int fds[FAKE_CONNECTIONS];
    pthread_t threads[FAKE_CONNECTIONS];
    unsigned count;
    char log[65536]; /* `function unique workload;` of each answered job, as far as it fits */
    size_t log_length;
};

/* Listens on 127.0.0.1, on `port` or, if 0, on one from the kernel. */
struct fake *fake_start(enum fake_behaviour behaviour, int port);

/* Closes its connections and goes on listening. */
void fake_drop(struct fake *fake);

/* Stops, joins its threads, frees. */
void fake_stop(struct fake *fake);

/* Whether the log holds the text. */
bool fake_saw(struct fake *fake, const char *text);

/* A port on which nobody listens. */
int fake_unused_port(void);

#endif
