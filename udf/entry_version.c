/* gman_version()   RETURNS INTEGER
 *
 * A version number for a row: microseconds since 1970, strictly rising within the database server's process whatever
 * its clock does. SELECT gman_version().
 *
 * Never NULL. SQL error when the statement is prepared: any argument. */
#include "entry.h"
#include "version.h"

#include <stdio.h>

ENTRY bool gman_version_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    if (args->arg_count != 0) {
        snprintf(message, ENTRY_MESSAGE, "it takes no argument");
        return true;
    }
    init->maybe_null = 0;
    init->const_item = 0;
    return false;
}

ENTRY long long gman_version(UDF_INIT *init, UDF_ARGS *args, unsigned char *is_null, unsigned char *error)
{
    (void)init;
    (void)args;
    (void)is_null;
    (void)error;
    return version_next();
}

ENTRY void gman_version_deinit(UDF_INIT *init)
{
    (void)init;
}
