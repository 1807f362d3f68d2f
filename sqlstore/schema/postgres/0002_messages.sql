-- Mails to owners that are still to be sent.

CREATE TABLE nl_messages (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	user_id    TEXT COLLATE "C" NOT NULL,
	sealed     BYTEA            NOT NULL,
	due_at     BIGINT           NOT NULL,
	expires_at BIGINT           NOT NULL,
	revision   BIGINT           NOT NULL
);
CREATE INDEX nl_messages_due ON nl_messages (due_at);
CREATE INDEX nl_messages_user ON nl_messages (user_id);
CREATE INDEX nl_messages_expiry ON nl_messages (expires_at) WHERE expires_at <> 0;
