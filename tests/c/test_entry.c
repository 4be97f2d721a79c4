/* The real entry points, called as a database server calls them. */
#include "check.h"
#include "entry_json.h"
#include "fake_server.h"
#include "host.h"
#include "json_check.h"
#include "memory.h"
#include "stage.h"

#include <unistd.h>

static struct fake *fake;

/* Of the address sanitizer, under which this test runs. */
size_t __sanitizer_get_current_allocated_bytes(void);

static int setup(void **state)
{
    UNUSED(state);
    fake = fake_start(FAKE_GOOD, 0);
    host_servers(fake->port);
    return 0;
}

static int teardown(void **state)
{
    UNUSED(state);
    library_forget();
    fake_stop(fake);
    return 0;
}

static void gives(const char *function, unsigned count, const struct host_argument *arguments, const char *expected)
{
    struct host_result r = host_string(function, count, arguments, 2);
    assert_false(r.refused);
    assert_false(r.error);
    assert_int_equal(r.null, expected == NULL);
    if (expected != NULL)
        assert_string_equal(r.text, expected);
    free(r.text);
}

static void refuses(const char *function, unsigned count, const struct host_argument *arguments, const char *why)
{
    struct host_result r = host_string(function, count, arguments, 1);
    assert_true(r.refused);
    assert_non_null(strstr(r.message, why));
    assert_true(strlen(r.message) <= 80);
    free(r.text);
}

static const char *const CALLS[] = {"gman_do",           "gman_do_high",           "gman_do_low",
                                    "gman_do_background", "gman_do_high_background", "gman_do_low_background"};

static void every_call_submits_its_job(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {host_constant("f"), host_column("work"), host_column("u")};
    for (int i = 0; i < 6; i++) {
        struct host_result r = host_string(CALLS[i], i % 2 ? 3 : 2, a, 1);
        assert_false(r.refused || r.null || r.error);
        if (i < 3)
            assert_string_equal(r.text, "work");
        else
            assert_memory_equal(r.text, "H:fake:", 7);
        free(r.text);
    }
    assert_true(fake_saw(fake, "f  work;"));
    assert_true(fake_saw(fake, "f u work;"));
    a[1] = host_column(NULL);
    gives("gman_do", 2, a, NULL); /* an empty result is NULL */
    a[1] = host_column("x");
    a[2] = host_column(NULL);
    gives("gman_do", 3, a, "x");
    a[0] = host_column("fail");
    gives("gman_do", 2, a, NULL);
}

static void bad_calls_are_refused_when_prepared_where_that_can_be_known(void **state)
{
    UNUSED(state);
    char name[257], unique[65];
    memset(name, 'n', 256);
    name[256] = '\0';
    memset(unique, 'u', 64);
    unique[64] = '\0';
    for (int i = 0; i < 6; i++) {
        struct host_argument a[] = {host_constant("f"), host_constant("w"), host_constant("u"), host_constant("z")};
        refuses(CALLS[i], 1, a, "takes (function, workload [, unique])");
        refuses(CALLS[i], 0, a, "takes (function, workload [, unique])");
        refuses(CALLS[i], 4, a, "takes (function, workload [, unique])");
        a[0] = host_constant("");
        refuses(CALLS[i], 2, a, "empty");
        a[0] = host_constant(name);
        refuses(CALLS[i], 2, a, "255");
        a[0] = (struct host_argument){.type = STRING_RESULT, .text = "a\0b", .length = 3, .constant = true};
        refuses(CALLS[i], 2, a, "NUL");
        a[0] = host_constant("f");
        a[2] = host_constant(unique);
        refuses(CALLS[i], 3, a, "63");
    }
    struct host_argument lone = host_constant("f");
    assert_true(host_integer("gman_post", 1, &lone, 1).refused);
    assert_true(host_aggregate("gman_sum", 1, &lone, 1).refused);
}

static void bad_calls_are_null_and_counted_in_a_row(void **state)
{
    UNUSED(state);
    char unique[65];
    memset(unique, 'u', 64);
    unique[64] = '\0';
    uint64_t failed = counters_read(library_get()->counters.failed);
    for (int i = 0; i < 6; i++) {
        struct host_argument a[] = {host_column(NULL), host_column("w"), host_column(unique)};
        gives(CALLS[i], 2, a, NULL);
        a[0] = host_column("");
        gives(CALLS[i], 2, a, NULL);
        a[0] = host_column("f");
        gives(CALLS[i], 3, a, NULL);
    }
    assert_int_equal(counters_read(library_get()->counters.failed) - failed, 6 * 3 * 2);
    assert_int_equal(fake->jobs, 0);
}

static void numbers_as_arguments_are_asked_for_as_text(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {host_constant("f"),
                                {.type = INT_RESULT, .text = "42", .length = 2, .integer = 42, .constant = true}};
    gives("gman_do", 2, a, "42");
    a[0] = a[1];
    gives("gman_do", 2, a, "42");
}

static void post_and_sum_and_version_give_integers(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {host_constant("f"), host_column("21"), host_column("u")};
    struct host_result r = host_integer("gman_post", 3, a, 3);
    assert_false(r.refused || r.null || r.error);
    assert_int_equal(r.integer, 1);
    r = host_aggregate("gman_sum", 2, a, 10);
    assert_false(r.refused || r.null || r.error);
    assert_int_equal(r.integer, 210);
    r = host_aggregate("gman_sum", 2, a, 0);
    assert_int_equal(r.integer, 0);
    a[1] = host_column("no integer");
    r = host_aggregate("gman_sum", 2, a, 2);
    assert_true(r.null);
    a[0] = host_column(NULL);
    assert_true(host_integer("gman_post", 2, a, 1).null);
    assert_true(host_aggregate("gman_sum", 2, a, 1).null);
    int64_t first = host_integer("gman_version", 0, NULL, 1).integer;
    assert_true(host_integer("gman_version", 0, NULL, 2).integer > first);
    assert_true(host_integer("gman_version", 1, a, 1).refused);
}

static void servers_can_be_set_unless_the_list_is_bad(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {host_constant("127.0.0.1:1"), host_constant("mail")};
    gives("gman_servers_set", 2, a, "127.0.0.1:1");
    refuses("gman_servers_set", 0, a, "takes");
    a[1] = host_constant("");
    refuses("gman_servers_set", 2, a, "empty");
    a[0] = host_constant("a:b");
    refuses("gman_servers_set", 1, a, "port");
    a[0] = host_column("a:b");
    gives("gman_servers_set", 1, a, NULL);
    a[0] = host_column(NULL);
    gives("gman_servers_set", 1, a, NULL);
    char many[32 * 20 + 1] = "";
    for (int i = 0; i < 32; i++)
        snprintf(many + strlen(many), 20, "%s127.0.0.1:%d", i ? "," : "", 1000 + i);
    a[0] = host_column(many);
    gives("gman_servers_set", 1, a, many);
}

static void a_locked_library_refuses_other_servers(void **state)
{
    UNUSED(state);
    char path[] = "/tmp/gman_udf_test_XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "locked = yes\n", 13), 13);
    close(fd);
    library_forget();
    setenv("GMAN_UDF_CONF", path, 1);
    struct host_argument a[] = {host_constant("127.0.0.1:1")};
    refuses("gman_servers_set", 1, a, "locked = yes");
    unsetenv("GMAN_UDF_CONF");
    unlink(path);
}

static void status_is_json(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {host_constant("f"), host_constant("x")};
    gives("gman_do", 2, a, "x");
    struct host_result r = host_string("gman_status", 0, NULL, 2);
    assert_true(json_check(r.text, r.length));
    assert_non_null(strstr(r.text, "\"state\":\"up\""));
    assert_non_null(strstr(r.text, "\"submitted\":2,"));
    free(r.text);
    refuses("gman_status", 1, a, "no argument");
    gives("lib_mysqludf_json_info", 0, NULL, "gman_udf version " LIBRARY_VERSION);
}

#define INT(t, v, w) {.type = INT_RESULT, .text = t, .length = sizeof t - 1, .integer = v, .width = w, .name = "n"}

static void integers_keep_their_sign_and_bits_their_number(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {
        INT("18446744073709551615", -1, 20), INT("-5", -5, 11),      INT("00007", 7, 5), INT("0000", 0, 4),
        INT("\x01", 1, 1),                   INT("\x14\x31", 0x1431, 13), INT("1", 0x31, 8),  INT("12345678", -1, 64)};
    gives("udf_json_array", 8, a, "[18446744073709551615,-5,7,0,1,5169,49,18446744073709551615]");
}

static void all_types_become_json(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {
        {.type = STRING_RESULT, .text = "a\"\xe4", .length = 3, .name = "NEW.`s`"},
        {.type = REAL_RESULT, .real = -0.0, .name = "t.r"},
        {.type = DECIMAL_RESULT, .text = "0001.50", .length = 7, .name = "d"},
        {.type = STRING_RESULT, .text = "[1]", .length = 3, .name = "JSON_x"},
        {.type = STRING_RESULT, .text = NULL, .name = "json_y"},
        {.type = STRING_RESULT, .text = NULL, .name = "n"},
        {.type = REAL_RESULT, .null = true, .name = "m"},
        INT("7", 7, 6),
    };
    gives("json_object", 8, a, "{\"s\":\"a\\\"\xef\xbf\xbd\",\"r\":-0.0,\"d\":1.50,[1],\"n\":null,\"m\":null,\"n\":7}");
    gives("udf_json_array", 8, a, "[\"a\\\"\xef\xbf\xbd\",-0.0,1.50,[1],null,null,null,7]");
    gives("json_values", 3, a, "\"a\\\"\xef\xbf\xbd\"-0.01.50");
    gives("json_object", 0, NULL, "{}");
    gives("udf_json_object", 1, a + 4, "{}");
    gives("json_array", 0, NULL, "[]");
    gives("json_values", 0, NULL, "");
    assert_true(counters_read(library_get()->counters.repaired) >= 4);
}

static void members_come_in_pairs_with_a_name(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {host_constant("a"), INT("1", 1, 11), host_column("json"), host_column(NULL)};
    gives("json_members", 4, a, "\"a\":1,\"json\":null");
    gives("json_members", 0, NULL, "");
    refuses("json_members", 3, a, "pairs");
    a[2] = host_column(NULL);
    gives("json_members", 4, a, NULL);
}

static void a_sum_that_is_no_aggregate_is_null(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {host_constant("f"), host_column("21")};
    assert_true(host_integer("gman_sum", 2, a, 1).null);
}

static int allocations_left;

static void *scarce(void *block, size_t size)
{
    return allocations_left-- > 0 ? realloc(block, size) : NULL;
}

static void a_sum_without_memory_is_null_and_never_wrong(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {host_constant("f"), host_column("21")};
    assert_int_equal(host_aggregate("gman_sum", 2, a, 2).integer, 42);
    for (int n = 0; n < 10; n++) {
        allocations_left = n;
        memory_realloc = scarce;
        struct host_result r = host_aggregate("gman_sum", 2, a, 2);
        memory_realloc = realloc;
        assert_true(r.refused || r.null || r.integer == 42);
        assert_false(r.error);
    }
}

static void a_document_that_no_server_can_take_is_null(void **state)
{
    UNUSED(state);
    struct json_state *json = calloc(1, sizeof *json);
    unsigned long length = 0;
    unsigned char null = 0;
    json->out.length = (size_t)ENTRY_LONGTEXT + 1;
    assert_null(json_state_end(json, "json_object", &length, &null));
    assert_true(null);
    free(json);
}

static void a_hundred_thousand_calls_leak_nothing(void **state)
{
    UNUSED(state);
    struct host_argument a[] = {host_constant("f"), host_column("1"), host_column("u")};
    int descriptors = 0;
    size_t memory = 0;
    for (int round = 0; round <= 10; round++) {
        for (int i = 0; i < 20; i++) {
            free(host_string("gman_do", 3, a, 50).text);
            free(host_string("gman_do_background", 2, a, 50).text);
            free(host_string("json_object", 3, a, 200).text);
            host_integer("gman_post", 3, a, 100);
            host_aggregate("gman_sum", 2, a, 50);
            free(host_string("gman_status", 0, NULL, 50).text);
        }
        if (round == 1) {
            descriptors = stage_descriptors();
            memory = __sanitizer_get_current_allocated_bytes();
        }
    }
    assert_int_equal(stage_descriptors(), descriptors);
    assert_true(__sanitizer_get_current_allocated_bytes() < memory + (1 << 20));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_call_submits_its_job),
        TEST(bad_calls_are_refused_when_prepared_where_that_can_be_known),
        TEST(bad_calls_are_null_and_counted_in_a_row),
        TEST(numbers_as_arguments_are_asked_for_as_text),
        TEST(post_and_sum_and_version_give_integers),
        TEST(servers_can_be_set_unless_the_list_is_bad),
        TEST(a_locked_library_refuses_other_servers),
        TEST(status_is_json),
        TEST(integers_keep_their_sign_and_bits_their_number),
        TEST(all_types_become_json),
        TEST(members_come_in_pairs_with_a_name),
        TEST(a_sum_that_is_no_aggregate_is_null),
        TEST(a_sum_without_memory_is_null_and_never_wrong),
        TEST(a_document_that_no_server_can_take_is_null),
        TEST(a_hundred_thousand_calls_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
