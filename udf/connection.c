#include "connection.h"

#include "memory.h"
#include "timing.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One receive may block in the kernel for so long, if the deadline is further: that saves a poll for each answer. */
enum { BLOCK_MS = 50 };

int connection_fail(struct connection *connection, enum connection_error error, const char *text)
{
    if (connection->error == CONNECTION_GOOD) {
        connection->error = error;
        snprintf(connection->text, sizeof connection->text, "%s", text);
    }
    return -1;
}

static int fail_errno(struct connection *connection, enum connection_error error, const char *what, int number)
{
    char reason[64], text[128];
    /* The GNU form, which may return a text of its own instead of filling the buffer. */
    snprintf(text, sizeof text, "%s: %s", what, strerror_r(number, reason, sizeof reason));
    return connection_fail(connection, error, text);
}

int connection_wait(struct connection *connection, bool for_write, int64_t deadline)
{
    struct pollfd poller = {.fd = connection->fd, .events = (short)(for_write ? POLLIN | POLLOUT : POLLIN)};
    if (connection->error != CONNECTION_GOOD)
        return -1;
    for (;;) {
        /* The clock decides even if bytes are there: a peer that dribbles must not hold us past the deadline. */
        int left = timing_ms_left(deadline);
        if (left == 0)
            return connection_fail(connection, CONNECTION_TIMEOUT, "the job server did not answer in time");
        int ready = poll(&poller, 1, left);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return fail_errno(connection, CONNECTION_CLOSED, "waiting for the job server", errno);
    }
}

/* For a connect in progress and for a request larger than the socket's buffer: only POLLOUT counts. */
static int wait_writable(struct connection *connection, int64_t deadline)
{
    struct pollfd poller = {.fd = connection->fd, .events = POLLOUT};
    for (;;) {
        int left = timing_ms_left(deadline);
        if (left == 0)
            return -1;
        int ready = poll(&poller, 1, left);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return fail_errno(connection, CONNECTION_CLOSED, "waiting for the job server", errno);
    }
}

/* From here on only connection_packet ever blocks, and no longer than BLOCK_MS. If that cannot be had the socket stays
 * as it is, and the wait falls to poll. */
static void let_block(int fd)
{
    struct timeval limit = {.tv_usec = BLOCK_MS * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0)
        fcntl(fd, F_SETFL, 0);
}

/* A connection that lies idle must learn that its peer's machine is gone, or that a firewall has forgotten it; else the
 * next writer learns it, by waiting out its deadline. */
static void keep_alive(int fd)
{
    static const int ON = 1, IDLE_S = 30, INTERVAL_S = 10, PROBES = 3;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &ON, sizeof ON);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &IDLE_S, sizeof IDLE_S);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &INTERVAL_S, sizeof INTERVAL_S);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &PROBES, sizeof PROBES);
}

static int dial(struct connection *connection, const struct sockaddr *address, socklen_t length, int64_t deadline)
{
    int on = 1;
    connection->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        return fail_errno(connection, CONNECTION_UNREACHABLE, "no socket", errno);
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(connection->fd, address, length) == 0)
        return 0;
    if (errno != EINPROGRESS && errno != EINTR)
        return fail_errno(connection, CONNECTION_UNREACHABLE, "cannot connect", errno);
    if (wait_writable(connection, deadline) != 0)
        return connection_fail(connection, CONNECTION_UNREACHABLE, "no connection within the deadline");
    int failure = 0;
    socklen_t size = sizeof failure;
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
        failure = errno;
    if (failure != 0)
        return fail_errno(connection, CONNECTION_UNREACHABLE, "cannot connect", failure);
    return 0;
}

struct connection *connection_open(const struct sockaddr *address, socklen_t length, size_t result_limit,
                                   int64_t deadline)
{
    struct connection *connection = memory_zeroed(sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->fd = -1;
    parser_init(&connection->parser, result_limit);
    if (dial(connection, address, length, deadline) == 0) {
        let_block(connection->fd);
        keep_alive(connection->fd);
    }
    return connection;
}

ssize_t connection_send_some(struct connection *connection, struct iovec *vectors, int count)
{
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)count};
    if (connection->error != CONNECTION_GOOD)
        return -1;
    for (;;) {
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0)
            return sent;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        if (errno != EINTR)
            return fail_errno(connection, CONNECTION_CLOSED, "sending to the job server", errno);
    }
}

int connection_send(struct connection *connection, struct iovec *vectors, int count, int64_t deadline)
{
    for (;;) {
        while (count > 0 && vectors->iov_len == 0) {
            vectors++;
            count--;
        }
        if (count == 0)
            return 0;
        ssize_t sent = connection_send_some(connection, vectors, count);
        if (sent < 0)
            return -1;
        if (sent == 0 && wait_writable(connection, deadline) != 0)
            return connection_fail(connection, CONNECTION_TIMEOUT, "the job server did not take the request in time");
        for (size_t left = (size_t)sent; left > 0;) {
            size_t step = left < vectors->iov_len ? left : vectors->iov_len;
            vectors->iov_base = (char *)vectors->iov_base + step;
            vectors->iov_len -= step;
            left -= step;
            if (vectors->iov_len == 0 && count > 0) {
                vectors++;
                count--;
            }
        }
    }
}

static ssize_t receive(struct connection *connection, int flags)
{
    char *where;
    size_t room;
    if (connection->error != CONNECTION_GOOD)
        return -1;
    if (parser_room(&connection->parser, &where, &room) != 0)
        return connection_fail(connection, CONNECTION_NO_MEMORY, connection->parser.error);
    ssize_t received = recv(connection->fd, where, room, flags);
    if (received > 0) {
        connection->replied = true;
        parser_filled(&connection->parser, (size_t)received);
        return received;
    }
    if (received == 0)
        return connection_fail(connection, CONNECTION_CLOSED, "the job server closed the connection");
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) /* all who receive come back, by way of the clock */
        return 0;
    return fail_errno(connection, CONNECTION_CLOSED, "receiving from the job server", errno);
}

ssize_t connection_receive_some(struct connection *connection)
{
    return receive(connection, MSG_DONTWAIT);
}

int connection_pending(struct connection *connection, struct packet *packet)
{
    if (connection->error != CONNECTION_GOOD)
        return -1;
    int found = parser_next(&connection->parser, packet);
    if (found < 0)
        return connection_fail(connection, CONNECTION_GARBAGE, connection->parser.error);
    return found;
}

int connection_packet(struct connection *connection, struct packet *packet, int64_t deadline)
{
    for (bool first = true;; first = false) {
        int found = connection_pending(connection, packet);
        if (found != 0)
            return found > 0 ? 0 : -1;
        bool far = first && deadline - timing_now() > BLOCK_MS * NS_PER_MS;
        if (!far && connection_wait(connection, false, deadline) != 0)
            return -1;
        if (receive(connection, far ? 0 : MSG_DONTWAIT) < 0)
            return -1;
    }
}

int connection_echo(struct connection *connection, int64_t deadline)
{
    char request[PACKET_HEADER];
    struct iovec vector = {request, sizeof request};
    struct packet packet;
    packet_header(request, PACKET_ECHO_REQ, 0);
    if (connection_send(connection, &vector, 1, deadline) != 0 ||
        connection_packet(connection, &packet, deadline) != 0)
        return -1;
    if (packet.type != PACKET_ECHO_RES || packet.length != 0)
        return connection_fail(connection, CONNECTION_GARBAGE, "the job server answered ECHO_REQ with something else");
    return 0;
}

bool connection_alive(struct connection *connection)
{
    char byte;
    if (connection->error != CONNECTION_GOOD)
        return false;
    /* Nothing has been asked, so a byte that waits is as bad as an end of file. */
    ssize_t got = recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

void connection_free(struct connection *connection)
{
    if (connection == NULL)
        return;
    if (connection->fd >= 0)
        close(connection->fd);
    parser_free(&connection->parser);
    memory_free(connection);
}
