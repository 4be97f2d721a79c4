-- The privileges that each kind of account needs, and no more.
--
-- For:     every MySQL and MariaDB of the matrix.
-- Needs:   the accounts named here. Create them with passwords of your own first:
--            CREATE USER 'sync_install'@'localhost' IDENTIFIED BY '…';
--            CREATE USER 'sync_trigger'@'localhost' IDENTIFIED BY '…';
--            CREATE USER 'shop_app'@'localhost' IDENTIFIED BY '…';
--          Run as an account that may grant, such as root. Change the schema `shop` to yours.
-- Touches: the privileges of these three accounts.
-- Run:     mysql < grants.sql
-- Undo:    REVOKE with the same lists, or DROP USER.
--
-- The worker needs no account at all: it knows the job server and Redis, not the database.

-- 1. Runs the install and uninstall files. CREATE FUNCTION … SONAME needs INSERT on mysql.*, DROP FUNCTION
--    needs DELETE. Who may write mysql.* may make himself root: use root for it, or give this for the
--    installation and take it away again:
--      REVOKE INSERT, DELETE ON mysql.* FROM 'sync_install'@'localhost';
GRANT INSERT, DELETE ON mysql.* TO 'sync_install'@'localhost';

-- 2. Creates the triggers. They run with the privileges of this account (their definer), so it must stay,
--    and must be able to read the columns that the triggers name. CREATE is for the table of the recipe and
--    reference files only. Nobody needs a privilege on a loadable function.
--
--    While the binary log is on, creating a trigger needs SUPER as well, unless the server runs with
--      log_bin_trust_function_creators = 1
--    Set it in the server's configuration; SET GLOBAL holds only until the restart.
GRANT CREATE, TRIGGER, SELECT ON shop.* TO 'sync_trigger'@'localhost';

-- 3. The application: what it has already. The functions run inside the triggers, on behalf of the definer.
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO 'shop_app'@'localhost';

-- Any account, with or without grants, may call a loadable function. So gman_servers_set must not stay open
-- on a server with users you do not trust: put these lines into /etc/gman_udf.conf.
--   servers = 127.0.0.1:4730
--   locked = yes
