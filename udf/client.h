/* Submitting jobs and waiting for what they give. Thread-safe; each call takes a kept connection for itself.
 *
 * Every call tries the servers of the function's list in turn, leaves those alone whose breaker is open, and returns
 * by its deadline. A failure is counted and its text kept (gman_status shows it); nothing is raised. */
#ifndef GMAN_CLIENT_H
#define GMAN_CLIENT_H

#include "library.h"
#include "packet.h"

/* Submits a background job and waits for the job server's acknowledgement. The handle is copied to handle, not ended
 * by NUL. Returns its length, or 0 if no job server has acknowledged the job. */
size_t client_background(struct library *library, const struct job *job, char handle[PACKET_HANDLE_MAX]);

/* Submits a job and waits for its result. Returns 0 with the result in *result, which the caller frees with
 * buffer_free; -1 if the job failed, timed out or could not be submitted (*result is then empty). */
int client_foreground(struct library *library, const struct job *job, struct buffer *result);

/* How long the acknowledgement of a job may take: the setting, and again as much for every 16 MiB of workload. */
int64_t client_ack_ms(const struct settings *settings, const struct job *job);

#endif
