#include "host.h"

#include "check.h"

#include <dlfcn.h>

struct frame {
    UDF_INIT init;
    UDF_ARGS args;
    enum Item_result types[HOST_ARGS];
    char *values[HOST_ARGS];
    unsigned long lengths[HOST_ARGS];
    char maybe_null[HOST_ARGS];
    const char *names[HOST_ARGS];
    unsigned long name_lengths[HOST_ARGS];
    long long integers[HOST_ARGS];
    double reals[HOST_ARGS];
};

static void *find(const char *function, const char *suffix)
{
    char name[100];
    snprintf(name, sizeof name, "%s%s", function, suffix);
    void *entry = dlsym(RTLD_DEFAULT, name);
    assert_non_null(entry);
    return entry;
}

static char *copy(const char *text, size_t length)
{
    char *block = malloc(length > 0 ? length : 1); /* not ended by NUL: reading past it is seen */
    memcpy(block, text, length);
    return block;
}

/* What a server puts into args for one argument, given the type that the function has asked for. */
static void fill(struct frame *f, unsigned i, const struct host_argument *a)
{
    free(f->values[i]);
    f->values[i] = NULL;
    if (a->null || ((f->types[i] == STRING_RESULT || f->types[i] == DECIMAL_RESULT) && a->text == NULL))
        return;
    if (f->types[i] == INT_RESULT) {
        f->values[i] = copy((const char *)&a->integer, sizeof a->integer);
        f->lengths[i] = 8;
    } else if (f->types[i] == REAL_RESULT) {
        f->values[i] = copy((const char *)&a->real, sizeof a->real);
        f->lengths[i] = 8;
    } else {
        f->values[i] = copy(a->text, a->length);
        f->lengths[i] = a->length;
    }
}

static bool begin(struct frame *f, const char *function, unsigned count, const struct host_argument *arguments,
                  struct host_result *result)
{
    memset(f, 0, sizeof *f);
    memset(result, 0, sizeof *result);
    f->args = (UDF_ARGS){.arg_count = count, .arg_type = f->types, .args = f->values, .lengths = f->lengths,
                         .maybe_null = f->maybe_null, .attributes = f->names, .attribute_lengths = f->name_lengths};
    for (unsigned i = 0; i < count; i++) {
        const char *name = arguments[i].name != NULL ? arguments[i].name : "x";
        f->types[i] = arguments[i].type;
        f->maybe_null[i] = 1;
        f->names[i] = copy(name, strlen(name));
        f->name_lengths[i] = strlen(name);
        if (arguments[i].constant)
            fill(f, i, &arguments[i]);
        f->lengths[i] = arguments[i].width > 0 ? arguments[i].width : arguments[i].length;
    }
    bool (*init)(UDF_INIT *, UDF_ARGS *, char *);
    *(void **)&init = find(function, "_init");
    result->refused = init(&f->init, &f->args, result->message);
    for (unsigned i = 0; i < count && !result->refused; i++)
        fill(f, i, &arguments[i]);
    return !result->refused;
}

static void end(struct frame *f, const char *function, const struct host_result *result)
{
    void (*deinit)(UDF_INIT *);
    *(void **)&deinit = find(function, "_deinit");
    if (!result->refused)
        deinit(&f->init);
    for (unsigned i = 0; i < f->args.arg_count; i++) {
        free(f->values[i]);
        free((void *)(uintptr_t)f->names[i]);
    }
}

struct host_result host_string(const char *function, unsigned count, const struct host_argument *arguments, int rows)
{
    struct frame f;
    struct host_result result;
    char *(*row)(UDF_INIT *, UDF_ARGS *, char *, unsigned long *, unsigned char *, unsigned char *);
    *(void **)&row = find(function, "");
    bool ready = begin(&f, function, count, arguments, &result);
    for (int i = 0; ready && i < rows; i++) {
        char *own = malloc(255);
        unsigned long length = 255;
        unsigned char null = 0, error = 0;
        const char *text = row(&f.init, &f.args, own, &length, &null, &error);
        free(result.text);
        result.null = null || text == NULL;
        result.error = error;
        result.length = result.null ? 0 : length;
        result.text = calloc(1, result.length + 1);
        if (!result.null)
            memcpy(result.text, text, length);
        free(own);
    }
    end(&f, function, &result);
    return result;
}

struct host_result host_integer(const char *function, unsigned count, const struct host_argument *arguments, int rows)
{
    struct frame f;
    struct host_result result;
    long long (*row)(UDF_INIT *, UDF_ARGS *, unsigned char *, unsigned char *);
    *(void **)&row = find(function, "");
    bool ready = begin(&f, function, count, arguments, &result);
    for (int i = 0; ready && i < rows; i++) {
        unsigned char null = 0, error = 0;
        result.integer = row(&f.init, &f.args, &null, &error);
        result.null = null;
        result.error = error;
    }
    end(&f, function, &result);
    return result;
}

struct host_result host_aggregate(const char *function, unsigned count, const struct host_argument *arguments,
                                  int rows)
{
    struct frame f;
    struct host_result result;
    unsigned char null = 0, error = 0;
    void (*clear)(UDF_INIT *, unsigned char *, unsigned char *);
    void (*add)(UDF_INIT *, UDF_ARGS *, unsigned char *, unsigned char *);
    long long (*row)(UDF_INIT *, UDF_ARGS *, unsigned char *, unsigned char *);
    *(void **)&clear = find(function, "_clear");
    *(void **)&add = find(function, "_add");
    *(void **)&row = find(function, "");
    if (begin(&f, function, count, arguments, &result)) {
        clear(&f.init, &null, &error);
        for (int i = 0; i < rows; i++)
            add(&f.init, &f.args, &null, &error);
        result.integer = row(&f.init, &f.args, &null, &error);
        result.null = null;
        result.error = error;
    }
    end(&f, function, &result);
    return result;
}

struct host_argument host_constant(const char *text)
{
    return (struct host_argument){.type = STRING_RESULT, .text = text, .length = text ? strlen(text) : 0,
                                  .constant = true};
}

struct host_argument host_column(const char *text)
{
    struct host_argument argument = host_constant(text);
    argument.constant = false;
    return argument;
}

void host_servers(int port)
{
    char text[40];
    snprintf(text, sizeof text, "127.0.0.1:%d", port);
    struct host_argument argument = host_constant(text);
    struct host_result result = host_string("gman_servers_set", 1, &argument, 1);
    assert_false(result.refused);
    assert_string_equal(result.text, text);
    free(result.text);
}
