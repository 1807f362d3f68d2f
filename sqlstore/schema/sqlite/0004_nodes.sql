-- Which nodes serve, and which keys each has: a key seals once all of them can open with it.

CREATE TABLE nl_nodes (
	id      TEXT    NOT NULL PRIMARY KEY,
	name    TEXT    NOT NULL, -- for people: machine and process
	holds   INTEGER NOT NULL, -- the newest key of its ring
	seals   INTEGER NOT NULL, -- the key that it seals with
	seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The newest key that some node or command has. Nodes that lack it look for it.
ALTER TABLE nl_meta ADD COLUMN newest_key INTEGER NOT NULL DEFAULT 0;
