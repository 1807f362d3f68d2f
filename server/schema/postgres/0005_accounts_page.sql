-- SQLite keeps the groups of account_groups here, so that a page of the list of accounts is read from one index. PostgreSQL
-- has its pages in memory and gains little: here it is NULL, and account_groups is asked.
ALTER TABLE accounts ADD COLUMN group_names TEXT;

-- The few accounts that settings define: a start looks at them alone.
CREATE INDEX accounts_defined ON accounts (id) WHERE defined <> '';
