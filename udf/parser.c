#include "parser.h"

#include <string.h>

enum { READ_SIZE = 4096, KEEP_CAPACITY = 65536 };

void parser_init(struct parser *parser, size_t result_limit)
{
    buffer_init(&parser->input);
    parser->start = 0;
    parser->result_limit = result_limit;
    parser->error = NULL;
}

int parser_room(struct parser *parser, char **where, size_t *room)
{
    struct buffer *input = &parser->input;
    if (parser->start > 0) {
        buffer_drop(input, parser->start);
        parser->start = 0;
    }
    /* A large packet doubles the buffer as it comes in, so the copies stay few and the claim alone costs nothing. */
    if (input->capacity - input->length < READ_SIZE && buffer_reserve(input, READ_SIZE) != 0) {
        parser->error = "out of memory for a reply";
        return -1;
    }
    *where = input->data + input->length;
    *room = input->capacity - input->length;
    return 0;
}

void parser_filled(struct parser *parser, size_t count)
{
    parser->input.length += count;
}

int parser_feed(struct parser *parser, const char *bytes, size_t length)
{
    while (length > 0) {
        char *where;
        size_t room;
        if (parser_room(parser, &where, &room) != 0)
            return -1;
        size_t count = room < length ? room : length;
        memcpy(where, bytes, count);
        parser_filled(parser, count);
        bytes += count;
        length -= count;
    }
    return 0;
}

static const char *header_fault(const struct parser *parser, const char *at, size_t available)
{
    if (memcmp(at, "\0RES", available < 4 ? available : 4) != 0)
        return "the peer does not speak Gearman: wrong magic in its reply";
    if (available < PACKET_HEADER)
        return NULL;
    const unsigned char *u = (const unsigned char *)at + 4;
    uint32_t type = (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | (uint32_t)u[3];
    const struct packet_kind *kind = packet_find(type);
    if (kind == NULL || !kind->reply)
        return "the job server sent a packet that no client expects";
    size_t limit = kind->limit != 0 ? kind->limit : parser->result_limit;
    if (packet_length(at) > limit)
        return "the job server announced a packet larger than its type may be";
    return NULL;
}

int parser_next(struct parser *parser, struct packet *packet)
{
    if (parser->error != NULL)
        return -1;
    const char *at = parser->input.data + parser->start;
    size_t available = parser->input.length - parser->start;
    if (available == 0)
        return 0;
    parser->error = header_fault(parser, at, available);
    if (parser->error != NULL)
        return -1;
    if (available < PACKET_HEADER)
        return 0;
    size_t length = packet_length(at);
    if (available - PACKET_HEADER < length)
        return 0;
    const unsigned char *type = (const unsigned char *)at + 4;
    packet->type = (enum packet_type)type[3]; /* header_fault knows the type, and all known ones are below 256 */
    packet->data = at + PACKET_HEADER;
    packet->length = length;
    parser->start += PACKET_HEADER + length;
    return 1;
}

bool parser_clean(const struct parser *parser)
{
    return parser->error == NULL && parser->start == parser->input.length;
}

void parser_trim(struct parser *parser)
{
    if (parser->input.capacity > KEEP_CAPACITY) {
        buffer_free(&parser->input);
        parser->start = 0;
    }
}

void parser_free(struct parser *parser)
{
    buffer_free(&parser->input);
}
