-- What many users hold, for lists of accounts, without a look at what is sealed.

CREATE INDEX nl_authenticators_holdings ON nl_authenticators (user_id, kind, allows, expires_at);
