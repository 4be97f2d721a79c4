-- What `sync-worker install` creates for one table: the schema of the outboxes, an outbox, three triggers.
--
-- For:     MySQL 5.7 and later, MariaDB 10.2.4 and later, to read and to try. `sync-worker install --dry-run` prints
--          the same for your tables and your server.
-- Needs:   the loadable functions for the doorbell (one of the install files); without them leave out the last IF of
--          each trigger. CREATE on both schemas, TRIGGER on `shop` (see docs/install.md).
-- Touches: the schema `sync_worker`, the table `shop`.`product` and its triggers sync_product_insert, _update, _delete.
-- Run:     mysql < outbox.sql
--          Once: a trigger that is there already is an error.
-- Try:     INSERT INTO shop.product VALUES (1, 'a');  SELECT * FROM sync_worker.`shop.product`;
-- Undo:    DROP TABLE shop.product; DROP DATABASE sync_worker;
--
-- An event is an id and the key columns, here `id` as `sync$1`. The id is the version in Redis: AUTO_INCREMENT begins
-- at the clock in microseconds, here a fixed moment; `install` takes the moment it runs.

CREATE DATABASE IF NOT EXISTS shop DEFAULT CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS shop.product (
  id INT NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  UNIQUE KEY (name)
) ENGINE=InnoDB;

CREATE DATABASE IF NOT EXISTS `sync_worker` DEFAULT CHARACTER SET utf8mb4;

DELIMITER $$

CREATE TABLE IF NOT EXISTS `sync_worker`.`shop.product` (
  `sync$id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `sync$1` int(11) NOT NULL
) ENGINE=InnoDB AUTO_INCREMENT=1760000000000000 COMMENT='sync-worker outbox, complete since 1760000000000000'$$

CREATE TRIGGER `shop`.`sync_product_insert` AFTER INSERT ON `shop`.`product` FOR EACH ROW
BEGIN /* sync-worker */
  INSERT INTO `sync_worker`.`shop.product` (`sync$1`) VALUES (NEW.`id`);
  IF NOT (@sync_worker_rung <=> MICROSECOND(NOW(6))) THEN
    SET @sync_worker_rung = MICROSECOND(NOW(6));
    DO gman_post('syncOutbox:shop.product', '', 'ring');
  END IF;
END$$

CREATE TRIGGER `shop`.`sync_product_update` AFTER UPDATE ON `shop`.`product` FOR EACH ROW
BEGIN /* sync-worker */
  IF NOT (OLD.`id`=NEW.`id`) THEN
    INSERT INTO `sync_worker`.`shop.product` (`sync$1`) VALUES (OLD.`id`);
  END IF;
  INSERT INTO `sync_worker`.`shop.product` (`sync$1`) VALUES (NEW.`id`);
  IF NOT (@sync_worker_rung <=> MICROSECOND(NOW(6))) THEN
    SET @sync_worker_rung = MICROSECOND(NOW(6));
    DO gman_post('syncOutbox:shop.product', '', 'ring');
  END IF;
END$$

CREATE TRIGGER `shop`.`sync_product_delete` AFTER DELETE ON `shop`.`product` FOR EACH ROW
BEGIN /* sync-worker */
  INSERT INTO `sync_worker`.`shop.product` (`sync$1`) VALUES (OLD.`id`);
  IF NOT (@sync_worker_rung <=> MICROSECOND(NOW(6))) THEN
    SET @sync_worker_rung = MICROSECOND(NOW(6));
    DO gman_post('syncOutbox:shop.product', '', 'ring');
  END IF;
END$$

DELIMITER ;
