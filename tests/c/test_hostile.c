/* Job servers that do wrong: the call returns by its deadline, the breaker opens, nothing leaks, and the next call
 * works with a server that behaves. */
#include "stage.h"

static const struct {
    enum fake_behaviour behaviour;
    bool only_result; /* the submit itself goes well; what follows does not */
} HOSTILE[] = {
    {FAKE_SILENT, false},        {FAKE_CLOSES, false},       {FAKE_HALF_PACKET, false}, {FAKE_HALF_SILENT, false},
    {FAKE_GARBAGE, false},       {FAKE_ABSURD_LENGTH, false}, {FAKE_WRONG_TYPE, false},  {FAKE_UNKNOWN_TYPE, false},
    {FAKE_EMPTY_HANDLE, false},  {FAKE_DRIBBLES, false},     {FAKE_HUGE_CLAIM, true},   {FAKE_OTHER_HANDLE, true},
    {FAKE_FLOODS, true},
};
enum { KINDS = sizeof HOSTILE / sizeof *HOSTILE };

static void in_time(int64_t start)
{
    assert_true((timing_now() - start) / NS_PER_MS < STAGE_LATE_MS);
}

static void background_calls_survive_each_of_them(void **state)
{
    UNUSED(state);
    for (int i = 0; i < KINDS; i++) {
        if (HOSTILE[i].only_result)
            continue;
        struct library library;
        struct fake *fake = fake_start(HOSTILE[i].behaviour, 0);
        stage_open(&library, &fake->port, 1);
        int64_t start = timing_now();
        assert_false(stage_background(&library, "f"));
        in_time(start);
        assert_int_equal(stage_state(&library, 0), SERVER_DOWN);
        assert_int_equal(counters_read(library.counters.failed), 1);
        fake->behaviour = FAKE_GOOD;
        assert_true(stage_recovers(&library));
        library_close(&library);
        fake_stop(fake);
    }
}

static void foreground_calls_survive_each_of_them(void **state)
{
    UNUSED(state);
    for (int i = 0; i < KINDS; i++) {
        struct library library;
        struct buffer result;
        struct fake *fake = fake_start(HOSTILE[i].behaviour, 0);
        stage_open(&library, &fake->port, 1);
        struct job job = stage_job(PACKET_SUBMIT_JOB, "f", "x");
        int64_t start = timing_now();
        assert_int_equal(client_foreground(&library, &job, &result), -1);
        in_time(start);
        assert_null(result.data);
        fake->behaviour = FAKE_GOOD;
        assert_true(stage_recovers(&library));
        library_close(&library);
        fake_stop(fake);
    }
}

static void the_next_server_of_the_list_takes_over(void **state)
{
    UNUSED(state);
    for (int i = 0; i < KINDS; i++) {
        if (HOSTILE[i].only_result)
            continue;
        struct library library;
        struct fake *bad = fake_start(HOSTILE[i].behaviour, 0), *good = fake_start(FAKE_GOOD, 0);
        int ports[] = {bad->port, good->port};
        stage_open(&library, ports, 2);
        stage_background(&library, "first"); /* may be lost to a timeout, but no call after it */
        for (int n = 0; n < 5; n++)
            assert_true(stage_background(&library, "later"));
        library_close(&library);
        fake_stop(bad);
        fake_stop(good);
    }
}

static void a_refused_job_is_tried_on_the_next_server_and_opens_no_breaker(void **state)
{
    UNUSED(state);
    struct library library;
    struct fake *full = fake_start(FAKE_REFUSES_JOBS, 0), *good = fake_start(FAKE_GOOD, 0);
    int ports[] = {full->port, good->port};
    stage_open(&library, ports, 2);
    for (int i = 0; i < 5; i++)
        assert_true(stage_background(&library, "f"));
    assert_int_equal(good->jobs, 5);
    assert_int_equal(full->connections, 1);
    assert_int_equal(stage_state(&library, 0), SERVER_UP);
    good->behaviour = FAKE_REFUSES_JOBS;
    assert_false(stage_background(&library, "f"));
    char text[COUNTERS_ERROR_MAX];
    counters_last_error(&library.counters, text);
    assert_non_null(strstr(text, "QUEUE_ERROR: full"));
    library_close(&library);
    fake_stop(full);
    fake_stop(good);
}

static void no_descriptor_leaks(void **state)
{
    UNUSED(state);
    int before = stage_descriptors();
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < KINDS; i++) {
            struct library library;
            struct buffer result;
            struct fake *fake = fake_start(HOSTILE[i].behaviour, 0);
            stage_open(&library, &fake->port, 1);
            library.settings.ack_timeout_ms = library.settings.result_timeout_ms = 20;
            struct job job = stage_job(PACKET_SUBMIT_JOB, "f", "x");
            client_foreground(&library, &job, &result);
            library_close(&library);
            fake_stop(fake);
        }
    assert_int_equal(stage_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(background_calls_survive_each_of_them),
        cmocka_unit_test(foreground_calls_survive_each_of_them),
        cmocka_unit_test(the_next_server_of_the_list_takes_over),
        cmocka_unit_test(a_refused_job_is_tried_on_the_next_server_and_opens_no_breaker),
        cmocka_unit_test(no_descriptor_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
