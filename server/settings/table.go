package settings

// row is one setting.
type row struct {
	key  string // as in the file, with dots: "totp.digits"
	doc  string // one sentence
	kind        // default, what is allowed, and the field that it fills

	envOnly bool   // it is never read from the file
	from    Origin // where its value stands
}

// table lists every setting, in the order in which people read them. Making it fills s with the defaults.
func (s *Settings) table() []*row {
	rows := []row{
		{
			key: "listen", doc: "The address that the server listens on; PORT in the environment stands for \":PORT\" where nothing else sets it.",
			kind: text(&s.Listen, "localhost:8080", listenAddress),
		},
		{
			key: "public_url", doc: "The origin that people type: cookies, links and security keys are bound to it.",
			kind: text(&s.PublicURL, "", publicURL).follows("http:// and listen"),
		},
		{
			key: "data_dir", doc: "The directory of the database and the key file; made with mode 0700.",
			kind: text(&s.DataDir, "nightlatch-data", notEmpty),
		},
		{
			key: "database_url", doc: "The database: empty for SQLite in data_dir, else sqlite:PATH, sqlite::memory: or postgres://….",
			kind: text(&s.DatabaseURL, "", databaseURL).hiding(maskURL),
		},
		{
			key: "database_wait", doc: "How long to wait at start for a PostgreSQL that is not up yet.",
			kind: span(&s.DatabaseWait, "60s", "0s", "24h"),
		},
		{
			key: "key", doc: "The key that seals secrets at rest, read from NIGHTLATCH_KEY alone.",
			kind: text(&s.Key, "", nil).hiding(maskAll), envOnly: true,
		},
		{
			key: "key_file", doc: "The file with the key that seals secrets at rest.",
			kind: text(&s.KeyFile, "", nil).follows("data_dir/key"),
		},
		{
			key: "key_command", doc: "A command whose output is the key, in place of key_file.",
			kind: text(&s.KeyCommand, "", nil).hiding(maskCommand),
		},
		{
			key: "trusted_proxies", doc: "The networks whose X-Forwarded-* headers are believed.",
			kind: networks(&s.TrustedProxies),
		},
		{
			key: "cookie_domain", doc: "A domain above public_url's host, so that one sign-in serves the applications below it.",
			kind: text(&s.CookieDomain, "", domain),
		},
		{
			key: "metrics_listen", doc: "Where Prometheus metrics are served on /metrics; empty for nowhere.",
			kind: text(&s.MetricsListen, "", listenAddress),
		},

		{
			key: "log.level", doc: "The least severe lines that are logged.",
			kind: choice(&s.Log.Level, "info", "debug", "info", "warn", "error"),
		},
		{
			key: "log.format", doc: "The shape of log lines.",
			kind: choice(&s.Log.Format, "text", "text", "json"),
		},

		{
			key: "sign_up.enabled", doc: "Whether people may make accounts themselves.",
			kind: truth(&s.SignUp.Enabled, true).follows("true, but false once --protect, a [[rule]], an [[account]] or trusted_proxies is set"),
		},
		{
			key: "sign_up.verify_email", doc: "Whether an account exists only after the link in a mail was followed.",
			kind: truth(&s.SignUp.VerifyEmail, false),
		},
		{
			key: "sign_up.per_address_per_hour", doc: "How many accounts one network address may make in an hour.",
			kind: number(&s.SignUp.PerAddressPerHour, 20, 1, 1_000_000),
		},

		{
			key: "password.min_length", doc: "The fewest characters of a new password; 15, or 8 where policy.require = \"required\", is also the least that may be set.",
			kind: number(&s.Password.MinLength, 15, 8, 64).follows(`15, or 8 where policy.require = "required"`),
		},
		{
			key: "password.max_length", doc: "The most characters of a new password.",
			kind: number(&s.Password.MaxLength, 256, 64, 1024),
		},

		{
			key: "session.lifetime", doc: "How long a session lives at most.",
			kind: span(&s.Session.Lifetime, "720h", "1s", "365d"),
		},
		{
			key: "session.idle", doc: "How long a session lives unused.",
			kind: span(&s.Session.Idle, "168h", "1s", "365d"),
		},

		{
			key: "policy.require", doc: "Who must hold a second factor: nobody, everybody, or administrators.",
			kind: choice(&s.Policy.Require, "optional", "optional", "required", "admins"),
		},
		{
			key: "policy.grace", doc: "How long an account may put enrollment off once it is required.",
			kind: span(&s.Policy.Grace, "0s", "0s", "365d"),
		},
		{
			key: "policy.authenticators", doc: "How many authenticators an account must hold that must have one; recovery codes do not count.",
			kind: number(&s.Policy.Authenticators, 1, 1, 5),
		},
		{
			key: "policy.report_only", doc: "Let those sign in who would have to enroll, and count them: nightlatch policy report.",
			kind: truth(&s.Policy.ReportOnly, false),
		},
		{
			key: "policy.factors", doc: "The kinds that may be enrolled: webauthn, totp, hotp, email, sms, recovery; what is enrolled is asked for whatever this says.",
			kind: list(&s.Policy.Factors, []string{"totp", "webauthn", "recovery"}, oneOf(enrollable...)),
		},
		{
			key: "policy.first_enrollment", doc: "What the first enrollment needs beside the password: nothing more (password), or a mailed code (email).",
			kind: choice(&s.Policy.FirstEnrollment, "", "", "password", "email").follows("email where mail.url is set and the account's address is confirmed, else password"),
		},
		{
			key: "policy.remember", doc: "How long a remembered device spares the second factor; 0s asks every time.",
			kind: span(&s.Policy.Remember, "720h", "0s", "365d"),
		},
		{
			key: "policy.fresh", doc: "How recent a proof must be to change anything that guards the account.",
			kind: span(&s.Policy.Fresh, "10m", "1s", "24h"),
		},

		{
			key: "totp.issuer", doc: "What authenticator apps show as the name of this service.",
			kind: text(&s.TOTP.Issuer, "Nightlatch", issuer),
		},
		{
			key: "totp.algorithm", doc: "The hash of new secrets; many apps know SHA1 alone.",
			kind: choice(&s.TOTP.Algorithm, "SHA1", "SHA1", "SHA256", "SHA512"),
		},
		{
			key: "totp.digits", doc: "How many digits a code has; many apps know 6 alone.",
			kind: number(&s.TOTP.Digits, 6, 6, 8),
		},
		{
			key: "totp.period", doc: "How many seconds a code lasts; many apps know 30 alone.",
			kind: number(&s.TOTP.Period, 30, 1, 120),
		},
		{
			key: "totp.window", doc: "How many steps before and after now are accepted too, for clocks that are off.",
			kind: number(&s.TOTP.Window, 1, 0, 2),
		},

		{
			key: "webauthn.rp_id", doc: "The domain that security keys and passkeys are bound to; changing it makes all of them useless; nightlatch doctor, run with the changed setting, counts them.",
			kind: text(&s.WebAuthn.RPID, "", domain).follows("the host of public_url"),
		},
		{
			key: "webauthn.rp_name", doc: "What browsers show as the name of this service.",
			kind: text(&s.WebAuthn.RPName, "", nil).follows("totp.issuer"),
		},
		{
			key: "webauthn.origins", doc: "Further origins at which keys may be used, beside public_url, such as https://login.example.com.",
			kind: list(&s.WebAuthn.Origins, nil, origin),
		},
		{
			key: "webauthn.user_verification", doc: "Whether a key asks for a PIN or a fingerprint as a second factor: required, preferred or discouraged; passkeys always do.",
			kind: choice(&s.WebAuthn.UserVerification, "preferred", "required", "preferred", "discouraged"),
		},
		{
			key: "webauthn.app_id", doc: "The AppID under which old U2F keys were registered.",
			kind: text(&s.WebAuthn.AppID, "", secureURL),
		},
		{
			key: "webauthn.refuse_counter", doc: "Refuse a key whose signature counter went back, instead of telling its owner alone.",
			kind: truth(&s.WebAuthn.RefuseCounter, false),
		},

		{
			key: "sent_code.digits", doc: "How many digits a mailed or texted code has.",
			kind: number(&s.SentCode.Digits, 6, 6, 8),
		},
		{
			key: "sent_code.lifetime", doc: "How long a sent code is good.",
			kind: span(&s.SentCode.Lifetime, "10m", "1s", "1h"),
		},
		{
			key: "sent_code.resend_after", doc: "How long to wait before a code may be sent again.",
			kind: span(&s.SentCode.ResendAfter, "30s", "0s", "1h"),
		},
		{
			key: "sent_code.tries", doc: "How many wrong answers a sent code bears.",
			kind: number(&s.SentCode.Tries, 5, 1, 20),
		},
		{
			key: "sent_code.per_destination_per_hour", doc: "How many messages one address or number gets in an hour; half as many more go to its owner.",
			kind: number(&s.SentCode.PerDestinationPerHour, 10, 1, 1000),
		},

		{
			key: "mail.url", doc: "The mail server, smtp:// (STARTTLS) or smtps://, or outbox: for a file; empty for no mail.",
			kind: text(&s.Mail.URL, "", mailURL).hiding(maskURL),
		},
		{
			key: "mail.from", doc: "Who mails come from: an address, or a name and an address in angle brackets.",
			kind: text(&s.Mail.From, "", mailFrom).follows("nightlatch@ and the host of public_url where mail.url is set"),
		},

		{
			key: "sms.provider", doc: "Who sends text messages: twilio, webhook (an address of your own), or outbox for a file; empty for nobody.",
			kind: choice(&s.SMS.Provider, "", "", "twilio", "webhook", "outbox"),
		},
		{
			key: "sms.countries", doc: "The countries to whose numbers text messages are sent, by two letters such as DE; without one, none are.",
			kind: list(&s.SMS.Countries, nil, country),
		},
		{
			key: "sms.twilio.account_sid", doc: "The account at Twilio.",
			kind: text(&s.SMS.Twilio.AccountSID, "", nil),
		},
		{
			key: "sms.twilio.auth_token", doc: "The password of the account at Twilio.",
			kind: text(&s.SMS.Twilio.AuthToken, "", nil).hiding(maskAll),
		},
		{
			key: "sms.twilio.from", doc: "The number or name that text messages come from.",
			kind: text(&s.SMS.Twilio.From, "", nil),
		},
		{
			key: "sms.twilio.messaging_service_sid", doc: "Twilio's messaging service, in place of sms.twilio.from.",
			kind: text(&s.SMS.Twilio.MessagingServiceSID, "", nil),
		},
		{
			key: "sms.twilio.base_url", doc: "Where Twilio's API is.",
			kind: text(&s.SMS.Twilio.BaseURL, "https://api.twilio.com", secureURL),
		},
		{
			key: "sms.webhook.url", doc: "The address that each text message is posted to as JSON.",
			kind: text(&s.SMS.Webhook.URL, "", webURL).hiding(maskURL),
		},
		{
			key: "sms.webhook.secret", doc: "The key of the signature in X-Nightlatch-Signature.",
			kind: text(&s.SMS.Webhook.Secret, "", nil).hiding(maskAll),
		},

		{
			key: "throttle.free_tries", doc: "How many wrong tries are answered before each further one waits.",
			kind: number(&s.Throttle.FreeTries, 5, 1, 1000),
		},
		{
			key: "throttle.first_delay", doc: "The first wait; it doubles up to throttle.max_delay.",
			kind: span(&s.Throttle.FirstDelay, "30s", "100ms", "24h"),
		},
		{
			key: "throttle.max_delay", doc: "The longest wait.",
			kind: span(&s.Throttle.MaxDelay, "1h", "100ms", "24h"),
		},
		{
			key: "throttle.day_limit", doc: "How many wrong tries are answered in 24 hours.",
			kind: number(&s.Throttle.DayLimit, 20, 1, 100_000),
		},

		{
			key: "recovery.email", doc: "Whether a person who has lost everything may recover by mail, after a hold.",
			kind: truth(&s.Recovery.Email, false),
		},
		{
			key: "recovery.hold", doc: "How long recovery by mail waits, so that the owner can cancel it.",
			kind: span(&s.Recovery.Hold, "24h", "1s", "30d"),
		},
		{
			key: "recovery.admin_email", doc: "The administrators' address, for people who ask them for help.",
			kind: text(&s.Recovery.AdminEmail, "", emailAddress),
		},

		{
			key: "limits.hashes", doc: "How many hashes of passwords and recovery codes are computed at once, each in 19 MiB; 0 for one for each processor.",
			kind: number(&s.Limits.Hashes, 0, 0, 1024),
		},
		{
			key: "limits.waiting", doc: "How many sign-ins wait for such a hash; further ones are told to come again.",
			kind: number(&s.Limits.Waiting, 256, 1, 10_000),
		},
		{
			key: "limits.connections", doc: "How many connections are open at once; at that many, one that rests is closed for a new one.",
			kind: number(&s.Limits.Connections, 2048, 8, 1_000_000),
		},
	}
	out := make([]*row, len(rows))
	for i := range rows {
		out[i] = &rows[i]
	}
	return out
}

// The arrays of tables. They stand in the file alone.
const (
	groupKey   = "group"
	accountKey = "account"
	ruleKey    = "rule"
)

// enrollable are the kinds that policy.factors may name.
var enrollable = []string{"totp", "webauthn", "recovery", "email", "sms", "hotp"}

func groupTable(g *Group) []*row {
	return []*row{
		{key: "name", doc: "The name: 1 to 64 of a-z, 0-9, dot, underscore and dash.", kind: text(&g.Name, "", groupName)},
		{key: "description", doc: "What the group is for.", kind: text(&g.Description, "", nil)},
	}
}

func accountTable(a *Account) []*row {
	return []*row{
		{key: "username", doc: "The name to sign in with.", kind: text(&a.Username, "", username)},
		{key: "email", doc: "The address to sign in with. It is not confirmed, so that it stands in no header for applications.", kind: text(&a.Email, "", emailAddress)},
		{key: "password_hash", doc: "The output of nightlatch password hash.", kind: text(&a.PasswordHash, "", passwordHash).hiding(maskAll)},
		{key: "groups", doc: "The groups that it is in.", kind: list(&a.Groups, nil, groupName)},
		{key: "admin", doc: "Whether it administers.", kind: truth(&a.Admin, false)},
		{key: "totp_secret", doc: "The secret of its authenticator app, base32 or hex:….", kind: text(&a.TOTPSecret, "", totpSecret).hiding(maskAll)},
	}
}

func ruleTable(r *Rule) []*row {
	return []*row{
		{key: "host", doc: "The host name that it is for; absent: all.", kind: text(&r.Host, "", ruleHost)},
		{key: "path", doc: "A pattern of the path, anchored at both ends; absent: all.", kind: text(&r.Path, "", rulePath)},
		{key: "methods", doc: "The HTTP methods that it is for; absent: all.", kind: list(&r.Methods, nil, method)},
		{key: "networks", doc: "The client's networks that it is for; absent: all.", kind: networks(&r.Networks)},
		{key: "hours", doc: "The hours that it is for; absent: all.", kind: hours(&r.Hours)},
		{key: "level", doc: "What it needs: 0 nothing, 1 one factor, 2 two factors.", kind: number(&r.Level, 2, 0, 2)},
		{key: "max_age", doc: "How old the newest proof may be.", kind: span(&r.MaxAge, "0s", "1s", "365d")},
		{key: "kinds", doc: "The kinds of which one must have been proven.", kind: list(&r.Kinds, nil, oneOf(append([]string{"password"}, enrollable...)...))},
		{key: "groups", doc: "The groups of which the account must be in one.", kind: list(&r.Groups, nil, groupName)},
	}
}
