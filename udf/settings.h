/* Settings and the configuration file that survives a restart of the database server. */
#ifndef GMAN_SETTINGS_H
#define GMAN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_DEFAULT_FILE "/etc/gman_udf.conf"
#define SETTINGS_DEFAULT_SERVERS "127.0.0.1:4730"

struct settings {
    int64_t connect_timeout_ms; /* 200: connecting and resolving, all servers of a list together */
    int64_t ack_timeout_ms;     /* 1,000: from the request to JOB_CREATED */
    int64_t result_timeout_ms;  /* 60,000: from JOB_CREATED to the result of a foreground job */
    int64_t retry_after_ms;     /* 1,000: how long a server that failed is left alone */
    int64_t queue_bytes;        /* 16 MiB: posts waiting for one list of servers */
    int64_t result_bytes;       /* 64 MiB: largest result believed */
    bool locked;                /* gman_servers_set is refused */
};

/* What the file says besides numbers goes through these; `complain` also takes what is wrong with a line. */
struct settings_reader {
    /* A list of servers; function is NULL for the default list. Returns NULL, or a static text: why it is refused. */
    const char *(*servers)(void *context, const char *function, const char *list);
    /* One line, complete: file, line number, what is ignored and why. */
    void (*complain)(void *context, const char *text);
    void *context;
};

/* Fills in the defaults. */
void settings_defaults(struct settings *settings);

/* Reads a file of `name = value` lines, up to 1 MiB, into settings. A bad line is complained about and ignored; of
 * many only the first ones are shown. Never waits, whatever the path names.
 * Returns 0, or -1 if the file cannot be read (errno says why); not complained about. */
int settings_read(struct settings *settings, const char *path, const struct settings_reader *reader);

#endif
