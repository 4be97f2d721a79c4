/* Every allocation made to fail, one after the other: no crash, no leak, a clear failure, and life goes on. */
#include "json.h"
#include "memory.h"
#include "queue.h"
#include "stage.h"
#include "status.h"
#include "sum.h"

static atomic_int countdown; /* the allocation at which it reaches 0 fails; below 0 none does */
static atomic_int failures;

static void *failing(void *block, size_t size)
{
    if (atomic_load(&countdown) >= 0 && atomic_fetch_sub(&countdown, 1) == 0) {
        atomic_fetch_add(&failures, 1);
        return NULL;
    }
    return realloc(block, size);
}

/* Runs `step` with the first, the second, the third ... allocation failing until none fails any more. */
static void with_each_failing(void (*step)(struct library *, struct fake *, bool))
{
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    memory_realloc = failing;
    int n = 0;
    do {
        struct library library;
        atomic_store(&countdown, -1);
        stage_open(&library, &fake->port, 1);
        atomic_store(&failures, 0);
        atomic_store(&countdown, n++);
        step(&library, fake, false);
        atomic_store(&countdown, -1);
        assert_true(stage_recovers(&library));
        step(&library, fake, true);
        library_close(&library);
        assert_true(n < 200);
    } while (failures > 0);
    assert_true(n > 1); /* something was made to fail */
    memory_realloc = realloc;
    fake_stop(fake);
}

static void background(struct library *library, struct fake *fake, bool must_work)
{
    UNUSED(fake);
    bool works = stage_background(library, "f");
    assert_true(works || !must_work);
}

static void foreground(struct library *library, struct fake *fake, bool must_work)
{
    UNUSED(fake);
    struct buffer result;
    char workload[9001];
    memset(workload, 'w', 9000);
    workload[9000] = '\0';
    struct job job = stage_job(PACKET_SUBMIT_JOB, "pieces", workload);
    int outcome = client_foreground(library, &job, &result);
    assert_true(outcome == 0 || !must_work);
    assert_true(outcome != 0 || result.length == 9000);
    buffer_free(&result);
}

static void summing(struct library *library, struct fake *fake, bool must_work)
{
    UNUSED(fake);
    struct sum sum;
    int64_t total;
    sum_init(&sum, library);
    struct job job = stage_job(PACKET_SUBMIT_JOB, "pieces", "111");
    for (int i = 0; i < 3; i++)
        sum_add(&sum, &job);
    int outcome = sum_finish(&sum, &total);
    assert_true(outcome == 0 || !must_work);
    assert_true(outcome != 0 || total == 333);
    sum_free(&sum);
}

static bool queue_empty(void *context)
{
    uint64_t packets = 0, bytes = 0;
    queue_length(context, &packets, &bytes);
    return packets == 0;
}

static void posting(struct library *library, struct fake *fake, bool must_work)
{
    UNUSED(fake);
    struct queue *queue = route_queue(library, &library->fallback);
    struct job job = stage_job(PACKET_SUBMIT_JOB_BG, "f", "w");
    if (queue == NULL)
        assert_false(must_work);
    for (int i = 0; queue != NULL && i < 3; i++)
        assert_true(queue_post(queue, &job) == QUEUE_POSTED || !must_work);
    assert_true(queue == NULL || wait_for(queue_empty, queue));
}

static void listing(struct library *library, struct fake *fake, bool must_work)
{
    char text[60];
    struct bytes f = {"own", 3};
    struct bytes list = {text, (size_t)snprintf(text, sizeof text, "127.0.0.1:%d,127.0.0.1:1,[::1]:1", fake->port)};
    struct buffer out;
    assert_true(route_set(library, &f, &list) == NULL || !must_work);
    buffer_init(&out);
    status_write(library, &out);
    assert_true(!out.failed || !must_work);
    buffer_free(&out);
}

static void calls_survive_it(void **state)
{
    UNUSED(state);
    with_each_failing(background);
    with_each_failing(foreground);
}

static void sums_survive_it(void **state)
{
    UNUSED(state);
    with_each_failing(summing);
}

static void posts_survive_it(void **state)
{
    UNUSED(state);
    with_each_failing(posting);
}

static void lists_and_status_survive_it(void **state)
{
    UNUSED(state);
    with_each_failing(listing);
}

static void opening_the_library_survives_it(void **state)
{
    UNUSED(state);
    struct library library;
    memory_realloc = failing;
    atomic_store(&countdown, 0);
    assert_int_equal(library_open(&library, NULL, false), -1);
    atomic_store(&countdown, 0);
    assert_null(library_get());
    atomic_store(&countdown, -1);
    assert_non_null(library_get());
    library_forget();
    memory_realloc = realloc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_survive_it),        cmocka_unit_test(sums_survive_it),
        cmocka_unit_test(posts_survive_it),        cmocka_unit_test(lists_and_status_survive_it),
        cmocka_unit_test(opening_the_library_survives_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
