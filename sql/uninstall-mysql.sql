-- Remove the loadable functions that install-mysql.sql installs.
--
-- Needs:   the privilege DELETE on mysql.* (see grants.sql).
-- Touches: the table mysql.func.
-- Danger:  run this only while nothing calls one of the functions, by triggers above all; best drop
--          those triggers first (SHOW TRIGGERS). A write just then fails (errors 1122, 1123, 1305, 1584),
--          and MySQL 9.7 itself crashes now and then, whatever the loadable function does.
-- Run:     mysql < uninstall-mysql.sql
--          A function that is not there is only a warning.
-- Undo:    install-mysql.sql
--
-- The library's file stays, and stays loaded until the server restarts.
-- No schema is selected on purpose: DROP FUNCTION could otherwise mean a stored function of the schema.

-- Gearman.
DROP FUNCTION IF EXISTS gman_servers_set;
DROP FUNCTION IF EXISTS gman_do;
DROP FUNCTION IF EXISTS gman_do_high;
DROP FUNCTION IF EXISTS gman_do_low;
DROP FUNCTION IF EXISTS gman_do_background;
DROP FUNCTION IF EXISTS gman_do_high_background;
DROP FUNCTION IF EXISTS gman_do_low_background;
DROP FUNCTION IF EXISTS gman_sum;
DROP FUNCTION IF EXISTS gman_post;
DROP FUNCTION IF EXISTS gman_version;
DROP FUNCTION IF EXISTS gman_status;

-- JSON.
DROP FUNCTION IF EXISTS udf_json_object;
DROP FUNCTION IF EXISTS udf_json_array;
DROP FUNCTION IF EXISTS json_members;
DROP FUNCTION IF EXISTS json_values;
DROP FUNCTION IF EXISTS lib_mysqludf_json_info;
