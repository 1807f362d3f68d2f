-- What was taken in from other programs, so that taking it in again changes nothing: not even what its owner has
-- removed since comes back. ref is SHA-256 over what tells it from all others of its source.
CREATE TABLE taken_in (
	source     TEXT COLLATE "C" NOT NULL,
	ref        TEXT COLLATE "C" NOT NULL,
	account_id TEXT COLLATE "C" NOT NULL,
	at         BIGINT           NOT NULL,
	PRIMARY KEY (source, ref)
);

-- Which accounts still have a password's hash that another program made, and what work it is to judge one. It says
-- nothing of the password.
CREATE TABLE foreign_hashes (
	account_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
	work       TEXT COLLATE "C" NOT NULL,
	noted_at   BIGINT           NOT NULL
);
CREATE INDEX foreign_hashes_work ON foreign_hashes (work);

-- The works of foreign_hashes, each once: every judging of a password reads them.
CREATE TABLE foreign_works (
	work TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
