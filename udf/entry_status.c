/* gman_status()   RETURNS STRING
 *
 * What the library knows of itself, as one JSON object: SELECT gman_status(). Members: version, servers, settings,
 * counts since it was loaded, queue length and bytes, the last error and when it was (microseconds since 1970).
 *
 * NULL only if memory ran out. SQL error when the statement is prepared: any argument. */
#include "entry.h"
#include "status.h"

#include <stdio.h>

ENTRY bool gman_status_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    if (args->arg_count != 0) {
        snprintf(message, ENTRY_MESSAGE, "it takes no argument");
        return true;
    }
    init->maybe_null = 1;
    init->const_item = 0;
    init->ptr = NULL;
    init->max_length = ENTRY_LONGTEXT;
    return false;
}

ENTRY char *gman_status(UDF_INIT *init, UDF_ARGS *args, char *result, unsigned long *length, unsigned char *is_null,
                        unsigned char *error)
{
    struct buffer out;
    struct library *library = library_get();
    (void)args;
    (void)result;
    (void)error;
    entry_free(init);
    if (library == NULL)
        return entry_null(is_null);
    buffer_init(&out);
    status_write(library, &out);
    if (out.failed) {
        buffer_free(&out);
        return entry_null(is_null);
    }
    init->ptr = out.data;
    *length = out.length;
    return out.data;
}

ENTRY void gman_status_deinit(UDF_INIT *init)
{
    entry_free(init);
}
