/* Calls to a job server that behaves. */
#include "stage.h"

static void a_background_job_returns_its_handle(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    char handle[PACKET_HANDLE_MAX];
    stage_open(&library, &fake->port, 1);
    struct job job = stage_job(PACKET_SUBMIT_JOB_HIGH_BG, "f", "work");
    job.unique = (struct bytes){"u1", 2};
    assert_int_equal(client_background(&library, &job, handle), 8);
    assert_memory_equal(handle, "H:fake:1", 8);
    assert_true(fake_saw(fake, "f u1 work;"));
    assert_int_equal(counters_read(library.counters.submitted), 1);
    library_close(&library);
    fake_stop(fake);
}

static void a_connection_is_kept_for_the_next_call(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    for (int i = 0; i < 100; i++)
        assert_true(stage_background(&library, "f"));
    assert_int_equal(fake->connections, 1);
    library_close(&library);
    fake_stop(fake);
}

static void foreground_gives(const char *function, const char *workload, int outcome, const char *expected)
{
    struct library library;
    struct buffer result;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    for (int i = 0; i < 3; i++) {
        struct job job = stage_job(PACKET_SUBMIT_JOB_LOW, function, workload);
        assert_int_equal(client_foreground(&library, &job, &result), outcome);
        assert_int_equal(result.length, strlen(expected));
        if (result.length > 0)
            assert_memory_equal(result.data, expected, result.length);
        buffer_free(&result);
    }
    assert_int_equal(fake->connections, 1);
    library_close(&library);
    fake_stop(fake);
}

static void a_foreground_job_returns_its_result(void **state)
{
    UNUSED(state);
    foreground_gives("f", "abc", 0, "abc");
    foreground_gives("f", "", 0, "");
    foreground_gives("pieces", "aabbccdd", 0, "aabbccdd");
    foreground_gives("fail", "abc", -1, "");
}

static void a_worker_that_gives_nothing_is_waited_for_so_long_and_the_server_not_blamed(void **state)
{
    UNUSED(state);
    struct library library;
    struct buffer result;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    struct job job = stage_job(PACKET_SUBMIT_JOB, "never", "x");
    int64_t start = timing_now();
    assert_int_equal(client_foreground(&library, &job, &result), -1);
    int64_t took = (timing_now() - start) / NS_PER_MS;
    assert_true(took >= 390 && took < 400 + STAGE_LATE_MS);
    assert_int_not_equal(stage_state(&library, 0), SERVER_DOWN);
    assert_true(stage_background(&library, "f"));
    library_close(&library);
    fake_stop(fake);
}

static void sixteen_mebibytes_with_nul_go_there_and_back(void **state)
{
    UNUSED(state);
    enum { SIZE = 16 << 20 };
    struct library library;
    struct buffer result;
    char *workload = malloc(SIZE);
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    library.settings.ack_timeout_ms = library.settings.result_timeout_ms = 30000;
    for (size_t i = 0; i < SIZE; i++)
        workload[i] = (char)(i * 7 >> 3);
    const char *const functions[] = {"f", "pieces"};
    for (int i = 0; i < 2; i++) {
        struct job job = stage_job(PACKET_SUBMIT_JOB, functions[i], "");
        job.workload = (struct bytes){workload, SIZE};
        assert_int_equal(client_foreground(&library, &job, &result), 0);
        assert_int_equal(result.length, SIZE);
        assert_memory_equal(result.data, workload, SIZE);
        buffer_free(&result);
    }
    library_close(&library);
    fake_stop(fake);
    free(workload);
}

static void a_result_beyond_the_limit_is_refused(void **state)
{
    UNUSED(state);
    struct library library;
    struct buffer result;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    library.settings.result_bytes = 100;
    char workload[121];
    memset(workload, 'x', 120);
    workload[120] = '\0';
    const char *const functions[] = {"f", "pieces"};
    for (int i = 0; i < 2; i++) {
        struct job job = stage_job(PACKET_SUBMIT_JOB, functions[i], workload);
        assert_int_equal(client_foreground(&library, &job, &result), -1);
        assert_true(stage_recovers(&library));
    }
    library_close(&library);
    fake_stop(fake);
}

static void a_connection_that_the_server_closed_meanwhile_costs_no_job(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    for (int i = 0; i < 20; i++) {
        assert_true(stage_background(&library, "f"));
        fake_drop(fake);
        wait_ms(i % 2 * 5); /* seen before the request, or only by it */
    }
    assert_true(stage_background(&library, "f"));
    assert_int_equal(counters_read(library.counters.failed), 0);
    library_close(&library);
    fake_stop(fake);
}

static void a_server_that_closes_after_some_jobs_costs_no_job(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_DIES_AFTER_TWO, 0);
    stage_open(&library, &fake->port, 1);
    for (int i = 0; i < 20; i++)
        assert_true(stage_background(&library, "f"));
    assert_int_equal(fake->jobs, 20);
    library_close(&library);
    fake_stop(fake);
}

static void bytes_that_nobody_asked_for_on_a_kept_connection_cost_no_job(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    for (int i = 0; i < 5; i++) {
        assert_true(stage_background(&library, "babble"));
        wait_ms(i % 2 * 60); /* they come before the next request, or with its answer */
        assert_true(stage_background(&library, "f"));
        assert_int_equal(stage_state(&library, 0), SERVER_UP);
    }
    assert_int_equal(counters_read(library.counters.failed), 0);
    library_close(&library);
    fake_stop(fake);
}

static void a_worker_that_throws_spoils_no_other_call(void **state)
{
    UNUSED(state);
    struct library library;
    struct buffer result;
    struct fake *fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    struct job job = stage_job(PACKET_SUBMIT_JOB, "throw", "x");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(client_foreground(&library, &job, &result), -1);
        assert_true(stage_background(&library, "f"));
        assert_int_equal(stage_state(&library, 0), SERVER_UP);
    }
    assert_int_equal(fake->jobs, 6); /* none was sent again */
    assert_int_equal(counters_read(library.counters.failed), 3);
    library_close(&library);
    fake_stop(fake);
}

static void a_function_with_a_list_of_its_own_goes_there(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *fake = fake_start(FAKE_GOOD, 0), *other = fake_start(FAKE_GOOD, 0);
    char text[40];
    stage_open(&library, &fake->port, 1);
    struct bytes mail = {"mail", 4}, list = {text, (size_t)snprintf(text, sizeof text, "127.0.0.1:%d", other->port)};
    assert_null(route_set(&library, &mail, &list));
    assert_true(stage_background(&library, "mail"));
    assert_true(stage_background(&library, "f"));
    assert_true(fake_saw(other, "mail "));
    assert_true(fake_saw(fake, "f "));
    assert_int_equal(other->jobs, 1);
    library_close(&library);
    fake_stop(fake);
    fake_stop(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_background_job_returns_its_handle),
        cmocka_unit_test(a_connection_is_kept_for_the_next_call),
        cmocka_unit_test(a_foreground_job_returns_its_result),
        cmocka_unit_test(a_worker_that_gives_nothing_is_waited_for_so_long_and_the_server_not_blamed),
        cmocka_unit_test(sixteen_mebibytes_with_nul_go_there_and_back),
        cmocka_unit_test(a_result_beyond_the_limit_is_refused),
        cmocka_unit_test(a_connection_that_the_server_closed_meanwhile_costs_no_job),
        cmocka_unit_test(a_server_that_closes_after_some_jobs_costs_no_job),
        cmocka_unit_test(bytes_that_nobody_asked_for_on_a_kept_connection_cost_no_job),
        cmocka_unit_test(a_worker_that_throws_spoils_no_other_call),
        cmocka_unit_test(a_function_with_a_list_of_its_own_goes_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
