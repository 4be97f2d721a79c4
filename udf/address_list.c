#include "address_list.h"

#include <stdbool.h>
#include <string.h>

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *take_port(const char *text, size_t length, unsigned *port)
{
    unsigned value = 0;
    if (length == 0 || length > 5)
        return "a port must be a number from 1 to 65535";
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return "a port must be a number from 1 to 65535";
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value == 0 || value > 65535)
        return "a port must be a number from 1 to 65535";
    *port = value;
    return NULL;
}

static const char *take_host(const char *text, size_t length, struct address_entry *entry)
{
    if (length == 0)
        return "a host name is empty";
    if (length > ADDRESS_HOST_MAX)
        return "a host name is longer than 255 bytes";
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr("[]\"\\", text[i]) != NULL)
            return "a host name holds a character that no host name has";
    memcpy(entry->host, text, length);
    entry->host[length] = '\0';
    return NULL;
}

static const char *take_entry(const char *text, size_t length, struct address_entry *entry)
{
    const char *end = text + length;
    const char *host_end, *colon;
    entry->port = ADDRESS_DEFAULT_PORT;
    if (length > 0 && text[0] == '[') {
        text++;
        host_end = memchr(text, ']', (size_t)(end - text));
        if (host_end == NULL)
            return "a bracket is not closed";
        colon = host_end + 1;
        if (colon != end && *colon != ':')
            return "after a closing bracket only a port may follow";
    } else {
        colon = length > 0 ? memchr(text, ':', length) : NULL;
        if (colon == NULL)
            colon = end;
        else if (memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL)
            return "an IPv6 address must stand in brackets";
        host_end = colon;
    }
    const char *fault = take_host(text, (size_t)(host_end - text), entry);
    if (fault == NULL && colon != end)
        fault = take_port(colon + 1, (size_t)(end - colon - 1), &entry->port);
    return fault;
}

const char *address_list_next(const char **at, const char *end, struct address_entry *entry)
{
    const char *start = *at;
    const char *comma = start < end ? memchr(start, ',', (size_t)(end - start)) : NULL;
    const char *stop = comma != NULL ? comma : end;
    if (comma != NULL && comma + 1 == end)
        return "the list ends in a comma";
    *at = comma != NULL ? comma + 1 : end;
    while (start < stop && blank(*start))
        start++;
    while (stop > start && blank(stop[-1]))
        stop--;
    return take_entry(start, (size_t)(stop - start), entry);
}

const char *address_list_fault(const char *list, size_t length)
{
    struct address_entry entry;
    unsigned count = 0;
    const char *end = list + length;
    if (length == 0)
        return "the list is empty";
    while (list < end) {
        const char *fault = address_list_next(&list, end, &entry);
        if (fault != NULL)
            return fault;
        if (++count > ADDRESS_LIST_MAX)
            return "the list has more than 32 servers";
    }
    return NULL;
}
