/* The text of a server list: host[:port][,host[:port]...], IPv6 addresses in brackets. No state; thread-safe. */
#ifndef GMAN_ADDRESS_LIST_H
#define GMAN_ADDRESS_LIST_H

#include <stddef.h>

#define ADDRESS_LIST_MAX 32 /* servers in one list */
#define ADDRESS_DEFAULT_PORT 4730
#define ADDRESS_HOST_MAX 255

struct address_entry {
    char host[ADDRESS_HOST_MAX + 1];
    unsigned port;
};

/* Reads the entry that begins at *at, and moves *at behind it and its comma. `end` ends the list.
 * Returns NULL, or a static text: what is wrong. */
const char *address_list_next(const char **at, const char *end, struct address_entry *entry);

/* Looks at a whole list. Returns NULL if it is good, else a static text: what is wrong. */
const char *address_list_fault(const char *list, size_t length);

#endif
