-- The two users of the database `farmlokal`, for an administrator to make: `mysql < deploy/mysql/grants.sql`. For MySQL
-- 8.4 and later, and for MariaDB 10.11 and later; safe to run again.
--
-- Both are locked until they have a password, which is yours and in no file of ours:
--   ALTER USER 'farmlokal'@'%' IDENTIFIED BY '…' ACCOUNT UNLOCK;
--   ALTER USER 'farmlokal-schema'@'%' IDENTIFIED BY '…' ACCOUNT UNLOCK;
-- Of another name for the database or the users, or of narrower hosts than '%', make a copy.

CREATE DATABASE IF NOT EXISTS `farmlokal`;

-- The service, and every command but `init-db`: rows, no tables. `ANALYZE TABLE` after an import needs no more.
CREATE USER IF NOT EXISTS 'farmlokal'@'%' ACCOUNT LOCK;
GRANT SELECT, INSERT, UPDATE, DELETE ON `farmlokal`.* TO 'farmlokal'@'%';

-- `farmlokal init-db`, which makes tables and indexes, changes them from release to release, and moves rows to them.
CREATE USER IF NOT EXISTS 'farmlokal-schema'@'%' ACCOUNT LOCK;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP ON `farmlokal`.* TO 'farmlokal-schema'@'%';
