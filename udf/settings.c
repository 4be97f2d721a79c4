#include "settings.h"

#include "buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_MAX_BYTES = 1024 * 1024,
    LINE_MAX_BYTES = 4096,
    KEPT_BYTES = 100,  /* of a line, for messages */
    FAULTS_SHOWN = 20, /* lines complained about; a file that is none must not flood the server's log */
};

static const struct number {
    const char *name;
    size_t offset;
    int64_t least, most;
} NUMBERS[] = {
    {"connect_timeout_ms", offsetof(struct settings, connect_timeout_ms), 1, 60000},
    {"ack_timeout_ms", offsetof(struct settings, ack_timeout_ms), 1, 600000},
    {"result_timeout_ms", offsetof(struct settings, result_timeout_ms), 1, 86400000},
    {"retry_after_ms", offsetof(struct settings, retry_after_ms), 1, 3600000},
    {"queue_bytes", offsetof(struct settings, queue_bytes), 65536, INT64_C(1) << 40},
    {"result_bytes", offsetof(struct settings, result_bytes), 1024, INT64_C(1) << 30},
};

void settings_defaults(struct settings *settings)
{
    *settings = (struct settings){
        .connect_timeout_ms = 200,
        .ack_timeout_ms = 1000,
        .result_timeout_ms = 60000,
        .retry_after_ms = 1000,
        .queue_bytes = INT64_C(16) << 20,
        .result_bytes = INT64_C(64) << 20,
        .locked = false,
    };
}

static const char *set_number(struct settings *settings, const struct number *number, const char *value)
{
    char *end;
    errno = 0;
    long long parsed = strtoll(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0)
        return "the value is not a whole number";
    if (parsed < number->least || parsed > number->most)
        return "the value is out of range";
    memcpy((char *)settings + number->offset, &(int64_t){parsed}, sizeof(int64_t));
    return NULL;
}

static const char *set_locked(struct settings *settings, const char *value)
{
    if (strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
        settings->locked = true;
    else if (strcmp(value, "no") == 0 || strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
        settings->locked = false;
    else {
        settings->locked = true; /* somebody wanted a lock */
        return "the value is neither yes nor no; yes is assumed";
    }
    return NULL;
}

static const char *apply(struct settings *settings, const struct settings_reader *reader, const char *name,
                         const char *value)
{
    if (strcmp(name, "servers") == 0)
        return reader->servers(reader->context, NULL, value);
    if (strncmp(name, "servers.", 8) == 0)
        return reader->servers(reader->context, name + 8, value);
    if (strcmp(name, "locked") == 0)
        return set_locked(settings, value);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        if (strcmp(name, NUMBERS[i].name) == 0)
            return set_number(settings, &NUMBERS[i], value);
    return "there is no setting of that name";
}

static char *trim(char *text)
{
    static const char BLANK[] = " \t\r\n\v\f";
    text += strspn(text, BLANK);
    size_t length = strlen(text);
    while (length > 0 && strchr(BLANK, text[length - 1]) != NULL)
        text[--length] = '\0';
    return text;
}

/* Returns NULL, or why the line is ignored. Cuts the line at '=' for the caller's message. */
static const char *take_line(struct settings *settings, const struct settings_reader *reader, char *line)
{
    char *text = trim(line);
    if (*text == '\0' || *text == '#')
        return NULL;
    char *equals = strchr(text, '=');
    if (equals == NULL)
        return "it is not of the form name = value";
    *equals = '\0';
    char *name = trim(text);
    char *comment = strchr(equals + 1, '#');
    if (comment != NULL)
        *comment = '\0';
    return apply(settings, reader, name, trim(equals + 1));
}

static void complain(const struct settings_reader *reader, const char *path, unsigned number, const char *line,
                     const char *fault)
{
    char text[512];
    char shown[81];
    size_t length = 0;
    for (line += strspn(line, " \t"); *line != '\0' && *line != '\n' && length + 1 < sizeof shown; line++)
        shown[length++] = *line >= ' ' && *line <= '~' ? *line : '?';
    shown[length] = '\0';
    snprintf(text, sizeof text, "%.200s line %u is ignored (%s): %s", path, number, shown, fault);
    reader->complain(reader->context, text);
}

/* Appends the whole file to text. Returns 0, or -1 with errno set. */
static int slurp(const char *path, struct buffer *text)
{
    /* Whatever the path names, be it a pipe: this never waits. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    int failure = 0;
    for (;;) {
        ssize_t got = -1;
        if (text->length > FILE_MAX_BYTES)
            failure = EFBIG;
        else if (buffer_reserve(text, LINE_MAX_BYTES) != 0)
            failure = ENOMEM;
        else if ((got = read(fd, text->data + text->length, LINE_MAX_BYTES)) < 0)
            failure = errno;
        if (got > 0)
            text->length += (size_t)got;
        else if (failure != EINTR)
            break;
        failure = 0;
    }
    close(fd);
    errno = failure;
    return failure != 0 ? -1 : 0;
}

/* Returns NULL, or why the line is ignored. `kept` takes its beginning for the message. */
static const char *read_line(struct settings *settings, const struct settings_reader *reader, const char *at,
                             size_t length, char kept[KEPT_BYTES])
{
    char line[LINE_MAX_BYTES];
    snprintf(kept, KEPT_BYTES, "%.*s", (int)(length < KEPT_BYTES ? length : KEPT_BYTES), at);
    if (length >= sizeof line)
        return "the line is too long";
    if (memchr(at, '\0', length) != NULL)
        return "the line holds a NUL byte";
    memcpy(line, at, length);
    line[length] = '\0';
    return take_line(settings, reader, line);
}

int settings_read(struct settings *settings, const char *path, const struct settings_reader *reader)
{
    struct buffer text;
    char kept[KEPT_BYTES];
    unsigned number = 0, faults = 0;
    buffer_init(&text);
    if (slurp(path, &text) != 0) {
        int failure = errno;
        buffer_free(&text);
        errno = failure;
        return -1;
    }
    const char *at = text.data, *end = text.data + text.length;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        const char *fault = read_line(settings, reader, at, (size_t)(stop - at), kept);
        number++;
        if (fault != NULL && faults++ < FAULTS_SHOWN)
            complain(reader, path, number, kept, fault);
        at = newline != NULL ? newline + 1 : end;
    }
    if (faults > FAULTS_SHOWN) {
        snprintf(kept, sizeof kept, "%u more such lines are not shown", faults - FAULTS_SHOWN);
        complain(reader, path, number, "the last one", kept);
    }
    buffer_free(&text);
    return 0;
}
