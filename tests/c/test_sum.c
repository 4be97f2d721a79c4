/* The sum of many jobs' results. */
#include "stage.h"
#include "sum.h"

static struct library library;
static struct fake *fake;

static int setup(void **state)
{
    UNUSED(state);
    fake = fake_start(FAKE_GOOD, 0);
    stage_open(&library, &fake->port, 1);
    return 0;
}

static int teardown(void **state)
{
    UNUSED(state);
    library_close(&library);
    fake_stop(fake);
    return 0;
}

static void add(struct sum *sum, const char *function, const char *workload)
{
    struct job job = stage_job(PACKET_SUBMIT_JOB, function, workload);
    sum_add(sum, &job);
}

static void results_are_added_group_by_group(void **state)
{
    UNUSED(state);
    struct sum sum;
    int64_t total;
    sum_init(&sum, &library);
    for (int group = 0; group < 3; group++) {
        sum_clear(&sum);
        add(&sum, "f", "1");
        add(&sum, "f", "-20");
        add(&sum, "pieces", "123456");
        assert_int_equal(sum_finish(&sum, &total), 0);
        assert_int_equal(total, 123437);
    }
    sum_clear(&sum);
    assert_int_equal(sum_finish(&sum, &total), 0);
    assert_int_equal(total, 0);
    sum_free(&sum);
    assert_int_equal(fake->connections, 1);
}

static void many_more_jobs_than_the_window_and_large_workloads_do_not_deadlock(void **state)
{
    UNUSED(state);
    struct sum sum;
    int64_t total;
    char workload[60001];
    memset(workload, '0', sizeof workload);
    workload[60000] = '\0';
    workload[59999] = '2';
    library.settings.ack_timeout_ms = library.settings.result_timeout_ms = 20000;
    sum_init(&sum, &library);
    for (int i = 0; i < 1500; i++) {
        add(&sum, "f", "1");
        add(&sum, "f", workload);
    }
    assert_int_equal(sum_finish(&sum, &total), 0);
    assert_int_equal(total, 4500);
    sum_free(&sum);
}

static void fails(const char *function, const char *workload)
{
    struct sum sum;
    int64_t total;
    uint64_t failed = counters_read(library.counters.failed);
    sum_init(&sum, &library);
    add(&sum, "f", "1");
    add(&sum, function, workload);
    add(&sum, "f", "1");
    assert_int_equal(sum_finish(&sum, &total), -1);
    assert_int_equal(counters_read(library.counters.failed), failed + 1);
    sum_clear(&sum);
    add(&sum, "f", "5");
    assert_int_equal(sum_finish(&sum, &total), 0);
    assert_int_equal(total, 5);
    sum_free(&sum);
}

static void one_failed_job_makes_the_group_null_and_the_next_is_good(void **state)
{
    UNUSED(state);
    fails("fail", "1");
    fails("f", "one");
    fails("f", "");
    fails("f", "9223372036854775807");
    fails("never", "1");
    fails("pieces", "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                    "0000000000000000000000000000000000000000000000000000000000000");
}

static void time_that_the_statement_spends_elsewhere_is_not_the_servers(void **state)
{
    UNUSED(state);
    struct sum sum;
    int64_t total;
    sum_init(&sum, &library);
    add(&sum, "f", "1");
    wait_ms(250); /* more than ack_timeout_ms; the answers lie in the socket */
    assert_int_equal(sum_finish(&sum, &total), 0);
    assert_int_equal(total, 1);
    sum_free(&sum);
    assert_int_equal(stage_state(&library, 0), SERVER_UP);
}

static void each_hostile_server_ends_in_time(void **state)
{
    UNUSED(state);
    const enum fake_behaviour kinds[] = {FAKE_SILENT,        FAKE_CLOSES,     FAKE_HALF_PACKET, FAKE_HALF_SILENT,
                                         FAKE_GARBAGE,       FAKE_WRONG_TYPE, FAKE_DRIBBLES,    FAKE_HUGE_CLAIM,
                                         FAKE_ABSURD_LENGTH, FAKE_FLOODS,     FAKE_REFUSES_JOBS};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct sum sum;
        int64_t total;
        fake->behaviour = kinds[i];
        int64_t start = timing_now();
        sum_init(&sum, &library);
        add(&sum, "f", "1");
        assert_int_equal(sum_finish(&sum, &total), -1);
        sum_free(&sum);
        assert_true(timing_now() - start < STAGE_LATE_MS * NS_PER_MS);
        fake->behaviour = FAKE_GOOD;
        assert_true(stage_recovers(&library));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(results_are_added_group_by_group, setup, teardown),
        cmocka_unit_test_setup_teardown(many_more_jobs_than_the_window_and_large_workloads_do_not_deadlock, setup, teardown),
        cmocka_unit_test_setup_teardown(one_failed_job_makes_the_group_null_and_the_next_is_good, setup, teardown),
        cmocka_unit_test_setup_teardown(time_that_the_statement_spends_elsewhere_is_not_the_servers, setup, teardown),
        cmocka_unit_test_setup_teardown(each_hostile_server_ends_in_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
