-- Install the functions of the two classic libraries under the two classic file names.
--
-- For:     MySQL 5.5, 5.6 and 5.7 before 5.7.8; MariaDB before 10.2.3: where these functions could be
--          created at all. For people whose scripts or replicas name these files; else take
--          install-mysql-5.6.sql, which has every function.
-- Needs:   gman_udf.so in the plugin directory (SELECT @@plugin_dir) as libgearman_mysql_udf.so and as
--          lib_mysqludf_json.so, owned by root, mode 644; hard links or symbolic links will do. Copies
--          work too: each copy is then loaded once more, with settings and counts of its own.
--          The privilege INSERT on mysql.* (see grants.sql).
-- Touches: the table mysql.func.
-- Run:     mysql < install-classic-names.sql
--          A second run stops at once with error 1125, "Function … already exists", and changes nothing.
-- Undo:    uninstall-mysql-5.6.sql

-- libgearman_mysql_udf
CREATE FUNCTION gman_servers_set RETURNS STRING SONAME 'libgearman_mysql_udf.so';
CREATE FUNCTION gman_do RETURNS STRING SONAME 'libgearman_mysql_udf.so';
CREATE FUNCTION gman_do_high RETURNS STRING SONAME 'libgearman_mysql_udf.so';
CREATE FUNCTION gman_do_low RETURNS STRING SONAME 'libgearman_mysql_udf.so';
CREATE FUNCTION gman_do_background RETURNS STRING SONAME 'libgearman_mysql_udf.so';
CREATE FUNCTION gman_do_high_background RETURNS STRING SONAME 'libgearman_mysql_udf.so';
CREATE FUNCTION gman_do_low_background RETURNS STRING SONAME 'libgearman_mysql_udf.so';
CREATE AGGREGATE FUNCTION gman_sum RETURNS INTEGER SONAME 'libgearman_mysql_udf.so';

-- lib_mysqludf_json
CREATE FUNCTION json_object RETURNS STRING SONAME 'lib_mysqludf_json.so';
CREATE FUNCTION json_array RETURNS STRING SONAME 'lib_mysqludf_json.so';
CREATE FUNCTION json_members RETURNS STRING SONAME 'lib_mysqludf_json.so';
CREATE FUNCTION json_values RETURNS STRING SONAME 'lib_mysqludf_json.so';
CREATE FUNCTION lib_mysqludf_json_info RETURNS STRING SONAME 'lib_mysqludf_json.so';
