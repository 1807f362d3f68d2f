-- What is under way with the address of an account: the one that is wanted and not confirmed yet, and the one before,
-- which for a while can hold the change back and be put back. A row that has nothing to say is not there.

CREATE TABLE account_addresses (
	account_id          TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
	wanted              TEXT COLLATE "C" NOT NULL,
	wanted_key          TEXT COLLATE "C" NOT NULL,
	wanted_until        BIGINT           NOT NULL,
	former              TEXT COLLATE "C" NOT NULL,
	former_key          TEXT COLLATE "C" NOT NULL,
	former_confirmed_at BIGINT           NOT NULL,
	former_until        BIGINT           NOT NULL, -- until then it is nobody else's, and can be put back
	changed_at          BIGINT           NOT NULL,
	held_back           BOOLEAN          NOT NULL
);
CREATE INDEX account_addresses_wanted ON account_addresses (wanted_key) WHERE wanted_key <> '';
CREATE INDEX account_addresses_former ON account_addresses (former_key) WHERE former_key <> '';

CREATE INDEX removed_names_account ON removed_names (account_id);
