-- The server's accounts. Times are microseconds since 1970 in UTC, 0 for none. A *_key is a name or an address as
-- it is compared. Passwords are authenticators and live with the engine.

CREATE TABLE accounts (
	id                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	username           TEXT COLLATE "C" NOT NULL,
	username_key       TEXT COLLATE "C" NOT NULL,
	email              TEXT COLLATE "C" NOT NULL,
	email_key          TEXT COLLATE "C" NOT NULL,
	email_confirmed_at BIGINT           NOT NULL,
	admin              BOOLEAN          NOT NULL,
	disabled           BOOLEAN          NOT NULL,
	defined            TEXT COLLATE "C" NOT NULL, -- of an account that settings define: a hash of what they say; else ''
	created_at         BIGINT           NOT NULL,
	CHECK (username_key <> '' OR email_key <> '')
);
CREATE UNIQUE INDEX accounts_username ON accounts (username_key) WHERE username_key <> '';
CREATE UNIQUE INDEX accounts_email ON accounts (email_key) WHERE email_key <> '';

CREATE TABLE account_groups (
	account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	name       TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (account_id, name)
);

-- A name that was removed is never given to another: events and applications may still know it.
CREATE TABLE removed_names (
	username_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	account_id   TEXT COLLATE "C" NOT NULL, -- whose it was
	removed_at   BIGINT           NOT NULL
);
