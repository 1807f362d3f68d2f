-- The engine's records. Times are microseconds since 1970 in UTC, 0 for none. Names begin with nl_, since the
-- database may be the application's own. What belongs together is deleted together by code: a sign-in may be
-- begun for a user of whom there is no record yet, so there are no foreign keys.

CREATE TABLE nl_meta (
	id        INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
	epoch     INTEGER NOT NULL,
	key_check BLOB -- a constant, sealed: tells whether a key ring is the right one
) STRICT;
INSERT INTO nl_meta (id, epoch) VALUES (1, 1);

CREATE TABLE nl_users (
	user_id  TEXT    NOT NULL PRIMARY KEY,
	sealed   BLOB    NOT NULL,
	revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE nl_authenticators (
	id           TEXT    NOT NULL PRIMARY KEY,
	user_id      TEXT    NOT NULL,
	kind         TEXT    NOT NULL,
	label        TEXT    NOT NULL,
	label_key    TEXT    NOT NULL,
	sealed       BLOB    NOT NULL,
	lookup       TEXT    NOT NULL,
	preferred    INTEGER NOT NULL CHECK (preferred IN (0, 1)),
	created_at   INTEGER NOT NULL,
	last_used_at INTEGER NOT NULL,
	expires_at   INTEGER NOT NULL,
	allows       TEXT    NOT NULL,
	revision     INTEGER NOT NULL
) STRICT;
CREATE INDEX nl_authenticators_user ON nl_authenticators (user_id, created_at);
CREATE UNIQUE INDEX nl_authenticators_lookup ON nl_authenticators (kind, lookup) WHERE lookup <> '';
CREATE UNIQUE INDEX nl_authenticators_label ON nl_authenticators (user_id, label_key) WHERE label_key <> '';
CREATE INDEX nl_authenticators_expiry ON nl_authenticators (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_sign_ins (
	id         TEXT    NOT NULL PRIMARY KEY,
	token      TEXT    NOT NULL UNIQUE,
	user_id    TEXT    NOT NULL,
	data       BLOB    NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	revision   INTEGER NOT NULL
) STRICT;
CREATE INDEX nl_sign_ins_user ON nl_sign_ins (user_id);
CREATE INDEX nl_sign_ins_expiry ON nl_sign_ins (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_sessions (
	id           TEXT    NOT NULL PRIMARY KEY,
	token        TEXT    NOT NULL UNIQUE,
	user_id      TEXT    NOT NULL,
	data         BLOB    NOT NULL,
	created_at   INTEGER NOT NULL,
	last_used_at INTEGER NOT NULL,
	expires_at   INTEGER NOT NULL,
	revision     INTEGER NOT NULL
) STRICT;
CREATE INDEX nl_sessions_user ON nl_sessions (user_id);
CREATE INDEX nl_sessions_expiry ON nl_sessions (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_pendings (
	id         TEXT    NOT NULL PRIMARY KEY,
	owner_id   TEXT    NOT NULL,
	user_id    TEXT    NOT NULL,
	kind       TEXT    NOT NULL,
	purpose    TEXT    NOT NULL,
	sealed     BLOB    NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	revision   INTEGER NOT NULL
) STRICT;
CREATE INDEX nl_pendings_owner ON nl_pendings (owner_id);
CREATE INDEX nl_pendings_user ON nl_pendings (user_id);
CREATE INDEX nl_pendings_expiry ON nl_pendings (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_throttles (
	subject    TEXT    NOT NULL,
	kind       TEXT    NOT NULL,
	data       BLOB    NOT NULL,
	expires_at INTEGER NOT NULL,
	revision   INTEGER NOT NULL,
	PRIMARY KEY (subject, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX nl_throttles_expiry ON nl_throttles (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_events (
	user_id TEXT    NOT NULL,
	seq     INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	name    TEXT    NOT NULL,
	data    BLOB    NOT NULL,
	mac     BLOB    NOT NULL,
	PRIMARY KEY (user_id, seq)
) STRICT, WITHOUT ROWID;
