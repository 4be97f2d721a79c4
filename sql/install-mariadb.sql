-- Install the loadable functions on MariaDB.
--
-- For:     MariaDB 10.2.3 and later, where JSON_OBJECT and JSON_ARRAY are built in: the two classic
--          functions of those names are installed as udf_json_object and udf_json_array.
-- Needs:   gman_udf.so in the plugin directory (SELECT @@plugin_dir), owned by root, mode 644. On every
--          replica too, before this runs: CREATE FUNCTION is written to the binary log.
--          The privilege INSERT on mysql.* (see grants.sql).
-- Touches: the table mysql.func.
-- Run:     mariadb < install-mariadb.sql
--          A second run changes nothing and is harmless. A function that is there already is left as it
--          is, one of the classic library too: to replace those, run uninstall-mariadb.sql first.
-- Undo:    uninstall-mariadb.sql
-- Update:  put the new file in place by renaming it (never write into the old one: the server has it
--          mapped), then restart the server. A library that was loaded once stays loaded until then.

-- Gearman: names and arguments of the classic library.
CREATE FUNCTION IF NOT EXISTS gman_servers_set RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS gman_do RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS gman_do_high RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS gman_do_low RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS gman_do_background RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS gman_do_high_background RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS gman_do_low_background RETURNS STRING SONAME 'gman_udf.so';
CREATE AGGREGATE FUNCTION IF NOT EXISTS gman_sum RETURNS INTEGER SONAME 'gman_udf.so';

-- Gearman: what the classic library does not have.
CREATE FUNCTION IF NOT EXISTS gman_post RETURNS INTEGER SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS gman_version RETURNS INTEGER SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS gman_status RETURNS STRING SONAME 'gman_udf.so';

-- JSON.
CREATE FUNCTION IF NOT EXISTS udf_json_object RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS udf_json_array RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS json_members RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS json_values RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION IF NOT EXISTS lib_mysqludf_json_info RETURNS STRING SONAME 'gman_udf.so';
