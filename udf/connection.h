/* One TCP connection to a job server: a socket, a parser, and deadlines on every wait.
 *
 * After a failure `error` and `text` say what happened and every further operation fails at once. Not thread-safe:
 * one owner at a time. No operation raises a signal. */
#ifndef GMAN_CONNECTION_H
#define GMAN_CONNECTION_H

#include "parser.h"

#include <sys/socket.h>
#include <sys/uio.h>

enum connection_error {
    CONNECTION_GOOD,
    CONNECTION_UNREACHABLE, /* no connection came about */
    CONNECTION_TIMEOUT,     /* the deadline passed */
    CONNECTION_CLOSED,      /* the peer closed or reset */
    CONNECTION_GARBAGE,     /* the peer sent what is no Gearman */
    CONNECTION_NO_MEMORY,
};

struct connection {
    int fd;
    enum connection_error error;
    char text[128];
    struct parser parser;
    bool kept;    /* has served an exchange before this one */
    bool replied; /* a byte has come in during this exchange */
    bool spent;   /* more may come that nobody will ask for: not to be kept */
    struct connection *next; /* for whoever keeps connections in a list */
};

/* Connects. Returns the connection, whose `error` must be looked at, or NULL without memory. Free with
 * connection_free. */
struct connection *connection_open(const struct sockaddr *address, socklen_t length, size_t result_limit,
                                   int64_t deadline);

/* Sends everything of the vectors (changed on the way). Returns 0, or -1. */
int connection_send(struct connection *connection, struct iovec *vectors, int count, int64_t deadline);

/* Sends what the socket takes now. Returns the bytes sent (0 if it takes none), or -1. */
ssize_t connection_send_some(struct connection *connection, struct iovec *vectors, int count);

/* Takes in what has arrived. Returns the bytes taken (0 if none), or -1. */
ssize_t connection_receive_some(struct connection *connection);

/* Waits until bytes come in, or, if for_write, until the socket takes some. Returns 0, or -1 past the deadline. */
int connection_wait(struct connection *connection, bool for_write, int64_t deadline);

/* The next packet that is complete already: 1, 0 if there is none, -1 on garbage. */
int connection_pending(struct connection *connection, struct packet *packet);

/* Waits for the next packet. Returns 0, or -1. The packet is valid until the next receive. */
int connection_packet(struct connection *connection, struct packet *packet, int64_t deadline);

/* Sends ECHO_REQ and waits for its answer: does a job server live there? Returns 0, or -1. */
int connection_echo(struct connection *connection, int64_t deadline);

/* Is a connection that lies idle still good? Looks without waiting and without taking a byte. */
bool connection_alive(struct connection *connection);

/* Records a failure, unless one is recorded, and returns -1. */
int connection_fail(struct connection *connection, enum connection_error error, const char *text);

/* Closes and frees; NULL is legal. */
void connection_free(struct connection *connection);

#endif
