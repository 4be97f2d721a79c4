/* Breaker, kept connections, and names. */
#include "stage.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static void a_refused_connection_opens_the_breaker_and_calls_cost_nothing(void **state)
{
    UNUSED(state);
    struct library library;
    int port = fake_unused_port();
    stage_open(&library, &port, 1);
    library.settings.retry_after_ms = 60000;
    assert_false(stage_background(&library, "f"));
    assert_int_equal(stage_state(&library, 0), SERVER_DOWN);
    int64_t start = timing_now();
    for (int i = 0; i < 10000; i++)
        assert_false(stage_background(&library, "f"));
    assert_true(timing_now() - start < 5000 * NS_PER_MS); /* 10,000 deadlines would be an hour */
    assert_int_equal(counters_read(library.counters.failed), 10001);
    library_close(&library);
}

static void a_server_that_comes_back_is_used_again(void **state)
{
    UNUSED(state);
    struct library library;
    int port = fake_unused_port();
    stage_open(&library, &port, 1);
    assert_false(stage_background(&library, "f"));
    struct fake *fake = fake_start(FAKE_GOOD, port);
    assert_true(stage_recovers(&library));
    assert_int_equal(stage_state(&library, 0), SERVER_UP);
    assert_true(fake->echoes >= 1);
    library_close(&library);
    fake_stop(fake);
}

static void while_a_frozen_server_is_probed_calls_return_at_once(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_SILENT, 0);
    stage_open(&library, &fake->port, 1);
    assert_false(stage_background(&library, "f")); /* pays the deadline */
    library.settings.ack_timeout_ms = 2000;
    wait_ms(80);
    int64_t start = timing_now();
    for (int i = 0; i < 200; i++)
        assert_false(stage_background(&library, "f"));
    assert_true(timing_now() - start < 1500 * NS_PER_MS); /* 200 deadlines would be minutes */
    library_close(&library);
    fake_stop(fake);
}

static void idle_connections_are_bounded(void **state)
{
    UNUSED(state);
    struct library library;
    char why[128];
    struct connection *taken[SERVER_IDLE_MAX + 5];
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    struct server *server = library.fallback.list.servers[0];
    for (int i = 0; i < SERVER_IDLE_MAX + 5; i++) {
        taken[i] = server_acquire(server, SERVER_CHECKED, timing_after_ms(5000), why);
        assert_non_null(taken[i]);
    }
    for (int i = 0; i < SERVER_IDLE_MAX + 5; i++)
        server_release(server, taken[i]);
    assert_int_equal(server->idle_count, SERVER_IDLE_MAX);
    server_forget_idle(server);
    assert_int_equal(server->idle_count, 0);
    library_close(&library);
    fake_stop(fake);
}

/* A resolver that can be slow or fail. */
static atomic_int lookups, lookup_ms, lookup_fails;

static int slow_lookup(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
    UNUSED(host);
    atomic_fetch_add(&lookups, 1);
    wait_ms(lookup_ms);
    return lookup_fails ? EAI_NONAME : getaddrinfo("127.0.0.1", port, hints, found);
}

static void open_named(struct library *library, int port, int ms, bool fails)
{
    char text[60];
    struct bytes none = {"", 0};
    stage_open(library, &port, 1);
    lookups = 0;
    lookup_ms = ms;
    lookup_fails = fails;
    server_getaddrinfo = slow_lookup;
    struct bytes list = {text, (size_t)snprintf(text, sizeof text, "jobs.example:%d", port)};
    assert_null(route_set(library, &none, &list));
}

static void a_name_is_looked_up_once(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    open_named(&library, fake->port, 0, false);
    for (int i = 0; i < 50; i++) {
        assert_true(stage_background(&library, "f"));
        server_forget_idle(library.fallback.list.servers[0]);
    }
    assert_int_equal(lookups, 1);
    library_close(&library);
    fake_stop(fake);
}

static void a_slow_resolver_holds_nobody_past_the_connect_deadline(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    open_named(&library, fake->port, 3000, false);
    int64_t start = timing_now();
    assert_false(stage_background(&library, "f"));
    assert_true(timing_now() - start < 2500 * NS_PER_MS);
    for (int i = 0; i < 100; i++)
        assert_false(stage_background(&library, "f"));
    assert_true(timing_now() - start < 2500 * NS_PER_MS);
    assert_true(stage_recovers(&library)); /* once the answer has come after all */
    assert_int_equal(lookups, 1);
    library_close(&library);
    fake_stop(fake);
}

static void a_name_that_does_not_resolve_is_not_asked_for_again_at_once(void **state)
{
    UNUSED(state);
    struct library library;
    open_named(&library, fake_unused_port(), 0, true);
    for (int i = 0; i < 50; i++) {
        assert_false(stage_background(&library, "f"));
        wait_ms(5);
    }
    assert_int_equal(lookups, 1);
    library_close(&library);
}

static bool looked_up_twice(void *context)
{
    UNUSED(context);
    return lookups == 2;
}

static void an_old_address_is_used_while_it_is_looked_up_anew(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    open_named(&library, fake->port, 0, false);
    struct server *server = library.fallback.list.servers[0];
    assert_true(stage_background(&library, "f"));
    lookup_fails = true; /* and goes on being used when the look-up fails */
    lookup_ms = 300;
    for (int i = 0; i < 3; i++) {
        server_forget_idle(server);
        pthread_mutex_lock(&server->lock);
        if (i == 0)
            server->resolved_at -= SERVER_RESOLVE_NS;
        pthread_mutex_unlock(&server->lock);
        assert_true(stage_background(&library, "f"));
    }
    assert_true(wait_for(looked_up_twice, NULL));
    server_forget_idle(server);
    assert_true(stage_background(&library, "f"));
    library_close(&library);
    fake_stop(fake);
}

static void a_slow_resolver_keeps_no_server_away_that_is_back(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    open_named(&library, fake->port, 0, false);
    struct server *server = library.fallback.list.servers[0];
    assert_true(stage_background(&library, "f"));
    pthread_mutex_lock(&server->lock);
    server->resolved_at -= SERVER_RESOLVE_NS;
    pthread_mutex_unlock(&server->lock);
    lookup_ms = 8000;
    server_failed(server, "a test says so");
    int64_t start = timing_now();
    assert_true(stage_recovers(&library));
    assert_true(timing_now() - start < 6000 * NS_PER_MS);
    library_close(&library);
    fake_stop(fake);
}

static void idle_connections_are_watched(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    int on = 0, idle = 0;
    stage_open(&library, &fake->port, 1);
    assert_true(stage_background(&library, "f"));
    int fd = library.fallback.list.servers[0]->idle->fd;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &(socklen_t){sizeof on}), 0);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &(socklen_t){sizeof idle}), 0);
    assert_true(on && idle <= 60);
    library_close(&library);
    fake_stop(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_connection_opens_the_breaker_and_calls_cost_nothing),
        cmocka_unit_test(a_server_that_comes_back_is_used_again),
        cmocka_unit_test(while_a_frozen_server_is_probed_calls_return_at_once),
        cmocka_unit_test(idle_connections_are_bounded),
        cmocka_unit_test(a_name_is_looked_up_once),
        cmocka_unit_test(a_slow_resolver_holds_nobody_past_the_connect_deadline),
        cmocka_unit_test(a_name_that_does_not_resolve_is_not_asked_for_again_at_once),
        cmocka_unit_test(an_old_address_is_used_while_it_is_looked_up_anew),
        cmocka_unit_test(a_slow_resolver_keeps_no_server_away_that_is_back),
        cmocka_unit_test(idle_connections_are_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
