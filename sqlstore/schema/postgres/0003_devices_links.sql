-- Remembered devices, links in mails, and an order in which all events can be searched.

CREATE TABLE nl_devices (
	id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	token        TEXT COLLATE "C" NOT NULL UNIQUE,
	user_id      TEXT COLLATE "C" NOT NULL,
	sealed       BYTEA            NOT NULL,
	created_at   BIGINT           NOT NULL,
	last_used_at BIGINT           NOT NULL,
	expires_at   BIGINT           NOT NULL,
	revision     BIGINT           NOT NULL
);
CREATE INDEX nl_devices_user ON nl_devices (user_id);
CREATE INDEX nl_devices_expiry ON nl_devices (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_links (
	token      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	user_id    TEXT COLLATE "C" NOT NULL,
	purpose    TEXT COLLATE "C" NOT NULL,
	sealed     BYTEA            NOT NULL,
	created_at BIGINT           NOT NULL,
	expires_at BIGINT           NOT NULL,
	used_at    BIGINT           NOT NULL,
	revision   BIGINT           NOT NULL
);
CREATE INDEX nl_links_user ON nl_links (user_id);
CREATE INDEX nl_links_expiry ON nl_links (expires_at) WHERE expires_at <> 0;

CREATE INDEX nl_events_at ON nl_events (at, user_id, seq);
CREATE INDEX nl_events_name ON nl_events (name, at, user_id, seq);
