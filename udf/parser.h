/* Turns received bytes, however they were split, into packets. No I/O; not thread-safe: one owner at a time.
 *
 * No length on the wire is trusted: each type has a bound, and memory grows only with bytes that really arrived. */
#ifndef GMAN_PARSER_H
#define GMAN_PARSER_H

#include "buffer.h"
#include "packet.h"

struct parser {
    struct buffer input;
    size_t start;        /* bytes of input that have been handed out as packets */
    size_t result_limit; /* ceiling for types whose table limit is 0, bytes */
    const char *error;   /* NULL, or what was wrong; a parser with an error gives no more packets */
};

/* Prepares a parser; result_limit is the largest result believed, in bytes. */
void parser_init(struct parser *parser, size_t result_limit);

/* Where to put received bytes: *where has *room bytes, at least one. Returns 0, or -1 without memory. */
int parser_room(struct parser *parser, char **where, size_t *room);

/* Says that `count` bytes were put there. */
void parser_filled(struct parser *parser, size_t count);

/* Copies bytes in: room and filled in one. Returns 0, or -1 without memory. */
int parser_feed(struct parser *parser, const char *bytes, size_t length);

/* The next packet: 1 and *packet (valid until bytes are put in again), 0 if more bytes are needed,
 * -1 if the peer speaks no Gearman or claims too much (parser->error says which). */
int parser_next(struct parser *parser, struct packet *packet);

/* True if no byte is waiting and nothing was wrong: the connection can be kept. */
bool parser_clean(const struct parser *parser);

/* Gives back memory beyond what an ordinary exchange needs. Only for a clean parser. */
void parser_trim(struct parser *parser);

/* Frees the memory. */
void parser_free(struct parser *parser);

#endif
