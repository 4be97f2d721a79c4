/* The queue of posts and its sender. */
#include "memory.h"
#include "queue.h"
#include "stage.h"

static struct queue *open_queue(struct library *library, int port)
{
    stage_open(library, &port, 1);
    struct queue *queue = route_queue(library, &library->fallback);
    assert_non_null(queue);
    return queue;
}

static enum queue_outcome post(struct queue *queue, const char *function, const char *workload, const char *unique)
{
    struct job job = stage_job(PACKET_SUBMIT_JOB_BG, function, workload);
    job.unique = (struct bytes){unique, strlen(unique)};
    return queue_post(queue, &job);
}

static bool queue_empty(void *context)
{
    uint64_t packets = 0, bytes = 0;
    queue_length(context, &packets, &bytes);
    return packets == 0 && bytes == 0;
}

static void posts_arrive_in_order(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    struct queue *queue = open_queue(&library, fake->port);
    assert_int_equal(post(queue, "a", "1", ""), QUEUE_POSTED);
    assert_int_equal(post(queue, "b", "", "u"), QUEUE_POSTED);
    assert_int_equal(post(queue, "c", "3", ""), QUEUE_POSTED);
    assert_true(wait_for(queue_empty, queue));
    assert_string_equal(fake->log, "a  1;b u ;c  3;");
    assert_int_equal(counters_read(library.counters.sent), 3);
    assert_int_equal(fake->connections, 1);
    library_close(&library);
    fake_stop(fake);
}

static void many_posts_fill_many_chunks_and_all_arrive(void **state)
{
    UNUSED(state);
    enum { COUNT = 50000 };
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    struct queue *queue = open_queue(&library, fake->port);
    library.settings.ack_timeout_ms = 20000;
    char *large = malloc(200001);
    memset(large, 'L', 200000);
    large[200000] = '\0';
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(post(queue, "f", i % 1000 == 0 ? large : "small", ""), QUEUE_POSTED);
    assert_true(wait_for(queue_empty, queue));
    assert_int_equal(fake->jobs, COUNT);
    free(large);
    library_close(&library);
    fake_stop(fake);
}

static void a_full_queue_drops_and_says_so(void **state)
{
    UNUSED(state);
    struct library library;
    struct queue *queue = open_queue(&library, fake_unused_port());
    library.settings.queue_bytes = 65536;
    char workload[1001];
    memset(workload, 'x', 1000);
    workload[1000] = '\0';
    int posted = 0;
    while (post(queue, "f", workload, "") == QUEUE_POSTED)
        posted++;
    assert_int_equal(posted, 65536 / (12 + 3 + 1000));
    assert_int_equal(counters_read(library.counters.dropped), 1);
    struct job huge = stage_job(PACKET_SUBMIT_JOB_BG, "f", "");
    huge.workload.length = 70000;
    assert_int_equal(queue_post(queue, &huge), QUEUE_DROPPED);
    library_close(&library);
}

static void equal_posts_count_as_one_through_an_outage(void **state)
{
    UNUSED(state);
    struct library library;
    int port = fake_unused_port();
    struct queue *queue = open_queue(&library, port);
    assert_int_equal(post(queue, "ring", "", "ring"), QUEUE_POSTED);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(post(queue, "ring", "", "ring"), QUEUE_COALESCED);
        assert_int_equal(post(queue, "f", "", ""), QUEUE_POSTED); /* without a unique nothing is equal */
        wait_ms(2);
    }
    assert_int_equal(post(queue, "rin", "", "gring"), QUEUE_POSTED);
    assert_int_equal(post(queue, "ring", "", "rin"), QUEUE_POSTED);
    assert_int_equal(post(queue, "ring", "", "ring"), QUEUE_COALESCED);
    struct fake *fake = fake_start(FAKE_GOOD, port);
    assert_true(wait_for(queue_empty, queue));
    assert_int_equal(fake->jobs, 103);
    assert_int_equal(post(queue, "ring", "", "ring"), QUEUE_POSTED);
    assert_true(wait_for(queue_empty, queue));
    assert_int_equal(fake->jobs, 104);
    library_close(&library);
    fake_stop(fake);
}

static void ten_thousand_uniques_are_each_sent(void **state)
{
    UNUSED(state);
    struct library library;
    int port = fake_unused_port();
    struct queue *queue = open_queue(&library, port);
    char unique[20];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 10000; i++) {
            snprintf(unique, sizeof unique, "u%d", i);
            assert_int_not_equal(post(queue, "f", "", unique), QUEUE_DROPPED);
        }
    uint64_t coalesced = counters_read(library.counters.coalesced);
    assert_true(coalesced > 1000); /* more uniques than slots: some are forgotten, none is lost */
    struct fake *fake = fake_start(FAKE_GOOD, port);
    assert_true(wait_for(queue_empty, queue));
    assert_int_equal(fake->jobs, 20000 - coalesced);
    library_close(&library);
    fake_stop(fake);
}

static void what_a_dying_server_left_unanswered_is_sent_again(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_DIES_AFTER_TWO, 0);
    struct queue *queue = open_queue(&library, fake->port);
    library.settings.retry_after_ms = 5;
    char function[20];
    for (int i = 0; i < 40; i++) {
        snprintf(function, sizeof function, "f%d", i);
        assert_int_equal(post(queue, function, "w", ""), QUEUE_POSTED);
    }
    assert_true(wait_for(queue_empty, queue));
    assert_true(fake->jobs >= 40);
    for (int i = 0; i < 40; i++) {
        snprintf(function, sizeof function, "f%d  w;", i);
        assert_true(fake_saw(fake, function));
    }
    assert_int_equal(counters_read(library.counters.sent), 40);
    library_close(&library);
    fake_stop(fake);
}

static void posts_wait_for_a_server_that_misbehaves_and_then_recovers(void **state)
{
    UNUSED(state);
    const enum fake_behaviour kinds[] = {FAKE_SILENT,        FAKE_CLOSES,     FAKE_HALF_PACKET,  FAKE_HALF_SILENT,
                                         FAKE_GARBAGE,       FAKE_DRIBBLES,   FAKE_ABSURD_LENGTH, FAKE_WRONG_TYPE,
                                         FAKE_UNKNOWN_TYPE, FAKE_EMPTY_HANDLE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct library library;
        struct fake *fake = fake_start(kinds[i], 0);
        struct queue *queue = open_queue(&library, fake->port);
        assert_int_equal(post(queue, "kept", "w", ""), QUEUE_POSTED);
        wait_ms(100);
        assert_false(queue_empty(queue));
        fake->behaviour = FAKE_GOOD;
        assert_true(wait_for(queue_empty, queue));
        assert_true(fake_saw(fake, "kept  w;"));
        library_close(&library);
        fake_stop(fake);
    }
}

static void a_refused_post_is_counted_and_not_repeated(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_REFUSES_JOBS, 0);
    struct queue *queue = open_queue(&library, fake->port);
    assert_int_equal(post(queue, "f", "w", ""), QUEUE_POSTED);
    assert_true(wait_for(queue_empty, queue));
    assert_int_equal(counters_read(library.counters.failed), 1);
    assert_int_equal(counters_read(library.counters.sent), 0);
    library_close(&library);
    fake_stop(fake);
}

static void a_new_list_moves_the_sender(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0), *other = fake_start(FAKE_GOOD, 0);
    struct queue *queue = open_queue(&library, fake->port);
    char text[40];
    post(queue, "first", "", "");
    assert_true(wait_for(queue_empty, queue));
    struct bytes none = {"", 0}, list = {text, (size_t)snprintf(text, sizeof text, "127.0.0.1:%d", other->port)};
    assert_null(route_set(&library, &none, &list));
    post(queue, "second", "", "");
    assert_true(wait_for(queue_empty, queue));
    assert_true(fake_saw(other, "second"));
    assert_false(fake_saw(fake, "second"));
    library_close(&library);
    fake_stop(fake);
    fake_stop(other);
}

static void a_queue_that_is_full_can_be_closed(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_SILENT, 0);
    struct queue *queue = open_queue(&library, fake->port);
    for (int i = 0; i < 1000; i++)
        post(queue, "f", "w", "");
    library_close(&library);
    fake_stop(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_arrive_in_order),
        cmocka_unit_test(many_posts_fill_many_chunks_and_all_arrive),
        cmocka_unit_test(a_full_queue_drops_and_says_so),
        cmocka_unit_test(equal_posts_count_as_one_through_an_outage),
        cmocka_unit_test(ten_thousand_uniques_are_each_sent),
        cmocka_unit_test(what_a_dying_server_left_unanswered_is_sent_again),
        cmocka_unit_test(posts_wait_for_a_server_that_misbehaves_and_then_recovers),
        cmocka_unit_test(a_refused_post_is_counted_and_not_repeated),
        cmocka_unit_test(a_new_list_moves_the_sender),
        cmocka_unit_test(a_queue_that_is_full_can_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
