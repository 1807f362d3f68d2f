-- What was taken in from other programs, so that taking it in again changes nothing: not even what its owner has
-- removed since comes back. ref is SHA-256 over what tells it from all others of its source.
CREATE TABLE taken_in (
	source     TEXT    NOT NULL,
	ref        TEXT    NOT NULL,
	account_id TEXT    NOT NULL,
	at         INTEGER NOT NULL,
	PRIMARY KEY (source, ref)
) STRICT, WITHOUT ROWID;

-- Which accounts still have a password's hash that another program made, and what work it is to judge one. It says
-- nothing of the password.
CREATE TABLE foreign_hashes (
	account_id TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
	work       TEXT    NOT NULL,
	noted_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX foreign_hashes_work ON foreign_hashes (work);

-- The works of foreign_hashes, each once: every judging of a password reads them.
CREATE TABLE foreign_works (
	work TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
