/* What the SQL entry points share: the database server's ABI, argument checks, returning values.
 *
 * Only entry_*.c include this; nothing else knows UDF_ARGS. Rules of the ABI that shape the code: `init` runs for
 * every execution of a trigger, that is for every row; an argument that is constant is in args->args at `init`, any
 * other is NULL there, as a constant NULL is; strings do not end in NUL; `*error` would make the server stop calling
 * the function for the rest of the statement, so nothing here ever sets it. */
#ifndef GMAN_ENTRY_H
#define GMAN_ENTRY_H

#include <stdbool.h> /* MySQL's own header uses bool */

#include <mysql.h>
#if defined __has_include
#if __has_include(<mysql/udf_registration_types.h>)
#include <mysql/udf_registration_types.h>
#endif
#endif

#include "library.h"
#include "packet.h"

#define ENTRY __attribute__((visibility("default")))
#define ENTRY_MESSAGE 200      /* room for an SQL error; servers show 80 bytes of it, after the function's name */
#define ENTRY_RESULT 255       /* bytes that a server's result buffer always has */
#define ENTRY_LONGTEXT 0xFFFFFFFFul

/* For `init` of a function that takes (function, workload [, unique]): counts the arguments, asks for all of them as
 * text, and looks at those that are known. Returns true with the message written if the statement is to fail. */
bool entry_check_job(UDF_INIT *init, UDF_ARGS *args, char *message);

/* Builds the job of one row. The bytes stay the server's. Returns NULL, or a static text: why it is no job. */
const char *entry_job(const UDF_ARGS *args, enum packet_type type, struct job *job);

/* Counts a failed row and keeps the reason. */
void entry_failed(const char *name, const char *why);

/* Returns NULL to SQL. */
char *entry_null(unsigned char *is_null);

/* Frees what init->ptr holds. */
void entry_free(UDF_INIT *init);

#endif
