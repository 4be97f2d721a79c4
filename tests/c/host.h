/* Imitates how a database server calls loadable functions. */
#ifndef HOST_H
#define HOST_H

#include "entry.h"

#define HOST_ARGS 8

/* One argument, as SQL would give it. */
struct host_argument {
    enum Item_result type;
    const char *name;   /* alias or expression text; not ended by NUL when it reaches the function */
    const char *text;   /* STRING and DECIMAL; NULL is SQL's NULL */
    size_t length;      /* of text */
    long long integer;  /* INT: what an INT_RESULT function gets */
    double real;        /* REAL */
    unsigned long width; /* INT: display width */
    bool constant;      /* known at init */
    bool null;
};

struct host_result {
    bool refused; /* init failed: message says why */
    char message[512];
    bool null;
    bool error;
    char *text; /* string functions: a copy, ended by NUL; free it */
    size_t length;
    long long integer;
};

/* A string argument that is a constant, and one that is not. */
struct host_argument host_constant(const char *text);
struct host_argument host_column(const char *text);

/* Runs init, `rows` rows with the same arguments, deinit. The result is that of the last row. */
struct host_result host_string(const char *function, unsigned count, const struct host_argument *arguments, int rows);
struct host_result host_integer(const char *function, unsigned count, const struct host_argument *arguments, int rows);

/* An aggregate over `rows` equal rows. */
struct host_result host_aggregate(const char *function, unsigned count, const struct host_argument *arguments,
                                  int rows);

/* Opens the library anew with this server list. */
void host_servers(int port);

#endif
