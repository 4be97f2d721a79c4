/* Sixteen threads at once over calls, posts, sums, list changes, status and versions. */
#include "json_check.h"
#include "queue.h"
#include "stage.h"
#include "status.h"
#include "version.h"

enum { THREADS = 16, ROUNDS = 100 };

static struct library library;
static struct fake *fake;
static atomic_uint lost;

static void *call(void *argument)
{
    int number = (int)(intptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        struct buffer result;
        struct job job = stage_job(PACKET_SUBMIT_JOB, "pieces", "123");
        if (!stage_background(&library, "f"))
            atomic_fetch_add(&lost, 1);
        if (client_foreground(&library, &job, &result) != 0 || result.length != 3)
            atomic_fetch_add(&lost, 1);
        buffer_free(&result);
        job.type = PACKET_SUBMIT_JOB_BG;
        job.unique = (struct bytes){"u", (size_t)(number % 2)};
        if (queue_post(route_queue(&library, route_find(&library, &job.function)), &job) == QUEUE_DROPPED)
            atomic_fetch_add(&lost, 1);
        version_next();
    }
    return NULL;
}

static void *look_and_change(void *argument)
{
    char text[40];
    struct bytes f = {"other", 5}, list = {text, (size_t)snprintf(text, sizeof text, "127.0.0.1:%d", fake->port)};
    UNUSED(argument);
    for (int i = 0; i < ROUNDS; i++) {
        struct buffer out;
        buffer_init(&out);
        status_write(&library, &out);
        if (!json_check(out.data, out.length))
            atomic_fetch_add(&lost, 1);
        buffer_free(&out);
        route_set(&library, &f, &list);
        counters_note(&library.counters, "noise");
    }
    return NULL;
}

static bool all_sent(void *context)
{
    UNUSED(context);
    return counters_read(library.counters.sent) + counters_read(library.counters.coalesced) == THREADS * ROUNDS;
}

static void sixteen_threads_lose_nothing(void **state)
{
    UNUSED(state);
    pthread_t threads[THREADS + 1];
    fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    library.settings.connect_timeout_ms = library.settings.ack_timeout_ms = 20000;
    library.settings.result_timeout_ms = 20000;
    for (intptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, call, (void *)i);
    pthread_create(&threads[THREADS], NULL, look_and_change, NULL);
    for (int i = 0; i <= THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(lost, 0);
    assert_true(wait_for(all_sent, NULL));
    assert_int_equal(counters_read(library.counters.submitted), 2 * THREADS * ROUNDS);
    assert_int_equal(counters_read(library.counters.failed), 0);
    assert_true(fake->connections <= THREADS + 1);
    library_close(&library);
    fake_stop(fake);
}

static void *flap(void *argument)
{
    UNUSED(argument);
    for (int i = 0; i < 40; i++) {
        fake->behaviour = i % 3 == 0 ? FAKE_SILENT : i % 3 == 1 ? FAKE_CLOSES : FAKE_GOOD;
        fake_drop(fake);
        wait_ms(20);
    }
    fake->behaviour = FAKE_GOOD;
    return NULL;
}

static void a_flapping_server_under_sixteen_threads_is_survived(void **state)
{
    UNUSED(state);
    pthread_t threads[THREADS + 1];
    fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    library.settings.ack_timeout_ms = library.settings.result_timeout_ms = 50;
    library.settings.retry_after_ms = 5;
    for (intptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, call, (void *)i);
    pthread_create(&threads[THREADS], NULL, flap, NULL);
    for (int i = 0; i <= THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(stage_recovers(&library));
    assert_true(wait_for(all_sent, NULL));
    library_close(&library);
    fake_stop(fake);
}

static int64_t seen[THREADS][ROUNDS * 10];

static void *take_versions(void *argument)
{
    int64_t *mine = argument;
    for (int i = 0; i < ROUNDS * 10; i++)
        mine[i] = version_next();
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void no_version_is_given_twice(void **state)
{
    UNUSED(state);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, take_versions, seen[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int64_t *all = &seen[0][0];
    qsort(all, (size_t)THREADS * ROUNDS * 10, sizeof *all, by_value);
    for (int i = 1; i < THREADS * ROUNDS * 10; i++)
        assert_true(all[i] > all[i - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_threads_lose_nothing),
        cmocka_unit_test(a_flapping_server_under_sixteen_threads_is_survived),
        cmocka_unit_test(no_version_is_given_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
