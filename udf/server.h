/* One job server: its address, whether it is up, and the connections kept to it.
 *
 * Servers are never freed while the library lives, so a pointer to one stays good; the lists that name them come and
 * go. All functions are thread-safe. */
#ifndef GMAN_SERVER_H
#define GMAN_SERVER_H

#include "connection.h"
#include "settings.h"

#include <pthread.h>

#define SERVER_HOST_MAX 255
#define SERVER_NAME_MAX (SERVER_HOST_MAX + 9) /* [host]:65535 */
#define SERVER_IDLE_MAX 32                    /* connections kept to one server */
#define SERVER_ADDRESSES_MAX 8
#define SERVER_RESOLVE_NS (INT64_C(60000) * NS_PER_MS) /* a name is looked up at most this often */
#define SERVER_PROBE_WAIT_MS 5 /* what the call that starts a probe waits for its outcome */

enum server_state { SERVER_UNTRIED, SERVER_UP, SERVER_DOWN };

struct server_address {
    socklen_t length;
    struct sockaddr_storage address;
};

struct server {
    char host[SERVER_HOST_MAX + 1];
    unsigned port;
    char name[SERVER_NAME_MAX + 1]; /* as shown to people */
    const struct settings *settings;
    struct server *next; /* in the library's registry */

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    enum server_state state;
    int64_t retry_at; /* while down: not before this */
    char last_error[160];
    bool numeric; /* the host is an address, never looked up */
    struct server_address addresses[SERVER_ADDRESSES_MAX];
    unsigned address_count;
    int64_t resolved_at; /* 0: never */
    bool errand;         /* a thread is looking the name up or probing */
    struct connection *idle;
    unsigned idle_count;
};

/* Creates a server. `settings` must outlive it. Returns NULL without memory. */
struct server *server_create(const char *host, unsigned port, const struct settings *settings);

/* Waits for a running errand, closes everything and frees. Nobody else may use the server any more. */
void server_destroy(struct server *server);

/* What kind of connection a call asks for. */
enum server_want {
    SERVER_ANY,     /* a kept one as it is, which may turn out dead: for who can send again */
    SERVER_CHECKED, /* a kept one that looks alive */
    SERVER_FRESH,   /* a new one */
};

/* A connection that is ready for a request, unless the breaker is open. Returns NULL with the reason in why[128] if there is none; that is already noted in the
 * server. The caller gives it back with server_release, or frees it. */
struct connection *server_acquire(struct server *server, enum server_want want, int64_t deadline, char why[128]);

/* Takes a connection back after a good exchange: kept if it is clean, closed if not. Notes that the server is up. */
void server_release(struct server *server, struct connection *connection);

/* Opens the breaker: the server is left alone for retry_after_ms, and its kept connections are closed. */
void server_failed(struct server *server, const char *why);

/* Closes the kept connections. */
void server_forget_idle(struct server *server);

/* Opens a connection and sees that a job server answers on it, whatever the breaker says; for threads that may wait.
 * Notes the outcome. Returns NULL with the reason in why[128]. The caller owns the connection. */
struct connection *server_probe(struct server *server, char why[128]);

/* ---- between the files of this module ---- */

/* Copies the addresses out, starting a look-up and waiting for it until the deadline if there are none yet.
 * Returns how many; 0 if the name could not be resolved. */
unsigned server_addresses(struct server *server, struct server_address to[SERVER_ADDRESSES_MAX], int64_t deadline);

/* With the lock held, and released while the thread is created: starts the errand thread, unless it runs. Returns 0 if
 * this call has started one. */
int server_start_errand(struct server *server);

/* Connects to one of the addresses. Returns NULL with the reason in why. Does not touch the breaker. */
struct connection *server_dial(struct server *server, int64_t deadline, char why[128]);

/* Looks a host up now, in this thread, and stores the outcome. */
void server_resolve(struct server *server);

/* Parses a numeric host into addresses[0]. Returns whether it is one. */
bool server_numeric(struct server *server);

/* getaddrinfo and freeaddrinfo, unless a test replaces them. */
struct addrinfo;
extern int (*server_getaddrinfo)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
extern void (*server_freeaddrinfo)(struct addrinfo *);

#endif
