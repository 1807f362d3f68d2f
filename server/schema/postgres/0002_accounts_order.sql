-- Accounts in the order of the names that they go by, so that a page of a long list is one short walk.

CREATE INDEX accounts_order ON accounts ((CASE WHEN username_key <> '' THEN username_key ELSE email_key END));
