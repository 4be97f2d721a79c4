/* Member names from SQL text, server lists, integers of gman_sum, versions. */
#include "address_list.h"
#include "check.h"
#include "member_name.h"
#include "sum.h"
#include "version.h"

static void name_is(const char *text, const char *expected)
{
    struct buffer out;
    buffer_init(&out);
    struct member_name name = member_name_of(text, strlen(text));
    member_name_write(&out, &name);
    assert_int_equal(out.length, strlen(expected) + 2);
    assert_memory_equal(out.data + 1, expected, strlen(expected));
    buffer_free(&out);
}

static void one_qualifier_is_taken_off_and_only_from_identifiers(void **state)
{
    UNUSED(state);
    name_is("id", "id");
    name_is("NEW.id", "id");
    name_is("NEW.`id`", "id");
    name_is("`t`.`my col`", "my col");
    name_is("`t`.`a``b`", "a`b");
    name_is("`a.b`.c", "c");
    name_is("`a.b`", "a.b");
    name_is("db.t.c", "t.c");
    name_is("t.\xc3\xa4", "\xc3\xa4");
    name_is("1.5+x", "1.5+x");
    name_is("1.5", "1.5");
    name_is("concat(a.b)", "concat(a.b)");
    name_is("a .b", "a .b");
    name_is("a.", "a.");
    name_is(".a", ".a");
    name_is("`a", "`a");
    name_is("``", "");
    name_is("", "");
}

static void a_name_is_read_within_its_length_only(void **state)
{
    UNUSED(state);
    char *text = malloc(6);
    memcpy(text, "NEW.id", 6);
    struct member_name name = member_name_of(text, 6);
    assert_int_equal(name.text.length, 2);
    assert_false(member_name_is_raw(text, 6));
    free(text);
}

static void json_prefixes_are_known_in_any_case(void **state)
{
    UNUSED(state);
    assert_true(member_name_is_raw("json_x", 6));
    assert_true(member_name_is_raw("JSON_OBJECT(a)", 14));
    assert_true(member_name_is_raw("Udf_Json_x", 10));
    assert_false(member_name_is_raw("json", 4));
    assert_false(member_name_is_raw("jsonx_", 6));
    assert_false(member_name_is_raw("t.json_x", 8));
}

static void lists_are_read_entry_by_entry(void **state)
{
    UNUSED(state);
    const char *list = "a, b.example:1 ,[::1],[fe80::1]:65535";
    const char *at = list, *end = list + strlen(list);
    struct address_entry entry;
    const char *const hosts[] = {"a", "b.example", "::1", "fe80::1"};
    const unsigned ports[] = {4730, 1, 4730, 65535};
    assert_null(address_list_fault(list, strlen(list)));
    for (int i = 0; i < 4; i++) {
        assert_null(address_list_next(&at, end, &entry));
        assert_string_equal(entry.host, hosts[i]);
        assert_int_equal(entry.port, ports[i]);
    }
    assert_ptr_equal(at, end);
}

static void bad_lists_are_refused(void **state)
{
    UNUSED(state);
    const char *const bad[] = {"",      ",",      "a,",   ",a",     "a,,b",    "a:",   "a:0",  "a:65536", "a:1x",
                               "::1",   "[::1",   "[]",   "[::1]x", "[::1]:",  "a b",  "a\"b", "a\nb",    "a:123456",
                               "[a]:b", "a:-1",   "a:+1", ":4730",  "a: 4730", "\xff", " "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(address_list_fault(bad[i], strlen(bad[i])));
    char many[33 * 2];
    for (size_t i = 0; i < sizeof many; i += 2)
        memcpy(many + i, "a,", 2);
    assert_non_null(address_list_fault(many, sizeof many - 1));
    assert_null(address_list_fault(many, sizeof many - 3));
    char host[257];
    memset(host, 'h', sizeof host);
    assert_non_null(address_list_fault(host, 256));
    assert_null(address_list_fault(host, 255));
}

static void integers_are_read_strictly(void **state)
{
    UNUSED(state);
    int64_t value;
    assert_int_equal(sum_integer(" -12\n", 5, &value), 0);
    assert_int_equal(value, -12);
    assert_int_equal(sum_integer("9223372036854775807", 19, &value), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(sum_integer("-9223372036854775808", 20, &value), 0);
    assert_true(value == INT64_MIN);
    const char *const bad[] = {"", " ", "-", "+", "1 2", "1.5", "0x1", "9223372036854775808", "-9223372036854775809"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(sum_integer(bad[i], strlen(bad[i]), &value), -1);
}

static void versions_rise_strictly(void **state)
{
    UNUSED(state);
    int64_t before = version_next();
    for (int i = 0; i < 100000; i++) {
        int64_t next = version_next();
        assert_true(next > before);
        before = next;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_qualifier_is_taken_off_and_only_from_identifiers),
        cmocka_unit_test(a_name_is_read_within_its_length_only),
        cmocka_unit_test(json_prefixes_are_known_in_any_case),
        cmocka_unit_test(lists_are_read_entry_by_entry),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(integers_are_read_strictly),
        cmocka_unit_test(versions_rise_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
