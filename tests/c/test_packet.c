/* Encoding of requests, and their bounds. */
#include "check.h"
#include "packet.h"

static struct bytes text(const char *t)
{
    return (struct bytes){t, strlen(t)};
}

static void a_job_is_encoded_as_the_protocol_says(void **state)
{
    UNUSED(state);
    struct job job = {PACKET_SUBMIT_JOB_BG, text("f"), text("u"), {"a\0b", 3}};
    char head[PACKET_HEAD_MAX];
    assert_null(packet_job_fault(&job));
    assert_int_equal(packet_job_head(&job, head), 16);
    assert_memory_equal(head, "\0REQ\0\0\0\x12\0\0\0\x07" "f\0u\0", 16);
    assert_int_equal(packet_job_size(&job), 19);
}

static void the_longest_head_fits_its_bound(void **state)
{
    UNUSED(state);
    char name[PACKET_FUNCTION_MAX + 2], head[PACKET_HEAD_MAX];
    memset(name, 'f', sizeof name);
    struct job job = {PACKET_SUBMIT_JOB, {name, PACKET_FUNCTION_MAX}, {name, PACKET_UNIQUE_MAX}, {"", 0}};
    assert_null(packet_job_fault(&job));
    assert_int_equal(packet_job_head(&job, head), PACKET_HEAD_MAX);
    job.function.length++;
    assert_non_null(packet_job_fault(&job));
    job.function.length--;
    job.unique.length++;
    assert_non_null(packet_job_fault(&job));
}

static void names_with_nul_or_without_bytes_are_refused(void **state)
{
    UNUSED(state);
    struct job job = {PACKET_SUBMIT_JOB, {"a\0b", 3}, {"", 0}, {"", 0}};
    assert_non_null(packet_job_fault(&job));
    job.function = text("");
    assert_non_null(packet_job_fault(&job));
    job.function = text("f");
    job.unique = (struct bytes){"\0", 1};
    assert_non_null(packet_job_fault(&job));
    job.unique = text("");
    job.workload.length = UINT32_MAX;
    assert_non_null(packet_job_fault(&job));
}

static void arguments_are_split_and_the_last_may_hold_nul(void **state)
{
    UNUSED(state);
    struct bytes got;
    struct packet packet = {PACKET_WORK_COMPLETE, "H:1\0a\0b", 7};
    assert_int_equal(packet_argument(&packet, 0, &got), 0);
    assert_int_equal(got.length, 3);
    assert_int_equal(packet_argument(&packet, 1, &got), 0);
    assert_memory_equal(got.data, "a\0b", 3);
    assert_int_equal(packet_argument(&packet, 2, &got), -1);
    packet.length = 3;
    assert_int_equal(packet_argument(&packet, 0, &got), -1);
    assert_int_equal(packet_argument(&packet, 1, &got), -1);
    packet.type = PACKET_JOB_CREATED;
    assert_int_equal(packet_argument(&packet, 0, &got), 0);
}

static void an_error_text_is_bounded(void **state)
{
    UNUSED(state);
    char small[8], data[900];
    memset(data, 'x', sizeof data);
    struct packet packet = {PACKET_ERROR, data, sizeof data};
    packet_error_text(&packet, small, sizeof small);
    assert_string_equal(small, ": ");
    data[3] = '\0';
    packet_error_text(&packet, small, sizeof small);
    assert_string_equal(small, "xxx: xx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_encoded_as_the_protocol_says),
        cmocka_unit_test(the_longest_head_fits_its_bound),
        cmocka_unit_test(names_with_nul_or_without_bytes_are_refused),
        cmocka_unit_test(arguments_are_split_and_the_last_may_hold_nul),
        cmocka_unit_test(an_error_text_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
