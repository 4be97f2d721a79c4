/* A library with short deadlines and fake job servers, for the tests of what talks over sockets. */
#ifndef STAGE_H
#define STAGE_H

#include "check.h"
#include "client.h"
#include "fake_server.h"
#include "timing.h"
#include "wait.h"

#define STAGE_LATE_MS 5000 /* a call that returns after this much more than its deadline is a failure */

/* Opens a library whose list is the given ports, in order, on 127.0.0.1. */
void stage_open(struct library *library, const int *ports, int count);

/* A job with a NUL-terminated function and workload. */
struct job stage_job(enum packet_type type, const char *function, const char *workload);

/* Submits a background job. Returns whether it was acknowledged. */
bool stage_background(struct library *library, const char *function);

/* Open file descriptors of this process. */
int stage_descriptors(void);

/* The state of the list's `i`th server. */
enum server_state stage_state(struct library *library, unsigned i);

/* Waits until background jobs are acknowledged again. */
bool stage_recovers(struct library *library);

#endif
