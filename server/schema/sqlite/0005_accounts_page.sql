-- A page of the list of accounts is read from one index, which holds all that it shows of an account itself: in the tables
-- each line would be reads of other places of the file. A sign-in changes none of it.

-- The groups of account_groups, joined by commas, which no name has. Only the triggers write it.
ALTER TABLE accounts ADD COLUMN group_names TEXT NOT NULL DEFAULT '';
CREATE TRIGGER account_groups_added AFTER INSERT ON account_groups BEGIN
	UPDATE accounts SET group_names = coalesce((SELECT group_concat(g.name, ',') FROM account_groups g WHERE g.account_id = accounts.id), '')
		WHERE id = NEW.account_id;
END;
CREATE TRIGGER account_groups_changed AFTER UPDATE ON account_groups BEGIN
	UPDATE accounts SET group_names = coalesce((SELECT group_concat(g.name, ',') FROM account_groups g WHERE g.account_id = accounts.id), '')
		WHERE id IN (OLD.account_id, NEW.account_id);
END;
CREATE TRIGGER account_groups_removed AFTER DELETE ON account_groups BEGIN
	UPDATE accounts SET group_names = coalesce((SELECT group_concat(g.name, ',') FROM account_groups g WHERE g.account_id = accounts.id), '')
		WHERE id = OLD.account_id;
END;
UPDATE accounts SET group_names = coalesce((SELECT group_concat(g.name, ',') FROM account_groups g WHERE g.account_id = accounts.id), '');

DROP INDEX accounts_order;
CREATE INDEX accounts_order ON accounts ((CASE WHEN username_key <> '' THEN username_key ELSE email_key END),
	id, username, email, email_confirmed_at, admin, disabled, defined, created_at, group_names);

-- The few accounts that settings define: a start looks at them alone.
CREATE INDEX accounts_defined ON accounts (id) WHERE defined <> '';
