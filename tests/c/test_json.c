/* The JSON writer, judged by a reader written apart from it. */
#include "check.h"
#include "json.h"
#include "json_check.h"

#include <locale.h>
#include <math.h>

static void writes(const char *text, size_t length, const char *expected, unsigned repaired)
{
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(json_string(&out, text, length), repaired);
    assert_int_equal(out.length, strlen(expected));
    assert_memory_equal(out.data, expected, out.length);
    assert_true(json_check(out.data, out.length));
    buffer_free(&out);
}

static void strings_are_escaped(void **state)
{
    UNUSED(state);
    writes("", 0, "\"\"", 0);
    writes("a/b", 3, "\"a/b\"", 0);
    writes("\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\"", 0);
    writes("\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"", 0);
    writes("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", 0);
}

#define R "\xef\xbf\xbd"

static void bytes_that_are_no_utf8_are_replaced_and_counted(void **state)
{
    UNUSED(state);
    writes("\xe4", 1, "\"" R "\"", 1);
    writes("a\xe4" "b", 3, "\"a" R "b\"", 1);
    writes("\xc0\xaf", 2, "\"" R R "\"", 2);
    writes("\xe0\x80\xaf", 3, "\"" R R R "\"", 3);
    writes("\xed\xa0\x80", 3, "\"" R R R "\"", 3);
    writes("\xf4\x90\x80\x80", 4, "\"" R R R R "\"", 4);
    writes("\xf5", 1, "\"" R "\"", 1);
    writes("\xe2\x82", 2, "\"" R "\"", 1);
    writes("\xf0\x9f\x98" "\"", 4, "\"" R "\\\"\"", 1);
    writes("\xef\xbf\xbf", 3, "\"\xef\xbf\xbf\"", 0);
}

static void every_pair_of_bytes_gives_json(void **state)
{
    UNUSED(state);
    struct buffer out;
    buffer_init(&out);
    for (unsigned i = 0; i < 65536; i++) {
        char pair[2] = {(char)(i >> 8), (char)i};
        buffer_clear(&out);
        json_string(&out, pair, 2);
        assert_true(json_check(out.data, out.length));
    }
    buffer_free(&out);
}

static void is_written(double value, const char *expected)
{
    struct buffer out;
    buffer_init(&out);
    json_double(&out, value);
    buffer_append(&out, "", 1);
    assert_string_equal(out.data, expected);
    assert_true(json_check(out.data, out.length - 1));
    buffer_free(&out);
}

static void doubles_are_short_and_read_back_the_same(void **state)
{
    UNUSED(state);
    is_written(0.0, "0");
    is_written(-0.0, "-0.0");
    is_written(1, "1");
    is_written(0.1, "0.1");
    is_written(1.0 / 3, "0.3333333333333333");
    is_written(0.1 + 0.2, "0.30000000000000004");
    is_written(1e300, "1e+300");
    is_written(1.7976931348623157e308, "1.7976931348623157e+308");
    is_written(5e-324, "4.94065645841247e-324");
    is_written(NAN, "null");
    is_written(INFINITY, "null");
    is_written(-INFINITY, "null");
}

static void doubles_do_not_depend_on_the_locale(void **state)
{
    UNUSED(state);
    const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "C"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setlocale(LC_NUMERIC, names[i]); /* where it is not installed nothing changes */
        is_written(-1234.5e-20, "-1.2345e-17");
    }
    setlocale(LC_NUMERIC, "C");
}

static void number_is(const char *text, const char *expected)
{
    struct buffer out;
    buffer_init(&out);
    json_number_text(&out, text, strlen(text));
    buffer_append(&out, "", 1);
    assert_string_equal(out.data, expected);
    assert_true(json_check(out.data, out.length - 1));
    buffer_free(&out);
}

static void number_texts_lose_leading_zeros_and_are_never_invalid(void **state)
{
    UNUSED(state);
    number_is("0000", "0");
    number_is("00012.50", "12.50");
    number_is("-0.00", "-0.00");
    number_is("-007", "-7");
    number_is("18446744073709551615", "18446744073709551615");
    number_is("1e5", "1e5");
    number_is(".5", "\".5\"");
    number_is("1.", "\"1.\"");
    number_is("-", "\"-\"");
    number_is("", "\"\"");
    number_is("+1", "\"+1\"");
    number_is("1e", "\"1e\"");
    number_is("NaN", "\"NaN\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced_and_counted),
        cmocka_unit_test(every_pair_of_bytes_gives_json),
        cmocka_unit_test(doubles_are_short_and_read_back_the_same),
        cmocka_unit_test(doubles_do_not_depend_on_the_locale),
        cmocka_unit_test(number_texts_lose_leading_zeros_and_are_never_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
