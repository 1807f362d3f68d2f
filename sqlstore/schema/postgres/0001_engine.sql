-- The engine's records. Times are microseconds since 1970 in UTC, 0 for none. Names begin with nl_, since the
-- database may be the application's own. What belongs together is deleted together by code: a sign-in may be
-- begun for a user of whom there is no record yet, so there are no foreign keys. Texts are compared by their bytes,
-- whatever the database's own order is.

-- The epoch is the sum of all rows: who raises it takes one of them, so that those who do so at once seldom wait for
-- each other. Rows that change this often have room to do so in place.
CREATE TABLE nl_meta (
	id        BIGINT NOT NULL PRIMARY KEY CHECK (id BETWEEN 1 AND 16),
	epoch     BIGINT NOT NULL,
	key_check BYTEA -- of row 1: a constant, sealed: tells whether a key ring is the right one
) WITH (fillfactor = 20);
INSERT INTO nl_meta (id, epoch) SELECT n, 1 FROM generate_series(1, 16) AS n;

CREATE TABLE nl_users (
	user_id  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	sealed   BYTEA            NOT NULL,
	revision BIGINT           NOT NULL
);

CREATE TABLE nl_authenticators (
	id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	user_id      TEXT COLLATE "C" NOT NULL,
	kind         TEXT COLLATE "C" NOT NULL,
	label        TEXT COLLATE "C" NOT NULL,
	label_key    TEXT COLLATE "C" NOT NULL,
	sealed       BYTEA            NOT NULL,
	lookup       TEXT COLLATE "C" NOT NULL,
	preferred    BOOLEAN          NOT NULL,
	created_at   BIGINT           NOT NULL,
	last_used_at BIGINT           NOT NULL,
	expires_at   BIGINT           NOT NULL,
	allows       TEXT COLLATE "C" NOT NULL,
	revision     BIGINT           NOT NULL
);
CREATE INDEX nl_authenticators_user ON nl_authenticators (user_id, created_at);
CREATE UNIQUE INDEX nl_authenticators_lookup ON nl_authenticators (kind, lookup) WHERE lookup <> '';
CREATE UNIQUE INDEX nl_authenticators_label ON nl_authenticators (user_id, label_key) WHERE label_key <> '';
CREATE INDEX nl_authenticators_expiry ON nl_authenticators (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_sign_ins (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	token      TEXT COLLATE "C" NOT NULL UNIQUE,
	user_id    TEXT COLLATE "C" NOT NULL,
	data       BYTEA            NOT NULL,
	created_at BIGINT           NOT NULL,
	expires_at BIGINT           NOT NULL,
	revision   BIGINT           NOT NULL
);
CREATE INDEX nl_sign_ins_user ON nl_sign_ins (user_id);
CREATE INDEX nl_sign_ins_expiry ON nl_sign_ins (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_sessions (
	id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	token        TEXT COLLATE "C" NOT NULL UNIQUE,
	user_id      TEXT COLLATE "C" NOT NULL,
	data         BYTEA            NOT NULL,
	created_at   BIGINT           NOT NULL,
	last_used_at BIGINT           NOT NULL,
	expires_at   BIGINT           NOT NULL,
	revision     BIGINT           NOT NULL
);
CREATE INDEX nl_sessions_user ON nl_sessions (user_id);
CREATE INDEX nl_sessions_expiry ON nl_sessions (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_pendings (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	owner_id   TEXT COLLATE "C" NOT NULL,
	user_id    TEXT COLLATE "C" NOT NULL,
	kind       TEXT COLLATE "C" NOT NULL,
	purpose    TEXT COLLATE "C" NOT NULL,
	sealed     BYTEA            NOT NULL,
	created_at BIGINT           NOT NULL,
	expires_at BIGINT           NOT NULL,
	revision   BIGINT           NOT NULL
);
CREATE INDEX nl_pendings_owner ON nl_pendings (owner_id);
CREATE INDEX nl_pendings_user ON nl_pendings (user_id);
CREATE INDEX nl_pendings_expiry ON nl_pendings (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_throttles (
	subject    TEXT COLLATE "C" NOT NULL,
	kind       TEXT COLLATE "C" NOT NULL,
	data       BYTEA            NOT NULL,
	expires_at BIGINT           NOT NULL,
	revision   BIGINT           NOT NULL,
	PRIMARY KEY (subject, kind)
);
CREATE INDEX nl_throttles_expiry ON nl_throttles (expires_at) WHERE expires_at <> 0;

CREATE TABLE nl_events (
	user_id TEXT COLLATE "C" NOT NULL,
	seq     BIGINT           NOT NULL,
	at      BIGINT           NOT NULL,
	name    TEXT COLLATE "C" NOT NULL,
	data    BYTEA            NOT NULL,
	mac     BYTEA            NOT NULL,
	PRIMARY KEY (user_id, seq)
);
