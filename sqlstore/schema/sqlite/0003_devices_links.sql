-- Remembered devices, links in mails, and an order in which all events can be searched.

CREATE TABLE nl_devices (
	id           TEXT    NOT NULL PRIMARY KEY,
	token        TEXT    NOT NULL UNIQUE,
	user_id      TEXT    NOT NULL,
	sealed       BLOB    NOT NULL,
	created_at   INTEGER NOT NULL,
	last_used_at INTEGER NOT NULL,
	expires_at   INTEGER NOT NULL,
	revision     INTEGER NOT NULL
) STRICT;
CREATE INDEX nl_devices_user ON nl_devices (user_id);
CREATE INDEX nl_devices_expiry ON nl_devices (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_links (
	token      TEXT    NOT NULL PRIMARY KEY,
	user_id    TEXT    NOT NULL,
	purpose    TEXT    NOT NULL,
	sealed     BLOB    NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	used_at    INTEGER NOT NULL,
	revision   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX nl_links_user ON nl_links (user_id);
CREATE INDEX nl_links_expiry ON nl_links (expires_at) WHERE expires_at <> 0;

CREATE INDEX nl_events_at ON nl_events (at, user_id, seq);
CREATE INDEX nl_events_name ON nl_events (name, at, user_id, seq);
