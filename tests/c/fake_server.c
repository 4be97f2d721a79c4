#include "fake_server.h"

#include "wait.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    struct fake *fake;
    int fd;
    unsigned answered; /* jobs of this connection */
};

static bool read_all(int fd, char *to, size_t length)
{
    while (length > 0) {
        ssize_t got = recv(fd, to, length, 0);
        if (got <= 0)
            return false;
        to += got;
        length -= (size_t)got;
    }
    return true;
}

static void send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void header(char *to, unsigned type, uint32_t length)
{
    uint32_t words[2] = {htonl(type), htonl(length)};
    memcpy(to, "\0RES", 4);
    memcpy(to + 4, words, 8);
}

static void answer(int fd, unsigned type, const char *data, size_t length)
{
    char *packet = malloc(12 + length);
    header(packet, type, (uint32_t)length);
    if (length > 0)
        memcpy(packet + 12, data, length);
    send_all(fd, packet, 12 + length);
    free(packet);
}

static void work(int fd, unsigned type, const char *handle, const char *data, size_t length)
{
    size_t head = strlen(handle);
    char *body = malloc(head + 1 + length);
    memcpy(body, handle, head + 1);
    if (length > 0)
        memcpy(body + head + 1, data, length);
    answer(fd, type, body, head + 1 + length);
    free(body);
}

/* What a worker would do: `fail` fails, `throw` too, in two packets, `never` gives nothing, `pieces` sends the workload
 * in three, all others give the workload back. */
static void run_job(int fd, const char *handle, const char *function, const char *workload, size_t length)
{
    if (strcmp(function, "never") == 0)
        return;
    if (strcmp(function, "fail") == 0) {
        answer(fd, 14, handle, strlen(handle));
        return;
    }
    if (strcmp(function, "throw") == 0) {
        work(fd, 25, handle, "reason", 6);
        wait_ms(30);
        answer(fd, 14, handle, strlen(handle));
        return;
    }
    work(fd, 12, handle, "1\0002", 3);
    work(fd, 29, handle, "careful", 7);
    size_t third = strcmp(function, "pieces") == 0 ? length / 3 : 0;
    if (strcmp(function, "pieces") == 0) {
        work(fd, 28, handle, workload, third);
        work(fd, 28, handle, workload + third, third);
    }
    work(fd, 13, handle, workload + 2 * third, length - 2 * third);
}

static void note(struct fake *fake, const char *function, const char *unique, const char *workload, size_t length)
{
    char line[600];
    int size = snprintf(line, sizeof line, "%.200s %.64s %.*s;", function, unique, (int)(length < 200 ? length : 200),
                        workload);
    pthread_mutex_lock(&fake->lock);
    if (fake->log_length + (size_t)size < sizeof fake->log) {
        memcpy(fake->log + fake->log_length, line, (size_t)size + 1);
        fake->log_length += (size_t)size;
    }
    pthread_mutex_unlock(&fake->lock);
}

static bool misbehave(struct client *client, enum fake_behaviour behaviour)
{
    char packet[12 + 600];
    int fd = client->fd;
    switch (behaviour) {
    case FAKE_CLOSES:
        return false;
    case FAKE_HALF_PACKET:
    case FAKE_HALF_SILENT:
        header(packet, 8, 6);
        send_all(fd, packet, 12 + 2);
        return behaviour == FAKE_HALF_SILENT;
    case FAKE_GARBAGE:
        send_all(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
        return true;
    case FAKE_ABSURD_LENGTH:
        header(packet, 8, 0xFFFFFFFFu);
        send_all(fd, packet, 12);
        return true;
    case FAKE_WRONG_TYPE:
        work(fd, 13, "H:x:1", "done", 4);
        return true;
    case FAKE_UNKNOWN_TYPE:
        answer(fd, 4242, "x", 1);
        return true;
    case FAKE_DRIBBLES:
        header(packet, 8, 200);
        memset(packet + 12, 'h', 200);
        for (int i = 0; i < 212 && !client->fake->stop; i++) {
            send_all(fd, packet + i, 1);
            wait_ms(20);
        }
        return true;
    case FAKE_HUGE_CLAIM:
        answer(fd, 8, "H:x:1", 5);
        header(packet, 13, 60000000u);
        send_all(fd, packet, 12);
        send_all(fd, "H:x:1\0half", 10);
        return true;
    case FAKE_EMPTY_HANDLE:
        answer(fd, 8, "", 0);
        return true;
    case FAKE_OTHER_HANDLE:
        answer(fd, 8, "H:x:1", 5);
        work(fd, 13, "H:x:2", "done", 4);
        return true;
    case FAKE_FLOODS:
        answer(fd, 8, "H:x:1", 5);
        for (int i = 0; i < 100000 && !client->fake->stop; i++)
            work(fd, 12, "H:x:1", "1\0002", 3);
        return true;
    case FAKE_REFUSES_JOBS:
        answer(fd, 19, "QUEUE_ERROR\0full", 16);
        return true;
    default:
        return true;
    }
}

static bool serve_job(struct client *client, unsigned type, const char *function, uint32_t length)
{
    struct fake *fake = client->fake;
    enum fake_behaviour behaviour = fake->behaviour;
    char handle[32];
    if (behaviour == FAKE_DIES_AFTER_TWO && client->answered == 2)
        return false;
    if (behaviour != FAKE_GOOD && behaviour != FAKE_DIES_AFTER_TWO)
        return misbehave(client, behaviour);
    const char *unique = function + strlen(function) + 1;
    const char *workload = unique + strlen(unique) + 1;
    size_t size = length - (size_t)(workload - function);
    note(fake, function, unique, workload, size);
    snprintf(handle, sizeof handle, "H:fake:%u", atomic_fetch_add(&fake->jobs, 1) + 1);
    client->answered++;
    answer(client->fd, 8, handle, strlen(handle));
    if (strcmp(function, "babble") == 0) { /* says more than it was asked, somewhat later */
        wait_ms(30);
        answer(client->fd, 14, handle, strlen(handle));
    }
    if (type == 7 || type == 21 || type == 33)
        run_job(client->fd, handle, function, workload, size);
    return true;
}

static void *serve(void *argument)
{
    struct client *client = argument;
    char head[12];
    uint32_t words[2];
    bool go_on = true;
    while (go_on && read_all(client->fd, head, sizeof head)) {
        memcpy(words, head + 4, 8);
        uint32_t length = ntohl(words[1]);
        char *body = calloc(1, (size_t)length + 1);
        if (!read_all(client->fd, body, length)) {
            free(body);
            break;
        }
        enum fake_behaviour behaviour = client->fake->behaviour;
        if (behaviour == FAKE_SILENT) {
            go_on = true;
        } else if (ntohl(words[0]) == 16) {
            atomic_fetch_add(&client->fake->echoes, 1);
            answer(client->fd, 17, body, length);
        } else {
            go_on = serve_job(client, ntohl(words[0]), body, length);
        }
        free(body);
    }
    shutdown(client->fd, SHUT_RDWR); /* closed at the end, so that the number is not used again before */
    free(client);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct fake *fake = argument;
    while (!fake->stop) {
        int fd = accept(fake->listener, NULL, NULL);
        if (fd < 0)
            break;
        pthread_mutex_lock(&fake->lock);
        if (fake->count == FAKE_CONNECTIONS || fake->stop) {
            close(fd);
        } else {
            struct client *client = calloc(1, sizeof *client);
            client->fake = fake;
            client->fd = fd;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
            fake->fds[fake->count] = fd;
            atomic_fetch_add(&fake->connections, 1);
            pthread_create(&fake->threads[fake->count++], NULL, serve, client);
        }
        pthread_mutex_unlock(&fake->lock);
    }
    return NULL;
}

static int listen_on(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_port = htons((uint16_t)*port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    *port = ntohs(address.sin_port);
    return fd;
}

struct fake *fake_start(enum fake_behaviour behaviour, int port)
{
    struct fake *fake = calloc(1, sizeof *fake);
    fake->behaviour = behaviour;
    fake->port = port;
    fake->listener = listen_on(&fake->port);
    pthread_mutex_init(&fake->lock, NULL);
    pthread_create(&fake->acceptor, NULL, accept_all, fake);
    return fake;
}

void fake_drop(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    for (unsigned i = 0; i < fake->count; i++)
        shutdown(fake->fds[i], SHUT_RDWR);
    pthread_mutex_unlock(&fake->lock);
}

void fake_stop(struct fake *fake)
{
    fake->stop = true;
    shutdown(fake->listener, SHUT_RDWR);
    pthread_join(fake->acceptor, NULL);
    close(fake->listener);
    fake_drop(fake);
    for (unsigned i = 0; i < fake->count; i++) {
        pthread_join(fake->threads[i], NULL);
        close(fake->fds[i]);
    }
    pthread_mutex_destroy(&fake->lock);
    free(fake);
}

bool fake_saw(struct fake *fake, const char *text)
{
    pthread_mutex_lock(&fake->lock);
    bool saw = strstr(fake->log, text) != NULL;
    pthread_mutex_unlock(&fake->lock);
    return saw;
}

int fake_unused_port(void)
{
    int port = 0;
    close(listen_on(&port));
    return port;
}
