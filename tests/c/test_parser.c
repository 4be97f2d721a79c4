/* The packet parser, fed with every split, and with what it must not believe. */
#include "check.h"
#include "parser.h"

enum { LIMIT = 1 << 20 };

static const char STREAM[] = "\0RES\0\0\0\x08\0\0\0\x05H:x:1"
                             "\0RES\0\0\0\x0d\0\0\0\x09H:x:1\0a\0b"
                             "\0RES\0\0\0\x13\0\0\0\x04" "E\0tx"
                             "\0RES\0\0\0\x11\0\0\0\0";
static const unsigned TYPES[] = {8, 13, 19, 17};
static const size_t LENGTHS[] = {5, 9, 4, 0};

static unsigned drain(struct parser *parser, unsigned seen)
{
    struct packet packet;
    int found;
    while ((found = parser_next(parser, &packet)) > 0) {
        assert_int_equal(packet.type, TYPES[seen]);
        assert_int_equal(packet.length, LENGTHS[seen]);
        if (seen == 1)
            assert_memory_equal(packet.data, "H:x:1\0a\0b", 9);
        seen++;
    }
    assert_int_equal(found, 0);
    return seen;
}

static void every_split_in_three_gives_the_same_packets(void **state)
{
    UNUSED(state);
    size_t size = sizeof STREAM - 1;
    for (size_t i = 0; i <= size; i++)
        for (size_t j = i; j <= size; j++) {
            struct parser parser;
            parser_init(&parser, LIMIT);
            unsigned seen = 0;
            assert_int_equal(parser_feed(&parser, STREAM, i), 0);
            seen = drain(&parser, seen);
            assert_int_equal(parser_feed(&parser, STREAM + i, j - i), 0);
            seen = drain(&parser, seen);
            assert_int_equal(parser_feed(&parser, STREAM + j, size - j), 0);
            assert_int_equal(drain(&parser, seen), 4);
            assert_true(parser_clean(&parser));
            parser_free(&parser);
        }
}

static void one_byte_at_a_time_gives_the_same_packets(void **state)
{
    UNUSED(state);
    struct parser parser;
    unsigned seen = 0;
    parser_init(&parser, LIMIT);
    for (size_t i = 0; i < sizeof STREAM - 1; i++) {
        assert_int_equal(parser_feed(&parser, STREAM + i, 1), 0);
        seen = drain(&parser, seen);
    }
    assert_int_equal(seen, 4);
    parser_free(&parser);
}

static void refuses(const char *bytes, size_t length)
{
    struct parser parser;
    struct packet packet;
    parser_init(&parser, LIMIT);
    parser_feed(&parser, bytes, length);
    assert_int_equal(parser_next(&parser, &packet), -1);
    assert_non_null(parser.error);
    parser_feed(&parser, STREAM, sizeof STREAM - 1);
    assert_int_equal(parser_next(&parser, &packet), -1);
    assert_false(parser_clean(&parser));
    parser_free(&parser);
}

static void garbage_is_refused_at_the_first_wrong_byte(void **state)
{
    UNUSED(state);
    refuses("H", 1);
    refuses("\0REQ", 4);
    refuses("\0RX", 3);
}

static void lengths_beyond_the_bound_of_their_type_are_refused(void **state)
{
    UNUSED(state);
    refuses("\0RES\0\0\0\x08\xff\xff\xff\xff", 12); /* JOB_CREATED of 4 GiB */
    refuses("\0RES\0\0\0\x08\0\0\1\0", 12);          /* of 256 */
    refuses("\0RES\0\0\0\x0d\0\x10\0\1", 12);        /* WORK_COMPLETE of LIMIT + 1 */
}

static void types_that_no_client_expects_are_refused(void **state)
{
    UNUSED(state);
    refuses("\0RES\0\0\0\x07\0\0\0\0", 12);
    refuses("\0RES\0\0\0\0\0\0\0\0", 12);
    refuses("\0RES\0\0\1\x08\0\0\0\0", 12);
    refuses("\0RES\xff\xff\xff\xff\0\0\0\0", 12);
}

static void a_large_claim_takes_no_memory_before_its_bytes_come(void **state)
{
    UNUSED(state);
    struct parser parser;
    struct packet packet;
    parser_init(&parser, (size_t)1 << 30);
    parser_feed(&parser, "\0RES\0\0\0\x0d\x3f\0\0\0", 12);
    assert_int_equal(parser_next(&parser, &packet), 0);
    assert_true(parser.input.capacity <= 65536);
    parser_free(&parser);
}

static void memory_of_a_large_result_is_given_back(void **state)
{
    UNUSED(state);
    struct parser parser;
    struct packet packet;
    static char body[300000];
    parser_init(&parser, LIMIT);
    parser_feed(&parser, "\0RES\0\0\0\x0d\0\x04\x93\xe0", 12);
    parser_feed(&parser, body, sizeof body);
    assert_int_equal(parser_next(&parser, &packet), 1);
    assert_int_equal(packet.length, sizeof body);
    parser_trim(&parser);
    assert_int_equal(parser.input.capacity, 0);
    parser_feed(&parser, STREAM, sizeof STREAM - 1);
    assert_int_equal(drain(&parser, 0), 4);
    parser_free(&parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_in_three_gives_the_same_packets),
        cmocka_unit_test(one_byte_at_a_time_gives_the_same_packets),
        cmocka_unit_test(garbage_is_refused_at_the_first_wrong_byte),
        cmocka_unit_test(lengths_beyond_the_bound_of_their_type_are_refused),
        cmocka_unit_test(types_that_no_client_expects_are_refused),
        cmocka_unit_test(a_large_claim_takes_no_memory_before_its_bytes_come),
        cmocka_unit_test(memory_of_a_large_result_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
