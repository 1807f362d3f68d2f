-- Mails to owners that are still to be sent.

CREATE TABLE nl_messages (
	id         TEXT    NOT NULL PRIMARY KEY,
	user_id    TEXT    NOT NULL,
	sealed     BLOB    NOT NULL,
	due_at     INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	revision   INTEGER NOT NULL
) STRICT;
CREATE INDEX nl_messages_due ON nl_messages (due_at);
CREATE INDEX nl_messages_user ON nl_messages (user_id);
CREATE INDEX nl_messages_expiry ON nl_messages (expires_at) WHERE expires_at <> 0;
