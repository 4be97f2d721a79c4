/* bench_noop(…): a loadable function that does nothing, the yardstick for those that do something.
 *
 *   CREATE FUNCTION bench_noop RETURNS INTEGER SONAME 'bench_noop.so';
 */
#include <mysql.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int bench_noop_init(UDF_INIT *init, UDF_ARGS *args, char *message);
EXPORT long long bench_noop(UDF_INIT *init, UDF_ARGS *args, char *is_null, char *error);

int bench_noop_init(UDF_INIT *init, UDF_ARGS *args, char *message)
{
    (void)args;
    (void)message;
    init->maybe_null = 0;
    return 0;
}

long long bench_noop(UDF_INIT *init, UDF_ARGS *args, char *is_null, char *error)
{
    (void)init;
    (void)args;
    (void)is_null;
    (void)error;
    return 1;
}
