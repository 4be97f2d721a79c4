-- The classic recipe, unchanged: UPDATE a row, find it in Redis under its id.
--
-- For:     MySQL 5.5, 5.6 and 5.7 before 5.7.8; MariaDB before 10.2.3 (elsewhere: classic-recipe.sql).
-- Needs:   gman_udf.so in the plugin directory as libgearman_mysql_udf.so and as lib_mysqludf_json.so; a job
--          server (change the address below); a running `sync-worker run`. INSERT and DELETE on mysql.*,
--          CREATE and TRIGGER on the schema (see grants.sql).
-- Touches: mysql.func; in the present schema the table `stock` and its trigger `stock_to_redis`.
-- Run:     mysql shop < classic-recipe-5.6.sql
--          A second run is allowed and keeps the rows. The three functions are dropped and created again:
--          not for a server whose triggers call them already (see uninstall-mysql-5.6.sql).
-- Try:     INSERT INTO stock VALUES (1, 10);
--          UPDATE stock SET volume = 11 WHERE id = 1;
--          redis-cli GET 1        {"id":1,"volume":11}
-- Undo:    DROP TABLE stock; and uninstall-mysql-5.6.sql
--
-- The server list is forgotten when the database server restarts; the line `servers = 127.0.0.1:4730` in
-- /etc/gman_udf.conf is not. The job leaves before the commit: after a ROLLBACK Redis has the value that was
-- never committed until the row's next change.

DROP FUNCTION IF EXISTS gman_servers_set;
DROP FUNCTION IF EXISTS gman_do_background;
DROP FUNCTION IF EXISTS json_object;
CREATE FUNCTION gman_servers_set RETURNS STRING SONAME 'libgearman_mysql_udf.so';
CREATE FUNCTION gman_do_background RETURNS STRING SONAME 'libgearman_mysql_udf.so';
CREATE FUNCTION json_object RETURNS STRING SONAME 'lib_mysqludf_json.so';

SELECT gman_servers_set('127.0.0.1:4730');

CREATE TABLE IF NOT EXISTS stock (
  id INT NOT NULL PRIMARY KEY,
  volume INT NOT NULL
) ENGINE=InnoDB;

DROP TRIGGER IF EXISTS stock_to_redis;
DELIMITER $$
CREATE TRIGGER stock_to_redis AFTER UPDATE ON stock FOR EACH ROW
BEGIN
  SET @ret = gman_do_background('syncToRedis', json_object(NEW.id as `id`, NEW.volume as `volume`));
END$$
DELIMITER ;
