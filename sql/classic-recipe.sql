-- The classic recipe where JSON_OBJECT is built in: UPDATE a row, find it in Redis under its id.
--
-- For:     MySQL 5.7.8 and later, MariaDB 10.2.3 and later; older ones too, if the functions are installed.
--          The one difference from the classic text is the name udf_json_object: the built-in JSON_OBJECT
--          takes no `AS`.
-- Needs:   the functions (install-mysql.sql or install-mariadb.sql); a job server (change the address below);
--          a running `sync-worker run`. CREATE and TRIGGER on the schema (see grants.sql).
-- Touches: in the present schema the table `stock` and its trigger `stock_to_redis`.
-- Run:     mysql shop < classic-recipe.sql
--          A second run is allowed and keeps the rows.
-- Try:     INSERT INTO stock VALUES (1, 10);
--          UPDATE stock SET volume = 11 WHERE id = 1;
--          redis-cli GET 1        {"id":1,"volume":11}
-- Undo:    DROP TABLE stock;
--
-- The server list is forgotten when the database server restarts; the line `servers = 127.0.0.1:4730` in
-- /etc/gman_udf.conf is not. The job leaves before the commit: after a ROLLBACK Redis has the value that was
-- never committed until the row's next change.

SELECT gman_servers_set('127.0.0.1:4730');

CREATE TABLE IF NOT EXISTS stock (
  id INT NOT NULL PRIMARY KEY,
  volume INT NOT NULL
) ENGINE=InnoDB;

DROP TRIGGER IF EXISTS stock_to_redis;
DELIMITER $$
CREATE TRIGGER stock_to_redis AFTER UPDATE ON stock FOR EACH ROW
BEGIN
  SET @ret = gman_do_background('syncToRedis', udf_json_object(NEW.id as `id`, NEW.volume as `volume`));
END$$
DELIMITER ;
