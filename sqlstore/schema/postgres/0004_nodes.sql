-- Which nodes serve, and which keys each has: a key seals once all of them can open with it.

CREATE TABLE nl_nodes (
	id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	name    TEXT COLLATE "C" NOT NULL, -- for people: machine and process
	holds   BIGINT           NOT NULL, -- the newest key of its ring
	seals   BIGINT           NOT NULL, -- the key that it seals with
	seen_at BIGINT           NOT NULL
);

-- The newest key that some node or command has, in row 1. Nodes that lack it look for it.
ALTER TABLE nl_meta ADD COLUMN newest_key BIGINT NOT NULL DEFAULT 0;
