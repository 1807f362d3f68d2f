package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/server/settings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// TestFaults: each fault names the place, the key and what is allowed.
func TestFaults(t *testing.T) {
	t.Parallel()
	const hash = `password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"` + "\n"
	tests := map[string]struct {
		file string
		want string // all faults, one a line
	}{
		"unknown key":           {"\nlisen = \"x\"", `nightlatch.toml:2: lisen: unknown key; did you mean listen?`},
		"unknown key, no idea":  {"zzzzzzzzzzzz = 1", `nightlatch.toml:1: zzzzzzzzzzzz: unknown key`},
		"unknown key in table":  {"[totp]\ndigit = 6", `nightlatch.toml:2: totp.digit: unknown key; did you mean totp.digits?`},
		"key of another table":  {"digits = 6", `nightlatch.toml:1: digits: unknown key; did you mean totp.digits?`},
		"key below a table":     {"[log]\npublic_url = \"x\"", `nightlatch.toml:2: log.public_url: unknown key; did you mean public_url, above the first [table]?`},
		"unknown table":         {"[totpp]\ndigits = 6\nperiod = 30", `nightlatch.toml:1: totpp: unknown table; did you mean totp?`},
		"table twice by name":   {"[[totp]]\ndigits = 6", `nightlatch.toml:1: totp: stands once; allowed is [totp]`},
		"one account":           {"[account]\nusername = \"ada\"", `nightlatch.toml:1: account: may stand more than once; allowed is [[account]]`},
		"table is no value":     {"totp = 6", `nightlatch.toml:1: totp: must be a table; allowed is [totp]`},
		"accounts are tables":   {"account = [\"ada\"]", `nightlatch.toml:1: account: must be tables; allowed is [[account]]`},
		"value is no table":     {"[listen]\nhost = 1", `nightlatch.toml:1: listen: is no table; allowed is listen = …`},
		"key in the file":       {`key = "hush"`, `nightlatch.toml:1: key: is never read from this file; allowed are key_file, key_command and the environment variable NIGHTLATCH_KEY`},
		"no TOML":               {"listen = \"a:1\"\nlisten localhost", `nightlatch.toml:2: is no TOML: expected '=' after key`},
		"twice":                 {"[totp]\ndigits = 6\ndigits = 7\n", `nightlatch.toml:3: totp.digits: stands twice, first in line 2; allowed is once`},
		"number":                {"[totp]\ndigits = 9", `nightlatch.toml:2: totp.digits: 9 is not allowed; allowed is a whole number from 6 to 8`},
		"huge number":           {"[totp]\ndigits = 99999999999", `nightlatch.toml:2: totp.digits: 99999999999 is not allowed; allowed is a whole number from 6 to 8`},
		"number in quotes":      {"[totp]\ndigits = \"6\"", `nightlatch.toml:2: totp.digits: "6" is not allowed; allowed is a whole number from 6 to 8`},
		"fraction":              {"[totp]\ndigits = 6.0", `nightlatch.toml:2: totp.digits: a date or a fraction is not allowed; allowed is a whole number from 6 to 8`},
		"period":                {"[totp]\nperiod = 0", `nightlatch.toml:2: totp.period: 0 is not allowed; allowed is a whole number from 1 to 120`},
		"window":                {"[totp]\nwindow = 3", `nightlatch.toml:2: totp.window: 3 is not allowed; allowed is a whole number from 0 to 2`},
		"issuer":                {"[totp]\nissuer = \"a:b\"", `nightlatch.toml:2: totp.issuer: "a:b" is not allowed; allowed is 1 to 64 characters without a colon`},
		"choice":                {"[log]\nlevel = \"loud\"", `nightlatch.toml:2: log.level: "loud" is not allowed; allowed is one of "debug", "info", "warn", "error"`},
		"truth":                 {"[sign_up]\nenabled = \"no\"", `nightlatch.toml:2: sign_up.enabled: "no" is not allowed; allowed is true or false`},
		"text":                  {"data_dir = 5", `nightlatch.toml:1: data_dir: 5 is not allowed; allowed is text in quotes ("…")`},
		"empty":                 {"data_dir = \"\"", `nightlatch.toml:1: data_dir: "" is not allowed; allowed is not empty`},
		"duration":              {"[policy]\nremember = \"a month\"", `nightlatch.toml:2: policy.remember: "a month" is not allowed; allowed is a duration like "90s", "1h30m", "7d" or "1 week", from 0s to 365d`},
		"duration of no unit":   {"[policy]\nfresh = 10", `nightlatch.toml:2: policy.fresh: 10 is not allowed; allowed is a duration like "90s", "1h30m", "7d" or "1 week", from 1s to 24h`},
		"long duration":         {"[policy]\nremember = \"53 weeks\"", `nightlatch.toml:2: policy.remember: "53 weeks" is not allowed; allowed is a duration like "90s", "1h30m", "7d" or "1 week", from 0s to 365d`},
		"never fresh":           {"[policy]\nfresh = \"0s\"", `nightlatch.toml:2: policy.fresh: "0s" is not allowed; allowed is a duration like "90s", "1h30m", "7d" or "1 week", from 1s to 24h`},
		"no hold":               {"[recovery]\nhold = \"0s\"", `nightlatch.toml:2: recovery.hold: "0s" is not allowed; allowed is a duration like "90s", "1h30m", "7d" or "1 week", from 1s to 30d`},
		"list":                  {"[policy]\nfactors = \"totp\"", `nightlatch.toml:2: policy.factors: "totp" is not allowed; allowed is a list of texts (["…", "…"])`},
		"item":                  {"[policy]\nfactors = [\n  \"totp\", # app\n  \"topt\",\n]", `nightlatch.toml:2: policy.factors: "topt" is not allowed; allowed is one of "totp", "webauthn", "recovery", "email", "sms", "hotp"`},
		"item twice":            {"[policy]\nfactors = [\"totp\", \"totp\"]", `nightlatch.toml:2: policy.factors: "totp" is not allowed; allowed is each item once`},
		"network":               {"trusted_proxies = [\"10.0.0.0/40\"]", `nightlatch.toml:1: trusted_proxies: "10.0.0.0/40" is not allowed; allowed is a network like 10.0.0.0/8`},
		"country":               {"[sms]\ncountries = [\"UK\"]", `nightlatch.toml:2: sms.countries: "UK" is not allowed; allowed is a country's two capital letters in ISO 3166, like "DE" or "US"`},
		"listen":                {"listen = \"8080\"", `nightlatch.toml:1: listen: "8080" is not allowed; allowed is HOST:PORT, like "localhost:8080" or ":8080", with a port from 0 to 65535`},
		"listen, port":          {"listen = \"localhost:65536\"", `nightlatch.toml:1: listen: "localhost:65536" is not allowed; allowed is HOST:PORT, like "localhost:8080" or ":8080", with a port from 0 to 65535`},
		"listen to the world":   {"listen = \"0.0.0.0:8080\"", `nightlatch.toml:1: listen: "0.0.0.0:8080" is beyond loopback and public_url is not set; set public_url to the https:// address that people type`},
		"public http":           {"public_url = \"http://id.example.com\"", `nightlatch.toml:1: public_url: "http://id.example.com" is not allowed; allowed is an origin like "https://id.example.com": https, or http on loopback names alone, without a path`},
		"public path":           {"public_url = \"https://id.example.com/x\"", `nightlatch.toml:1: public_url: "https://id.example.com/x" is not allowed; allowed is an origin like "https://id.example.com": https, or http on loopback names alone, without a path`},
		"public user":           {"public_url = \"https://hush:hush@id.example.com\"", `nightlatch.toml:1: public_url: this value is not allowed; allowed is an origin like "https://id.example.com": https, or http on loopback names alone, without a path`},
		"http at Twilio":        {"[sms.twilio]\nbase_url = \"http://sms.example.com\"", `nightlatch.toml:2: sms.twilio.base_url: "http://sms.example.com" is not allowed; allowed is an https:// URL (http:// on loopback names alone)`},
		"proxy is everybody":    {"trusted_proxies = [\"10.0.0.0/8\", \"::/0\"]", `nightlatch.toml:1: trusted_proxies: names every address there is, so that anybody could say who he is; allowed are the networks of your proxies`},
		"cookie domain":         {"public_url = \"https://id.example.com\"\ncookie_domain = \"example.org\"", `nightlatch.toml:2: cookie_domain: "example.org" does not cover the host of public_url, id.example.com; allowed is that host or a domain above it`},
		"cookie domain, tail":   {"public_url = \"https://id.badexample.com\"\ncookie_domain = \"example.com\"", `nightlatch.toml:2: cookie_domain: "example.com" does not cover the host of public_url, id.badexample.com; allowed is that host or a domain above it`},
		"public suffix":         {"public_url = \"https://id.example.co.uk\"\ncookie_domain = \"co.uk\"", `nightlatch.toml:2: cookie_domain: "co.uk" is a public suffix, below which anybody may have a name; allowed is a domain of your own`},
		"private suffix":        {"public_url = \"https://me.github.io\"\ncookie_domain = \"github.io\"", `nightlatch.toml:2: cookie_domain: "github.io" is a public suffix, below which anybody may have a name; allowed is a domain of your own`},
		"top-level domain":      {"public_url = \"https://id.example.com\"\ncookie_domain = \"com\"", `nightlatch.toml:2: cookie_domain: "com" is a top-level domain, for which browsers take no cookie; allowed is one with a dot`},
		"RP ID":                 {"public_url = \"https://id.example.com\"\n[webauthn]\nrp_id = \"example.org\"", `nightlatch.toml:3: webauthn.rp_id: "example.org" does not cover the host of public_url, id.example.com; allowed is that host or a domain above it`},
		"RP ID, public suffix":  {"public_url = \"https://id.example.co.uk\"\n[webauthn]\nrp_id = \"co.uk\"", `nightlatch.toml:3: webauthn.rp_id: "co.uk" is a public suffix, below which anybody may have a name, and browsers refuse it; allowed is a domain of your own`},
		"RP ID, top level":      {"public_url = \"https://id.example.com\"\n[webauthn]\nrp_id = \"com\"", `nightlatch.toml:3: webauthn.rp_id: "com" is a public suffix, below which anybody may have a name, and browsers refuse it; allowed is a domain of your own`},
		"RP ID is an address":   {"[webauthn]\nrp_id = \"127.0.0.1\"", `nightlatch.toml:2: webauthn.rp_id: "127.0.0.1" is not allowed; allowed is a domain name like "example.com", no address and no URL`},
		"database":              {"database_url = \"mysql://u:hush@db/app\"", `nightlatch.toml:1: database_url: this value is not allowed; allowed is empty, "sqlite:PATH", "sqlite::memory:" or "postgres://USER:PASS@HOST:PORT/NAME"`},
		"pool":                  {"data_dir = \"x\"\ndatabase_url = \"postgres://u:hush@db/app?pool_max_conns=1\"", `nightlatch.toml:2: database_url: this value is not allowed; allowed is one whose pool_… parameters are right, and pool_max_conns is "1"; allowed is a whole number from 2 to 1000`},
		"mail":                  {"[mail]\nurl = \"smtp://u:hu sh@\"", `nightlatch.toml:2: mail.url: this value is not allowed; allowed is "smtp://USER:PASS@HOST:PORT", "smtps://USER:PASS@HOST:PORT" (reserved characters as %XX) or "outbox:"`},
		"mail user alone":       {"[mail]\nurl = \"smtp://hush@mail.example.com\"", `nightlatch.toml:2: mail.url: this value is not allowed; allowed is "smtp://USER:PASS@HOST:PORT", "smtps://USER:PASS@HOST:PORT" (reserved characters as %XX) or "outbox:"`},
		"sender":                {"[mail]\nfrom = \"nobody\"", `nightlatch.toml:2: mail.from: "nobody" is not allowed; allowed is an e-mail address like "id@example.com" or "Example <id@example.com>"`},
		"email without mail":    {"[policy]\nfactors = [\"totp\", \"email\"]", `nightlatch.toml:2: policy.factors: "email" needs mail.url, which is not set; set it, or leave "email" out`},
		"mail for recovery":     {"[recovery]\nemail = true\nadmin_email = \"ops@example.com\"", "nightlatch.toml:2: recovery.email: needs mail.url, which is not set; set it, or say false\nnightlatch.toml:3: recovery.admin_email: needs mail.url, which is not set; set it, or leave it empty"},
		"mail to confirm":       {"[sign_up]\nverify_email = true", `nightlatch.toml:2: sign_up.verify_email: needs mail.url, which is not set; set it, or say false`},
		"mail for the first":    {"[policy]\nfirst_enrollment = \"email\"", `nightlatch.toml:2: policy.first_enrollment: "email" needs mail.url, which is not set; set it, or say "password"`},
		"sms without anything":  {"[policy]\nfactors = [\"sms\"]", "nightlatch.toml:2: policy.factors: \"sms\" needs sms.provider, which is not set; allowed there is \"twilio\", \"webhook\" or \"outbox\"\nnightlatch.toml:2: policy.factors: \"sms\" needs sms.countries, which is empty; allowed there are countries like \"DE\" or \"US\""},
		"twilio":                {"[sms]\nprovider = \"twilio\"\ncountries = [\"DE\"]\n[sms.twilio]\naccount_sid = \"AC1\"", "nightlatch.toml:2: sms.provider: \"twilio\" needs sms.twilio.auth_token, which is not set\nnightlatch.toml:2: sms.provider: \"twilio\" needs sms.twilio.from (or sms.twilio.messaging_service_sid), which is not set"},
		"webhook":               {"[sms]\nprovider = \"webhook\"", "nightlatch.toml:2: sms.provider: \"webhook\" needs sms.webhook.url, which is not set\nnightlatch.toml:2: sms.provider: \"webhook\" needs sms.webhook.secret, which is not set"},
		"nothing to enroll":     {"[policy]\nrequire = \"admins\"\nfactors = [\"recovery\"]", `nightlatch.toml:3: policy.factors: holds no second factor, and policy.require = "admins" asks for one; allowed is at least one kind besides "recovery"`},
		"short password":        {"[password]\nmin_length = 14", `nightlatch.toml:2: password.min_length: 14 is not allowed; allowed is a whole number from 15 to 64 (from 8 where policy.require = "required")`},
		"shorter password":      {"[policy]\nrequire = \"required\"\n[password]\nmin_length = 7", `nightlatch.toml:4: password.min_length: 7 is not allowed; allowed is a whole number from 8 to 64`},
		"password cut off":      {"[password]\nmax_length = 63", `nightlatch.toml:2: password.max_length: 63 is not allowed; allowed is a whole number from 64 to 1024`},
		"delays":                {"[throttle]\nfirst_delay = \"2h\"", `nightlatch.toml:2: throttle.first_delay: is longer than throttle.max_delay; allowed is at most that`},
		"two keys":              {"key_file = \"a\"\nkey_command = \"b\"", `nightlatch.toml:2: key_command: key_file is set too; allowed is one of the two`},
		"metrics":               {"metrics_listen = \"localhost:8080\"", `nightlatch.toml:1: metrics_listen: is the same as listen; allowed is an address of its own`},
		"account key":           {"[[account]]\nusername = \"ada\"\npasword_hash = \"x\"\n" + hash, `nightlatch.toml:3: account[1].pasword_hash: unknown key; did you mean password_hash?; allowed in [[account]] are username, email, password_hash, groups, admin, totp_secret`},
		"account without name":  {"[[account]]\n" + hash, `nightlatch.toml:1: account[1]: has neither username nor email; allowed is one of them or both`},
		"account without hash":  {"\n[[account]]\nusername = \"ada\"", `nightlatch.toml:2: account[1].password_hash: is missing; allowed is the output of nightlatch password hash`},
		"account hash":          {"[[account]]\nusername = \"ada\"\npassword_hash = \"hush\"", `nightlatch.toml:3: account[1].password_hash: this value is not allowed; allowed is a password hash as nightlatch password hash prints it`},
		"account name":          {"[[account]]\nusername = \"ada@x\"\n" + hash, `nightlatch.toml:2: account[1].username: "ada@x" is not allowed; allowed is 1 to 64 characters without @ and without spaces at its ends`},
		"account hash, kind":    {"[[account]]\nusername = \"ada\"\npassword_hash = \"$hush$hush$hush$hush$hush\"", `nightlatch.toml:3: account[1].password_hash: this value is not allowed; allowed is a password hash as nightlatch password hash prints it`},
		"account secret, short": {"[[account]]\nusername = \"ada\"\ntotp_secret = \"GEZDGNBVGY3TQ\"\n" + hash, `nightlatch.toml:3: account[1].totp_secret: this value is not allowed; allowed is a secret of 80 bits or more, in base32, or in hex after "hex:"`},
		"account secret":        {"[[account]]\nusername = \"ada\"\ntotp_secret = \"hush-0189\"\n" + hash, `nightlatch.toml:3: account[1].totp_secret: this value is not allowed; allowed is a secret of 80 bits or more, in base32, or in hex after "hex:"`},
		"account group":         {"[[account]]\nusername = \"ada\"\ngroups = [\"A,B\"]\n" + hash, `nightlatch.toml:3: account[1].groups: "A,B" is not allowed; allowed is 1 to 64 of a-z, 0-9, dot, underscore and dash`},
		"account twice":         {"[[account]]\nusername = \"Ada\"\n" + hash + "[[account]]\nusername = \"ａDA\"\n" + hash, `nightlatch.toml:4: account[2].username: "ａDA" is taken by account[1]; allowed is a name of its own, without regard to case`},
		"address twice":         {"[[account]]\nemail = \"a@x.org\"\n" + hash + "[[account]]\nemail = \"A@X.org\"\n" + hash, `nightlatch.toml:4: account[2].email: "A@X.org" is taken by account[1]; allowed is a name of its own, without regard to case`},
		"group without name":    {"[[group]]\ndescription = \"x\"", `nightlatch.toml:1: group[1].name: is missing; allowed is 1 to 64 of a-z, 0-9, dot, underscore and dash`},
		"group twice":           {"[[group]]\nname = \"a\"\n[[group]]\nname = \"a\"", `nightlatch.toml:3: group[2].name: "a" is taken by group[1]; allowed is a name of its own`},
		"rule without effect":   {"[[rule]]\nlevel = 0\ngroups = [\"ops\"]", `nightlatch.toml:1: rule[1].level: 0 lets anyone through, and max_age, kinds or groups would have no effect; allowed with them is 1 or 2`},
		"rule level":            {"[[rule]]\nlevel = 3", `nightlatch.toml:2: rule[1].level: 3 is not allowed; allowed is a whole number from 0 to 2`},
		"rule path":             {"[[rule]]\npath = \"admin\"", `nightlatch.toml:2: rule[1].path: "admin" is not allowed; allowed is a pattern that begins with "/", like "/admin/**", without a query`},
		"rule host":             {"[[rule]]\nhost = \"https://x\"", `nightlatch.toml:2: rule[1].host: "https://x" is not allowed; allowed is a host name without a port, like "app.example.com" or "*.example.com"`},
		"rule method":           {"[[rule]]\nmethods = [\"get\"]", `nightlatch.toml:2: rule[1].methods: "get" is not allowed; allowed is an HTTP method in capitals, like "GET"`},
		"rule hours":            {"[[rule]]\nhours = \"always\"", `nightlatch.toml:2: rule[1].hours: "always" is not allowed; allowed is hours like "Mon-Fri 08:00-18:00 Europe/Berlin", "Sat,Sun 00:00-24:00 UTC"`},
		"rule zone":             {"[[rule]]\nhours = [\"Mon 08:00-18:00 Mars/Olympus\"]", `nightlatch.toml:2: rule[1].hours: "Mon 08:00-18:00 Mars/Olympus" is not allowed; allowed is hours like "Mon-Fri 08:00-18:00 Europe/Berlin", "Sat,Sun 00:00-24:00 UTC", with a time zone of the IANA database`},
		"unknown key in a rule": {"[[rule]]\nallow = { groups = [\"x\"] }", `nightlatch.toml:2: rule[1].allow: unknown key; allowed in [[rule]] are host, path, methods, networks, hours, level, max_age, kinds, groups`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := faults(t, settings.Sources{Dir: directory(t, test.file)})
			if diff := cmp.Diff(strings.Split(test.want, "\n"), strings.Split(got, "\n")); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(got, "hush") {
				t.Errorf("a fault has a secret in it: %s", got)
			}
		})
	}
}

// TestFaultsOfOtherSources: what is wrong in the environment, in a flag, or with the file itself.
func TestFaultsOfOtherSources(t *testing.T) {
	t.Parallel()
	dir := directory(t, "")
	if err := os.WriteFile(filepath.Join(dir, "large"), make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		from settings.Sources
		want string
	}{
		"unknown variable": {settings.Sources{Env: []string{"NIGHTLATCH_TOTP_DIGIT=6"}}, `NIGHTLATCH_TOTP_DIGIT: no setting has this environment variable; did you mean NIGHTLATCH_TOTP_DIGITS?`},
		"a port":           {settings.Sources{Env: []string{"NIGHTLATCH_PORT=80"}}, `NIGHTLATCH_PORT: no setting has this environment variable; did you mean NIGHTLATCH_LISTEN or PORT?`},
		"account":          {settings.Sources{Env: []string{"NIGHTLATCH_ACCOUNT_USERNAME=a"}}, `NIGHTLATCH_ACCOUNT_USERNAME: no setting has this environment variable; [[account]] stands in the settings file alone`},
		"bad variable":     {settings.Sources{Env: []string{"NIGHTLATCH_TOTP_DIGITS=six"}}, `NIGHTLATCH_TOTP_DIGITS: totp.digits: "six" is not allowed; allowed is a whole number from 6 to 8`},
		"octal":            {settings.Sources{Env: []string{"NIGHTLATCH_TOTP_DIGITS=0x6"}}, `NIGHTLATCH_TOTP_DIGITS: totp.digits: "0x6" is not allowed; allowed is a whole number from 6 to 8`},
		"bad PORT":         {settings.Sources{Env: []string{"PORT=http"}}, `PORT: listen: ":http" is not allowed; allowed is HOST:PORT, like "localhost:8080" or ":8080", with a port from 0 to 65535`},
		"both":             {settings.Sources{Env: []string{"NIGHTLATCH_MAIL_URL=outbox:", "NIGHTLATCH_MAIL_URL_FILE=hush"}}, `NIGHTLATCH_MAIL_URL_FILE: mail.url: NIGHTLATCH_MAIL_URL is set too; allowed is one of the two`},
		"both, empty":      {settings.Sources{Env: []string{"NIGHTLATCH_MAIL_URL=", "NIGHTLATCH_MAIL_URL_FILE=hush"}}, `NIGHTLATCH_MAIL_URL_FILE: mail.url: NIGHTLATCH_MAIL_URL is set too; allowed is one of the two`},
		"both keys":        {settings.Sources{Env: []string{"NIGHTLATCH_KEY=hush", "NIGHTLATCH_KEY_FILE=k"}}, `NIGHTLATCH_KEY_FILE: key_file: NIGHTLATCH_KEY is set too; allowed is one of the two`},
		"no such file":     {settings.Sources{Env: []string{"NIGHTLATCH_MAIL_URL_FILE=/nowhere/x"}}, `NIGHTLATCH_MAIL_URL_FILE: mail.url: the file cannot be read: /nowhere/x: no such file or directory`},
		"large file":       {settings.Sources{Env: []string{"NIGHTLATCH_MAIL_URL_FILE=large"}}, `NIGHTLATCH_MAIL_URL_FILE: mail.url: the file cannot be read: it is larger than 1 MiB`},
		"two lines":        {settings.Sources{Env: []string{"NIGHTLATCH_TOTP_ISSUER=a\nb"}}, `NIGHTLATCH_TOTP_ISSUER: totp.issuer: "a\nb" is not allowed; allowed is text in one line`},
		"no UTF-8":         {settings.Sources{Env: []string{"NIGHTLATCH_DATA_DIR=" + strings.Repeat("\x80", 70)}}, `NIGHTLATCH_DATA_DIR: data_dir: "…" is not allowed; allowed is text in one line`},
		"flag":             {settings.Sources{Flags: map[string]string{"public_url": "x"}}, `--public-url: public_url: "x" is not allowed; allowed is an origin like "https://id.example.com": https, or http on loopback names alone, without a path`},
		"no config":        {settings.Sources{File: "/nowhere/n.toml"}, `/nowhere/n.toml: the settings file cannot be read: /nowhere/n.toml: no such file or directory`},
		"protect nothing":  {settings.Sources{Protect: new("")}, `--protect: the application's address is not allowed; allowed is http:// or https:// with host and port, without a path`},
		"protect":          {settings.Sources{Protect: new("localhost:3000")}, `--protect: the application's address is not allowed; allowed is http:// or https:// with host and port, without a path`},
		"demo for all": {
			settings.Sources{Demo: true, Flags: map[string]string{"listen": ":80", "public_url": "https://x.example.com"}},
			`--listen: listen: ":80" is not allowed with --demo, whose password and messages anyone may read; allowed are loopback addresses, like "localhost:8080"`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.from.Dir = dir
			got := strings.ReplaceAll(faults(t, test.from), dir+string(filepath.Separator), "")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(got, "hush") {
				t.Errorf("a fault has a secret in it: %s", got)
			}
		})
	}
}

// TestAllFaultsAtOnce: whoever mends settings wants to start once.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	err := faults(t, settings.Sources{
		Dir:   directory(t, "lisen = \"x\"\n[totp]\ndigits = 9\n[policy]\nfactors = [\"email\"]\n[[account]]\nusername = \"a@b\"\n"),
		Env:   []string{"NIGHTLATCH_TOTP_PERIOD=0", "NIGHTLATCH_NO=1"},
		Flags: map[string]string{"listen": "nowhere"},
	})
	for _, key := range []string{"lisen", "totp.digits", "policy.factors", "account[1].username", "account[1].password_hash", "totp.period", "NIGHTLATCH_NO", "--listen"} {
		if !strings.Contains(err, key) {
			t.Errorf("no fault names %s in\n%s", key, err)
		}
	}
	if got, want := strings.Count(err, "\n")+1, 8; got != want {
		t.Errorf("%d faults, want %d:\n%s", got, want, err)
	}
}

func faults(t *testing.T, from settings.Sources) string {
	t.Helper()
	s, err := settings.Load(from)
	if err == nil {
		t.Fatalf("no fault: %+v", s)
	}
	var all settings.Faults
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("the error is no Faults: %v", err)
	}
	return err.Error()
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := map[string]time.Duration{
		"90s": 90 * time.Second, "720h": 720 * time.Hour, "7d": 7 * day, "1 week": 7 * day, "2 weeks": 14 * day, "1h30m": 90 * time.Minute,
		"0s": 0, " 10m ": 10 * time.Minute, "1 day 2 hours": 26 * time.Hour, "250ms": 250 * time.Millisecond, "1w": 7 * day,
		"1 minute": time.Minute, "30 seconds": 30 * time.Second,
	}
	for text, want := range tests {
		if got, err := settings.ParseDuration(text); err != nil || got != want {
			t.Errorf("%q = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", " ", "0", "10", "s", "-1s", "+1s", "1.5h", "1 fortnight", "1h 30", "1hm", "9223372036854775807s", "99999999999999999999h", "１h"} {
		if got, err := settings.ParseDuration(text); err == nil {
			t.Errorf("%q = %v, want an error", text, got)
		}
	}
}

func TestParseHours(t *testing.T) {
	t.Parallel()
	h, err := settings.ParseHours("fri-Mon,Wed 22:30-06:00 UTC")
	if err != nil || h.Days != [7]bool{true, true, false, true, false, true, true} || h.From != 22*60+30 || h.To != 360 {
		t.Errorf("hours = %+v, %v", h, err)
	}
	for _, text := range []string{
		"", "Mon", "Mon 08:00-18:00", "Mun 08:00-18:00 UTC", "Mon 8:00-18:00 UTC", "Mon 08:00-24:01 UTC", "Mon 08:60-09:00 UTC",
		"Mon 08:00-08:00 UTC", "Mon 24:00-08:00 UTC", "Mon 08:00 UTC", "Mon- 08:00-09:00 UTC", "Mon 08:00-18:00 Local", "Mon 08:00-18:00 ../etc/passwd",
	} {
		if h, err := settings.ParseHours(text); err == nil {
			t.Errorf("%q = %+v, want an error", text, h)
		}
	}
}

// FuzzLoad: whatever stands in the file, Load answers with settings or with faults.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "listen = 1", "[a.b]\nc=1", "[[account]]\n[account.x]\ny=1", "account=[{username=\"a\"},{}]", "a.b.c = {d = [1, {e = 2}]}",
		"[[rule]]\nhours=[\"Mon 00:00-24:00 UTC\"]", "totp = {digits = 6, digits = 7}", "\"\" = 1", "[\"\"]", "[[account]]\n[[account.totp]]\nx=1", "\ufefflisten=\"a:1\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		s, err := settings.Load(settings.Sources{Dir: directory(t, file)})
		if (s == nil) != (err != nil) {
			t.Errorf("settings %v with error %v", s, err)
		}
		if s != nil {
			s.List()
		}
	})
}
