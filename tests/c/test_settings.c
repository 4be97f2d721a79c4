/* The configuration file: what is taken, and what is said about the rest. */
#include "check.h"
#include "library.h"
#include "status.h"

#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/gman_udf_test_XXXXXX";

static void write_file(const char *text)
{
    strcpy(path + sizeof path - 7, "XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void all_settings_are_read(void **state)
{
    UNUSED(state);
    struct library library;
    write_file("# comment\n\n  servers = 10.0.0.1, [::1]:99 # two\nservers.mail=127.0.0.1:1\r\n"
               "connect_timeout_ms = 1\nack_timeout_ms=2\nresult_timeout_ms=3\nretry_after_ms=4\n"
               "queue_bytes=65536\nresult_bytes=4096\nlocked = yes");
    assert_int_equal(library_open(&library, path, true), 0);
    const struct settings *s = &library.settings;
    assert_int_equal(s->connect_timeout_ms, 1);
    assert_int_equal(s->ack_timeout_ms, 2);
    assert_int_equal(s->result_timeout_ms, 3);
    assert_int_equal(s->retry_after_ms, 4);
    assert_int_equal(s->queue_bytes, 65536);
    assert_int_equal(s->result_bytes, 4096);
    assert_true(s->locked);
    assert_int_equal(library.fallback.list.count, 2);
    assert_string_equal(library.fallback.list.servers[1]->name, "[::1]:99");
    struct bytes mail = {"mail", 4};
    assert_string_equal(route_find(&library, &mail)->list.servers[0]->name, "127.0.0.1:1");
    assert_int_equal(library.counters.last_error_at, 0);
    library_close(&library);
    unlink(path);
}

static void each_bad_line_is_ignored_with_a_reason(void **state)
{
    UNUSED(state);
    const char *const lines[] = {"nonsense",          "colour = red",        "ack_timeout_ms = 0",  "ack_timeout_ms = 1s",
                                 "ack_timeout_ms = ", "queue_bytes = 10",    "locked = perhaps",    "servers = a:b",
                                 "servers = ",        "servers. = 127.0.0.1", "retry_after_ms = -1", "= 5",
                                 "queue_bytes = 99999999999999999999"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct library library;
        char text[200], where[300], last[COUNTERS_ERROR_MAX];
        snprintf(text, sizeof text, "\n%s\nconnect_timeout_ms = 77\n", lines[i]);
        write_file(text);
        assert_int_equal(library_open(&library, path, true), 0);
        assert_true(counters_last_error(&library.counters, last) > 0);
        snprintf(where, sizeof where, "%s line 2 is ignored (%s): ", path, lines[i]);
        assert_non_null(strstr(last, where));
        assert_int_equal(library.settings.connect_timeout_ms, 77);
        assert_int_equal(library.settings.ack_timeout_ms, 1000);
        assert_string_equal(library.fallback.list.servers[0]->name, SETTINGS_DEFAULT_SERVERS);
        library_close(&library);
        unlink(path);
    }
}

static void a_line_without_end_is_ignored_whole(void **state)
{
    UNUSED(state);
    struct library library;
    char *text = malloc(10000);
    memset(text, 'x', 10000);
    strcpy(text + 9000, "\nconnect_timeout_ms = 77\n");
    write_file(text);
    free(text);
    assert_int_equal(library_open(&library, path, true), 0);
    assert_int_equal(library.settings.connect_timeout_ms, 77);
    assert_non_null(strstr(library.counters.last_error, "line 1 is ignored"));
    library_close(&library);
    unlink(path);
}

static void a_missing_file_is_told_only_if_it_was_named(void **state)
{
    UNUSED(state);
    struct library library;
    assert_int_equal(library_open(&library, "/nonexistent/gman_udf.conf", false), 0);
    assert_int_equal(library.counters.last_error_at, 0);
    library_close(&library);
    assert_int_equal(library_open(&library, "/nonexistent/gman_udf.conf", true), 0);
    assert_non_null(strstr(library.counters.last_error, "/nonexistent/gman_udf.conf cannot be read"));
    assert_string_equal(library.fallback.list.servers[0]->name, SETTINGS_DEFAULT_SERVERS);
    library_close(&library);
}

static void opens(const char *name, bool locked, const char *complaint)
{
    struct library library;
    assert_int_equal(library_open(&library, name, true), 0);
    assert_int_equal(library.settings.locked, locked);
    assert_string_equal(library.fallback.list.servers[0]->name, SETTINGS_DEFAULT_SERVERS);
    if (complaint != NULL)
        assert_non_null(strstr(library.counters.last_error, complaint));
    else
        assert_int_equal(library.counters.last_error_at, 0);
    library_close(&library);
}

static void a_file_that_is_none_is_refused_without_waiting(void **state)
{
    UNUSED(state);
    char *huge = malloc((2 << 20) + 1);
    memset(huge, '\n', 2 << 20);
    huge[2 << 20] = '\0';
    write_file(huge);
    free(huge);
    alarm(20); /* ends the test where one of these is waited for, or never ends */
    opens(path, true, "File too large");
    unlink(path);
    opens("/tmp", true, "Is a directory");
    opens("/dev/zero", true, "File too large");
    opens("/dev/null", false, NULL);
    opens("/dev/null/conf", false, "Not a directory");
    assert_int_equal(mkfifo(path, 0600), 0);
    opens(path, false, NULL);
    alarm(0);
    unlink(path);
}

static void what_may_be_a_lock_locks(void **state)
{
    UNUSED(state);
    write_file("locked = perhaps\n");
    opens(path, true, "yes is assumed");
    unlink(path);
}

static void count_complaint(void *context, const char *text)
{
    UNUSED(text);
    ++*(int *)context;
}

static void junk_does_not_flood_the_log_and_nul_bytes_end_no_line(void **state)
{
    UNUSED(state);
    struct settings settings;
    int count = 0;
    struct settings_reader reader = {NULL, count_complaint, &count};
    write_file("");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 10000; i++)
        fwrite("ack_timeout_ms = 5\0junk\n", 1, 24, file);
    fclose(file);
    settings_defaults(&settings);
    assert_int_equal(settings_read(&settings, path, &reader), 0);
    assert_int_equal(settings.ack_timeout_ms, 1000);
    assert_true(count > 1 && count < 100);
    unlink(path);
}

static void lists_are_replaced_and_servers_shared(void **state)
{
    UNUSED(state);
    struct library library;
    struct bytes none = {"", 0}, f = {"f", 1}, list = {"127.0.0.1:1,127.0.0.1:1,127.0.0.1:2", 35};
    assert_int_equal(library_open(&library, NULL, false), 0);
    assert_ptr_equal(route_find(&library, &f), &library.fallback);
    assert_null(route_set(&library, &none, &list));
    assert_int_equal(library.fallback.list.count, 2);
    assert_null(route_set(&library, &f, &list));
    assert_ptr_not_equal(route_find(&library, &f), &library.fallback);
    assert_ptr_equal(route_find(&library, &f)->list.servers[0], library.fallback.list.servers[0]);
    unsigned version = route_version(&library.fallback);
    struct bytes bad = {"127.0.0.1:1,", 12};
    assert_non_null(route_set(&library, &none, &bad));
    assert_int_equal(route_version(&library.fallback), version);
    library_close(&library);
}

static void addresses_and_functions_are_bounded(void **state)
{
    UNUSED(state);
    struct library library;
    struct bytes none = {"", 0};
    char text[40];
    const char *fault = NULL;
    int i;
    assert_int_equal(library_open(&library, NULL, false), 0);
    for (i = 1; i < 2000 && fault == NULL; i++) {
        struct bytes list = {text, (size_t)snprintf(text, sizeof text, "127.0.0.1:%d", i)};
        fault = route_set(&library, &none, &list);
    }
    assert_non_null(fault);
    assert_int_equal(library.server_count, LIBRARY_SERVERS_MAX);
    fault = NULL;
    struct bytes list = {"127.0.0.1:1", 11};
    for (i = 0; i < 300 && fault == NULL; i++) {
        struct bytes f = {text, (size_t)snprintf(text, sizeof text, "f%d", i)};
        fault = route_set(&library, &f, &list);
    }
    assert_non_null(fault);
    assert_int_equal(library.route_count, LIBRARY_ROUTES_MAX);
    library_close(&library);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_settings_are_read),
        cmocka_unit_test(each_bad_line_is_ignored_with_a_reason),
        cmocka_unit_test(a_line_without_end_is_ignored_whole),
        cmocka_unit_test(a_missing_file_is_told_only_if_it_was_named),
        cmocka_unit_test(a_file_that_is_none_is_refused_without_waiting),
        cmocka_unit_test(what_may_be_a_lock_locks),
        cmocka_unit_test(junk_does_not_flood_the_log_and_nul_bytes_end_no_line),
        cmocka_unit_test(lists_are_replaced_and_servers_shared),
        cmocka_unit_test(addresses_and_functions_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
