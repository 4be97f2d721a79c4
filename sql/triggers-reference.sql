-- Reference triggers: a table whose every row is kept in Redis, on insert, update and delete.
--
-- For:     every server on which one of the install files was run.
-- Needs:   the functions; a job server set in /etc/gman_udf.conf or by gman_servers_set; a running
--          `sync-worker run`. CREATE and TRIGGER on the schema (see grants.sql).
-- Touches: in the present schema the table `product` and its triggers product_to_redis_insert, _update and
--          _delete.
-- Run:     mysql shop < triggers-reference.sql
--          A second run is allowed and keeps the rows.
-- Undo:    DROP TABLE product;
--
-- Insert and update submit the row as it is, a bare row: the worker does SET <id> <row>, byte for byte. A delete
-- cannot be said that way, so it is one event line (docs/architecture.md, the job format):
--   version TAB key TAB kind TAB expiry TAB row; an empty row means delete.
-- Its version is 0, unversioned. A bare row has no version, so there is nothing that a version here could be
-- compared with: it would delete all the same, and leave a tombstone in Redis that bare rows do not heed. Order is
-- therefore that of the jobs. With several workers, two changes of one row within a moment may be applied in either
-- order: after REPLACE, a delete and an insert, the row can be missing until its next change. Where that matters run
-- one worker process, or submit event lines with gman_version() in all three triggers: then the newest wins.
--
-- The key is made by the worker's [events] key template, "{id}" by default; the delete must name the same key.
-- With the template "product:{id}" write json_values(CONCAT('product:', OLD.id)).
--
-- A trigger's time zone is that of the session that writes. The column `updated` is therefore sent in UTC, so that
-- the same row reads the same whoever wrote it.

CREATE TABLE IF NOT EXISTS product (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  volume INT NOT NULL,
  updated TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

DROP TRIGGER IF EXISTS product_to_redis_insert;
DROP TRIGGER IF EXISTS product_to_redis_update;
DROP TRIGGER IF EXISTS product_to_redis_delete;

DELIMITER $$

CREATE TRIGGER product_to_redis_insert AFTER INSERT ON product FOR EACH ROW
BEGIN
  SET @ret = gman_do_background('syncToRedis', udf_json_object(
    NEW.id AS id, NEW.name AS name, NEW.price AS price, NEW.volume AS volume,
    TIMESTAMP '1970-01-01 00:00:00' + INTERVAL UNIX_TIMESTAMP(NEW.updated) SECOND AS updated));
END$$

CREATE TRIGGER product_to_redis_update AFTER UPDATE ON product FOR EACH ROW
BEGIN
  IF OLD.id <> NEW.id THEN -- the key changes: the old one goes
    SET @ret = gman_do_background('syncToRedis',
      CONCAT_WS(CHAR(9), '0', json_values(CONCAT(OLD.id)), 'json', '', ''));
  END IF;
  SET @ret = gman_do_background('syncToRedis', udf_json_object(
    NEW.id AS id, NEW.name AS name, NEW.price AS price, NEW.volume AS volume,
    TIMESTAMP '1970-01-01 00:00:00' + INTERVAL UNIX_TIMESTAMP(NEW.updated) SECOND AS updated));
END$$

CREATE TRIGGER product_to_redis_delete AFTER DELETE ON product FOR EACH ROW
BEGIN
  SET @ret = gman_do_background('syncToRedis',
    CONCAT_WS(CHAR(9), '0', json_values(CONCAT(OLD.id)), 'json', '', ''));
END$$

DELIMITER ;
