-- Install the loadable functions on MySQL 5.6, the JSON functions under their classic names as well.
--
-- For:     MySQL 5.5, 5.6 and 5.7 before 5.7.8; MariaDB before 10.2.3. Later servers have JSON_OBJECT and
--          JSON_ARRAY built in and refuse functions of these names with error 1585.
-- Needs:   gman_udf.so in the plugin directory (SELECT @@plugin_dir), owned by root, mode 644. On every
--          replica too, before this runs: CREATE FUNCTION is written to the binary log.
--          The privilege INSERT on mysql.* (see grants.sql).
-- Touches: the table mysql.func.
-- Run:     mysql < install-mysql-5.6.sql
--          A second run stops at once with error 1125, "Function … already exists", and changes nothing.
--          Where some functions are there already, those of the classic library perhaps, run
--          uninstall-mysql-5.6.sql first.
-- Undo:    uninstall-mysql-5.6.sql
-- Update:  put the new file in place by renaming it (never write into the old one: the server has it
--          mapped), then restart the server. A library that was loaded once stays loaded until then.

-- Gearman: names and arguments of the classic library.
CREATE FUNCTION gman_servers_set RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION gman_do RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION gman_do_high RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION gman_do_low RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION gman_do_background RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION gman_do_high_background RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION gman_do_low_background RETURNS STRING SONAME 'gman_udf.so';
CREATE AGGREGATE FUNCTION gman_sum RETURNS INTEGER SONAME 'gman_udf.so';

-- Gearman: what the classic library does not have.
CREATE FUNCTION gman_post RETURNS INTEGER SONAME 'gman_udf.so';
CREATE FUNCTION gman_version RETURNS INTEGER SONAME 'gman_udf.so';
CREATE FUNCTION gman_status RETURNS STRING SONAME 'gman_udf.so';

-- JSON. The names with udf_ work on every server: SQL that uses them survives an upgrade.
CREATE FUNCTION json_object RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION json_array RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION udf_json_object RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION udf_json_array RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION json_members RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION json_values RETURNS STRING SONAME 'gman_udf.so';
CREATE FUNCTION lib_mysqludf_json_info RETURNS STRING SONAME 'gman_udf.so';
