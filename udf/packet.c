#include "packet.h"

#include <stdio.h>
#include <string.h>

enum { SMALL = 1024, TEXT = 65536, RESULT = 0 };

static const struct packet_kind KINDS[] = {
    {PACKET_SUBMIT_JOB, "SUBMIT_JOB", 3, false, 0},
    {PACKET_JOB_CREATED, "JOB_CREATED", 1, true, PACKET_HANDLE_MAX},
    {PACKET_WORK_STATUS, "WORK_STATUS", 3, true, SMALL},
    {PACKET_WORK_COMPLETE, "WORK_COMPLETE", 2, true, RESULT},
    {PACKET_WORK_FAIL, "WORK_FAIL", 1, true, PACKET_HANDLE_MAX},
    {PACKET_ECHO_REQ, "ECHO_REQ", 1, false, 0},
    {PACKET_ECHO_RES, "ECHO_RES", 1, true, SMALL},
    {PACKET_SUBMIT_JOB_BG, "SUBMIT_JOB_BG", 3, false, 0},
    {PACKET_ERROR, "ERROR", 2, true, TEXT},
    {PACKET_SUBMIT_JOB_HIGH, "SUBMIT_JOB_HIGH", 3, false, 0},
    {PACKET_WORK_EXCEPTION, "WORK_EXCEPTION", 2, true, RESULT},
    {PACKET_WORK_DATA, "WORK_DATA", 2, true, RESULT},
    {PACKET_WORK_WARNING, "WORK_WARNING", 2, true, RESULT},
    {PACKET_SUBMIT_JOB_HIGH_BG, "SUBMIT_JOB_HIGH_BG", 3, false, 0},
    {PACKET_SUBMIT_JOB_LOW, "SUBMIT_JOB_LOW", 3, false, 0},
    {PACKET_SUBMIT_JOB_LOW_BG, "SUBMIT_JOB_LOW_BG", 3, false, 0},
};

const struct packet_kind *packet_find(uint32_t type)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if ((uint32_t)KINDS[i].type == type)
            return &KINDS[i];
    return NULL;
}

static bool holds_nul(const struct bytes *text)
{
    return text->length > 0 && memchr(text->data, '\0', text->length) != NULL;
}

const char *packet_job_fault(const struct job *job)
{
    if (job->function.length == 0)
        return "the function name is empty";
    if (job->function.length > PACKET_FUNCTION_MAX)
        return "the function name is longer than 255 bytes";
    if (holds_nul(&job->function))
        return "the function name holds a NUL byte";
    if (job->unique.length > PACKET_UNIQUE_MAX)
        return "the unique is longer than 63 bytes";
    if (holds_nul(&job->unique))
        return "the unique holds a NUL byte";
    if (job->workload.length > UINT32_MAX - PACKET_HEAD_MAX)
        return "the workload does not fit a packet (4 GiB)";
    return NULL;
}

static uint32_t job_length(const struct job *job)
{
    return (uint32_t)(job->function.length + 1 + job->unique.length + 1 + job->workload.length);
}

size_t packet_job_size(const struct job *job)
{
    return PACKET_HEADER + (size_t)job_length(job);
}

static void put_u32(char *to, uint32_t value)
{
    to[0] = (char)(value >> 24);
    to[1] = (char)(value >> 16);
    to[2] = (char)(value >> 8);
    to[3] = (char)value;
}

void packet_header(char *to, enum packet_type type, uint32_t length)
{
    memcpy(to, "\0REQ", 4);
    put_u32(to + 4, (uint32_t)type);
    put_u32(to + 8, length);
}

uint32_t packet_length(const char *at)
{
    const unsigned char *u = (const unsigned char *)at + 8;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | (uint32_t)u[3];
}

static char *put_argument(char *to, const struct bytes *argument)
{
    if (argument->length > 0)
        memcpy(to, argument->data, argument->length);
    to[argument->length] = '\0';
    return to + argument->length + 1;
}

size_t packet_job_head(const struct job *job, char *to)
{
    packet_header(to, job->type, job_length(job));
    char *end = put_argument(to + PACKET_HEADER, &job->function);
    end = put_argument(end, &job->unique);
    return (size_t)(end - to);
}

int packet_argument(const struct packet *packet, unsigned index, struct bytes *argument)
{
    const struct packet_kind *kind = packet_find((uint32_t)packet->type);
    if (kind == NULL || index >= kind->arguments)
        return -1;
    const char *at = packet->data;
    const char *end = packet->data + packet->length;
    for (unsigned i = 0;; i++) {
        const char *nul = i + 1 < kind->arguments && at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        if (i == index) {
            if (nul == NULL && i + 1 < kind->arguments)
                return -1;
            argument->data = at;
            argument->length = (size_t)((nul != NULL ? nul : end) - at);
            return 0;
        }
        if (nul == NULL)
            return -1;
        at = nul + 1;
    }
}

void packet_error_text(const struct packet *packet, char *to, size_t size)
{
    struct bytes code = {"", 0}, text = {"", 0};
    packet_argument(packet, 0, &code);
    packet_argument(packet, 1, &text);
    int code_length = (int)(code.length < 60 ? code.length : 60);
    int text_length = (int)(text.length < 200 ? text.length : 200);
    snprintf(to, size, "%.*s: %.*s", code_length, code.data, text_length, text.data);
}
