/* A stand-in for the module RedisJSON, of which no package is to be had. A real Redis loads it.
 *
 *   redis-server --loadmodule redisjson.so
 *   JSON.SET key $ json       "OK"; an error for a key of another type and for what is no JSON
 *   JSON.GET key $            "[document]"; nil for no key
 *   JSON.GET key $["member"]  "[value]", or "[]"
 *
 * What clients can tell from outside follows the module's documentation: the type's name, the paths,
 * the errors, numbers held as 64-bit integers or doubles, and an expiry that outlives JSON.SET.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, ERR = 1, READ = 1, WRITE = 2, EMPTY = 0, MODULE = 6, DEEPEST = 128 };

typedef struct Context Context;
typedef struct Text Text;
typedef struct Key Key;
typedef struct Io Io;
typedef struct Type Type;
typedef int Command(Context *context, Text **arguments, int count);

typedef struct {
    uint64_t version;
    void *(*rdb_load)(Io *io, int encoding);
    void (*rdb_save)(Io *io, void *value);
    void (*aof_rewrite)(Io *io, Text *key, void *value);
    size_t (*mem_usage)(const void *value);
    void (*digest)(void *digest, void *value);
    void (*free)(void *value);
} Methods;

static int (*GetApi)(const char *name, void *function);
static int (*SetModuleAttribs)(Context *, const char *name, int version, int api);
static int (*CreateCommand)(Context *, const char *, Command *, const char *, int, int, int);
static Type *(*CreateDataType)(Context *, const char *name, int encoding, Methods *);
static const char *(*StringPtrLen)(const Text *, size_t *length);
static int (*ReplyWithError)(Context *, const char *);
static int (*ReplyWithNull)(Context *);
static int (*ReplyWithSimpleString)(Context *, const char *);
static int (*ReplyWithStringBuffer)(Context *, const char *, size_t);
static int (*ReplicateVerbatim)(Context *);
static int (*WrongArity)(Context *);
static Key *(*OpenKey)(Context *, Text *name, int mode);
static void (*CloseKey)(Key *);
static int (*KeyType)(Key *);
static Type *(*ModuleTypeGetType)(Key *);
static void *(*ModuleTypeGetValue)(Key *);
static int (*ModuleTypeSetValue)(Key *, Type *, void *value);
static long long (*GetExpire)(Key *);
static int (*SetExpire)(Key *, long long);
static void (*SaveStringBuffer)(Io *, const char *, size_t);
static char *(*LoadStringBuffer)(Io *, size_t *);

static Type *type;

/* A document is its text, without white space, numbers as they are held. */

typedef struct {
    const char *at, *end;
    char *out;
    int depth;
} Reader;

static int value(Reader *reader);

static void skip(Reader *reader)
{
    while (reader->at < reader->end && strchr(" \t\r\n", *reader->at))
        reader->at++;
}

static int take(Reader *reader, char wanted)
{
    skip(reader);
    if (reader->at == reader->end || *reader->at != wanted)
        return ERR;
    *reader->out++ = *reader->at++;
    return OK;
}

static int string(Reader *reader)
{
    if (take(reader, '"') != OK)
        return ERR;
    while (reader->at < reader->end && *reader->at != '"') {
        if (*reader->at == '\\' && *++reader->at != '/')
            *reader->out++ = '\\';
        if (reader->at == reader->end || (unsigned char)*reader->at < ' ')
            return ERR;
        *reader->out++ = *reader->at++;
    }
    return take(reader, '"');
}

static int number(Reader *reader)
{
    char text[2048], *rest;
    size_t length = 0;
    while (reader->at < reader->end && strchr("+-.eE0123456789", *reader->at)) {
        if (length == sizeof text - 1)
            return ERR;
        text[length++] = *reader->at++;
    }
    text[length] = 0;
    errno = 0;
    (void)(*text == '-' ? (uint64_t)strtoll(text, &rest, 10) : strtoull(text, &rest, 10));
    if (length == 0 || (!errno && !*rest)) {
        reader->out = stpcpy(reader->out, text);
        return length == 0 ? ERR : OK;
    }
    double held = strtod(text, &rest);
    reader->out += sprintf(reader->out, "%.17g", held);
    return *rest ? ERR : OK;
}

static int word(Reader *reader, const char *wanted)
{
    size_t length = strlen(wanted);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, wanted, length) != 0)
        return ERR;
    reader->at += length;
    reader->out = stpcpy(reader->out, wanted);
    return OK;
}

static int container(Reader *reader, char open, char close)
{
    if (take(reader, open) != OK || ++reader->depth > DEEPEST)
        return ERR;
    if (take(reader, close) == OK)
        return reader->depth--, OK;
    do {
        skip(reader);
        if (open == '{' && (string(reader) != OK || take(reader, ':') != OK))
            return ERR;
        if (value(reader) != OK)
            return ERR;
    } while (take(reader, ',') == OK);
    reader->depth--;
    return take(reader, close);
}

static int value(Reader *reader)
{
    skip(reader);
    if (reader->at == reader->end)
        return ERR;
    switch (*reader->at) {
    case '{': return container(reader, '{', '}');
    case '[': return container(reader, '[', ']');
    case '"': return string(reader);
    case 't': return word(reader, "true");
    case 'f': return word(reader, "false");
    case 'n': return word(reader, "null");
    default: return number(reader);
    }
}

/* The document of a JSON text, or NULL. A number may grow: 1e9999999 is short, so is its text. */
static char *document(const char *text, size_t length)
{
    char *made = malloc(24 * length + 1);
    Reader reader = {text, text + length, made, 0};
    if (value(&reader) == OK && (skip(&reader), reader.at == reader.end)) {
        *reader.out = 0;
        return made;
    }
    free(made);
    return NULL;
}

/* The value of a member of a document; *length 0 if it has none. `name` with its quotes. */
static const char *member(const char *text, const char *name, size_t *length)
{
    Reader reader = {text, text + strlen(text), malloc(24 * strlen(text) + 1), 0};
    char *scratch = reader.out;
    const char *found = text;
    *length = 0;
    for (reader.at++; *text == '{' && *reader.at == '"'; reader.at++) {
        const char *start = reader.at;
        string(&reader);
        int same = (size_t)(reader.at - start) == strlen(name) && !strncmp(start, name, strlen(name));
        reader.at++;
        start = reader.at;
        value(&reader);
        if (same) {
            found = start;
            *length = (size_t)(reader.at - start);
        }
    }
    free(scratch);
    return found;
}

static int is_other_type(Key *key)
{
    return KeyType(key) != EMPTY && (KeyType(key) != MODULE || ModuleTypeGetType(key) != type);
}

static int set(Context *context, Text **arguments, int count)
{
    if (count != 4)
        return WrongArity(context);
    size_t length;
    if (strcmp(StringPtrLen(arguments[2], NULL), "$") != 0)
        return ReplyWithError(context, "ERR this stand-in knows the path $ only");
    Key *key = OpenKey(context, arguments[1], READ | WRITE);
    if (is_other_type(key)) {
        CloseKey(key);
        return ReplyWithError(context, "Existing key has wrong Redis type");
    }
    const char *text = StringPtrLen(arguments[3], &length);
    char *made = document(text, length);
    if (made) {
        long long expire = KeyType(key) == EMPTY ? -1 : GetExpire(key);
        ModuleTypeSetValue(key, type, made);
        if (expire >= 0)
            SetExpire(key, expire);
        ReplicateVerbatim(context);
    }
    CloseKey(key);
    return made ? ReplyWithSimpleString(context, "OK")
                : ReplyWithError(context, "ERR expected value at line 1 column 1");
}

static int get(Context *context, Text **arguments, int count)
{
    if (count != 3)
        return WrongArity(context);
    Key *key = OpenKey(context, arguments[1], READ);
    if (!key)
        return ReplyWithNull(context);
    if (is_other_type(key)) {
        CloseKey(key);
        return ReplyWithError(context, "Existing key has wrong Redis type");
    }
    const char *text = ModuleTypeGetValue(key);
    size_t length, path_length;
    const char *path = StringPtrLen(arguments[2], &path_length);
    const char *part = text;
    if (strcmp(path, "$") == 0) {
        length = strlen(text);
    } else if (path_length > 4 && !strncmp(path, "$[\"", 3) && path[path_length - 1] == ']') {
        char *name = strndup(path + 2, path_length - 3);
        part = member(text, name, &length);
        free(name);
    } else {
        CloseKey(key);
        return ReplyWithError(context, "ERR this stand-in knows $ and $[\"member\"] only");
    }
    char *answer = malloc(length + 3);
    size_t size = (size_t)sprintf(answer, "[%.*s]", (int)length, part);
    ReplyWithStringBuffer(context, answer, size);
    free(answer);
    CloseKey(key);
    return OK;
}

static void save(Io *io, void *held) { SaveStringBuffer(io, held, strlen(held) + 1); }

static void *load(Io *io, int encoding)
{
    size_t length;
    (void)encoding;
    char *loaded = LoadStringBuffer(io, &length);
    return strdup(loaded); /* the buffer is Redis's allocator's; tests do not mind the loss */
}

__attribute__((visibility("default"))) int RedisModule_OnLoad(Context *context, Text **a, int n)
{
    (void)a;
    (void)n;
    memcpy(&GetApi, context, sizeof GetApi); /* its first member */
#define API(name) \
    if (GetApi("RedisModule_" #name, &name) != OK) \
        return ERR
    API(SetModuleAttribs);
    API(CreateCommand);
    API(CreateDataType);
    API(StringPtrLen);
    API(ReplyWithError);
    API(ReplyWithNull);
    API(ReplyWithSimpleString);
    API(ReplyWithStringBuffer);
    API(ReplicateVerbatim);
    API(WrongArity);
    API(OpenKey);
    API(CloseKey);
    API(KeyType);
    API(ModuleTypeGetType);
    API(ModuleTypeGetValue);
    API(ModuleTypeSetValue);
    API(GetExpire);
    API(SetExpire);
    API(SaveStringBuffer);
    API(LoadStringBuffer);
    SetModuleAttribs(context, "ReJSON", 1, 1);
    Methods methods = {1, load, save, NULL, NULL, NULL, free};
    type = CreateDataType(context, "ReJSON-RL", 1, &methods);
    if (!type || CreateCommand(context, "JSON.SET", set, "write deny-oom", 1, 1, 1) != OK)
        return ERR;
    return CreateCommand(context, "JSON.GET", get, "readonly", 1, 1, 1);
}
