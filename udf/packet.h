/* Gearman packets: a table of the types that this client sends and takes, and the encoding of requests.
 *
 * A packet is a 12-byte header (magic, type, length; big-endian) and its arguments with NUL between them. Only the
 * last argument may hold NUL. Nothing here touches a socket or keeps state, so everything is thread-safe. */
#ifndef GMAN_PACKET_H
#define GMAN_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_HEADER 12u
#define PACKET_FUNCTION_MAX 255u /* longest function name, bytes */
#define PACKET_UNIQUE_MAX 63u    /* gearmand 1.1 never matches a unique of 64 */
#define PACKET_HANDLE_MAX 255u   /* longest job handle taken, bytes; gearmand's own are below 64 */
#define PACKET_HEAD_MAX (PACKET_HEADER + PACKET_FUNCTION_MAX + 1 + PACKET_UNIQUE_MAX + 1)

enum packet_type {
    PACKET_SUBMIT_JOB = 7,
    PACKET_JOB_CREATED = 8,
    PACKET_WORK_STATUS = 12,
    PACKET_WORK_COMPLETE = 13,
    PACKET_WORK_FAIL = 14,
    PACKET_ECHO_REQ = 16,
    PACKET_ECHO_RES = 17,
    PACKET_SUBMIT_JOB_BG = 18,
    PACKET_ERROR = 19,
    PACKET_SUBMIT_JOB_HIGH = 21,
    PACKET_WORK_EXCEPTION = 25,
    PACKET_WORK_DATA = 28,
    PACKET_WORK_WARNING = 29,
    PACKET_SUBMIT_JOB_HIGH_BG = 32,
    PACKET_SUBMIT_JOB_LOW = 33,
    PACKET_SUBMIT_JOB_LOW_BG = 34,
};

/* One row of the table. `limit` is the largest length believed in a reply; 0 stands for the result ceiling. */
struct packet_kind {
    enum packet_type type;
    const char *name;
    unsigned arguments;
    bool reply;
    uint32_t limit;
};

/* A packet as received; `data` belongs to the parser that gave it. */
struct packet {
    enum packet_type type;
    const char *data;
    size_t length;
};

/* A stretch of bytes that somebody else owns; need not end in NUL. */
struct bytes {
    const char *data;
    size_t length;
};

/* One job to submit. Pointers are borrowed from the caller. `unique` and `workload` may be empty. */
struct job {
    enum packet_type type;
    struct bytes function;
    struct bytes unique;
    struct bytes workload;
};

/* The row of the table for a type, or NULL if the type is not ours. */
const struct packet_kind *packet_find(uint32_t type);

/* NULL if the job can be encoded, else a static text that says what is wrong with it. */
const char *packet_job_fault(const struct job *job);

/* The encoded size of a job that has no fault, header and workload included. */
size_t packet_job_size(const struct job *job);

/* Writes header, function and unique of a job without fault: at most PACKET_HEAD_MAX bytes. The workload follows
 * on the wire. Returns the bytes written. */
size_t packet_job_head(const struct job *job, char *to);

/* Writes the header of a request of any type. */
void packet_header(char *to, enum packet_type type, uint32_t length);

/* Length that follows the header at `at`, as it stands there. */
uint32_t packet_length(const char *at);

/* The `index`th argument of a received packet; the last one takes the rest, NUL included.
 * Returns 0, or -1 if the packet has no such argument. */
int packet_argument(const struct packet *packet, unsigned index, struct bytes *argument);

/* The text of an ERROR packet, `code: text`, always ended by NUL; size >= 1. */
void packet_error_text(const struct packet *packet, char *to, size_t size);

#endif
