package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/server/settings"
)

// contractKeys are the keys of the settings reference, each with its default. A key that is renamed or lost breaks
// the settings of people who have it.
const contractKeys = `
listen=localhost:8080 public_url= data_dir=nightlatch-data database_url= database_wait=60s key_file= key_command=
trusted_proxies=[] cookie_domain= metrics_listen=
log.level=info log.format=text
sign_up.enabled=true sign_up.verify_email=false sign_up.per_address_per_hour=20
password.min_length=15 password.max_length=256
session.lifetime=720h session.idle=168h
policy.require=optional policy.grace=0s policy.authenticators=1 policy.report_only=false policy.factors=[totp,webauthn,recovery] policy.first_enrollment= policy.remember=720h policy.fresh=10m
totp.issuer=Nightlatch totp.algorithm=SHA1 totp.digits=6 totp.period=30 totp.window=1
webauthn.rp_id= webauthn.rp_name= webauthn.origins=[] webauthn.user_verification=preferred webauthn.app_id= webauthn.refuse_counter=false
sent_code.digits=6 sent_code.lifetime=10m sent_code.resend_after=30s sent_code.tries=5 sent_code.per_destination_per_hour=10
mail.url= mail.from=
sms.provider= sms.countries=[]
sms.twilio.account_sid= sms.twilio.auth_token= sms.twilio.from= sms.twilio.messaging_service_sid= sms.twilio.base_url=https://api.twilio.com
sms.webhook.url= sms.webhook.secret=
throttle.free_tries=5 throttle.first_delay=30s throttle.max_delay=1h throttle.day_limit=20
recovery.email=false recovery.hold=24h recovery.admin_email=
limits.hashes=0 limits.waiting=256 limits.connections=2048
group=[] account=[] rule=[]`

func TestEveryKeyOfTheContractExists(t *testing.T) {
	t.Parallel()
	listed := map[string]settings.Setting{}
	for _, s := range load(t, "").List() {
		if _, twice := listed[s.Key]; twice {
			t.Errorf("%s stands twice in the table", s.Key)
		}
		if !strings.HasSuffix(s.Doc, ".") || strings.Count(s.Doc, "\n") > 0 {
			t.Errorf("%s: the sentence %q does not end with a dot", s.Key, s.Doc)
		}
		listed[s.Key] = s
	}
	wanted := strings.Fields(contractKeys)
	for _, pair := range wanted {
		key, def, _ := strings.Cut(pair, "=")
		s, ok := listed[key]
		if !ok {
			t.Errorf("%s is missing", key)
			continue
		}
		if got := plain(s.Default); got != def {
			t.Errorf("%s: the default is %s, want %s", key, got, def)
		}
	}
	if got, want := len(listed), len(wanted)+1; got != want { // and "key", which the environment alone sets
		t.Errorf("%d settings, want %d: a key that no reference names", got, want)
	}
}

func TestDefaultsThatFollow(t *testing.T) {
	t.Parallel()
	const account = "[[account]]\nusername = \"ada\"\npassword_hash = \"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g\"\n"
	tests := map[string]struct {
		file string
		from settings.Sources
		want map[string]string
	}{
		"nothing set": {want: map[string]string{
			"public_url": "http://localhost:8080", "webauthn.rp_id": "localhost",
			"webauthn.rp_name": "Nightlatch", "sign_up.enabled": "true", "password.min_length": "15", "mail.from": "",
		}},
		"listen on an address": {file: `listen = "127.0.0.1:9000"`, want: map[string]string{"public_url": "http://127.0.0.1:9000", "webauthn.rp_id": ""}},
		"listen on IPv6":       {file: `listen = "[::1]:9000"`, want: map[string]string{"public_url": "http://[::1]:9000", "webauthn.rp_id": ""}},
		"public_url": {
			file: "public_url = \"https://ID.Example.com:443/\"\nlisten = \":80\"",
			want: map[string]string{"public_url": "https://id.example.com", "webauthn.rp_id": "id.example.com"},
		},
		"RP ID of one label":        {file: "public_url = \"https://intranet\"\n[webauthn]\nrp_id = \"intranet\"", want: map[string]string{"webauthn.rp_id": "intranet"}},
		"RP ID, a suffix in itself": {file: "public_url = \"https://github.io\"\n[webauthn]\nrp_id = \"github.io\"", want: map[string]string{"webauthn.rp_id": "github.io"}},
		"RP ID above":               {file: "public_url = \"https://id.example.co.uk\"\n[webauthn]\nrp_id = \"example.co.uk\"", want: map[string]string{"webauthn.rp_id": "example.co.uk"}},
		"issuer":                    {file: "[totp]\nissuer = \"Acme\"", want: map[string]string{"webauthn.rp_name": "Acme"}},
		"two factors":               {file: "[policy]\nrequire = \"required\"", want: map[string]string{"password.min_length": "8"}},
		"two factors, chosen":       {file: "[policy]\nrequire = \"required\"\n[password]\nmin_length = 12", want: map[string]string{"password.min_length": "12"}},
		"a rule":                    {file: "[[rule]]\npath = \"/**\"", want: map[string]string{"sign_up.enabled": "false"}},
		"a proxy":                   {file: "trusted_proxies = [\"10.0.0.0/8\"]", want: map[string]string{"sign_up.enabled": "false"}},
		"an account":                {file: account, want: map[string]string{"sign_up.enabled": "false", "account": "[ada]"}},
		"an account and sign-up": {
			file: account + "[sign_up]\nenabled = true",
			want: map[string]string{"sign_up.enabled": "true"},
		},
		"protect":      {from: settings.Sources{Protect: new("http://localhost:3000/")}, want: map[string]string{"sign_up.enabled": "false"}},
		"mail":         {file: "[mail]\nurl = \"outbox:\"", want: map[string]string{"mail.from": "nightlatch@localhost", "mail.url": "outbox:"}},
		"mail, domain": {file: "public_url = \"https://id.example.com\"\n[mail]\nurl = \"outbox:\"", want: map[string]string{"mail.from": "nightlatch@id.example.com"}},
		"demo": {from: settings.Sources{Demo: true}, want: map[string]string{
			"mail.url": "outbox:", "sms.provider": "outbox",
			"policy.factors": "[totp,webauthn,recovery,email,sms,hotp]", "sign_up.enabled": "true",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.from.Dir = directory(t, test.file)
			s, err := settings.Load(test.from)
			if err != nil {
				t.Fatal(err)
			}
			for key, want := range test.want {
				if got := value(s, key); got != want {
					t.Errorf("%s = %s, want %s", key, got, want)
				}
			}
		})
	}
}

func TestFollowListen(t *testing.T) {
	t.Parallel()
	s := load(t, `listen = "localhost:0"`)
	s.FollowListen("43210")
	if got, want := s.PublicURL, "http://localhost:43210"; got != want {
		t.Errorf("public_url = %s, want %s", got, want)
	}
	s = load(t, "listen = \"localhost:0\"\npublic_url = \"https://id.example.com\"")
	s.FollowListen("43210")
	if got, want := s.PublicURL, "https://id.example.com"; got != want {
		t.Errorf("public_url = %s, want %s", got, want)
	}
}

// TestOrder: flag, environment, file, default; and each value says where it stands.
func TestOrder(t *testing.T) {
	t.Parallel()
	const file = "# a comment\nlisten = \"localhost:1\"\n"
	tests := map[string]struct {
		file       string
		env        []string
		flags      map[string]string
		want, from string
	}{
		"default":            {want: "localhost:8080", from: "default"},
		"file":               {file: file, want: "localhost:1", from: "file nightlatch.toml:2"},
		"environment":        {file: file, env: []string{"NIGHTLATCH_LISTEN=localhost:2"}, want: "localhost:2", from: "env NIGHTLATCH_LISTEN"},
		"flag":               {file: file, env: []string{"NIGHTLATCH_LISTEN=localhost:2"}, flags: map[string]string{"listen": "localhost:3"}, want: "localhost:3", from: "flag --listen"},
		"PORT":               {env: []string{"PORT=4", "NIGHTLATCH_PUBLIC_URL=https://id.example.com"}, want: ":4", from: "env PORT"},
		"PORT is the last":   {file: file, env: []string{"PORT=4"}, want: "localhost:1", from: "file nightlatch.toml:2"},
		"empty PORT":         {env: []string{"PORT="}, want: "localhost:8080", from: "default"},
		"the last one holds": {env: []string{"NIGHTLATCH_LISTEN=localhost:2", "NIGHTLATCH_LISTEN=localhost:5"}, want: "localhost:5", from: "env NIGHTLATCH_LISTEN"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := settings.Load(settings.Sources{Dir: directory(t, test.file), Env: test.env, Flags: test.flags})
			if err != nil {
				t.Fatal(err)
			}
			if s.Listen != test.want || s.Origin("listen").String() != test.from {
				t.Errorf("listen = %s from %s, want %s from %s", s.Listen, s.Origin("listen"), test.want, test.from)
			}
		})
	}
}

func TestEveryTypeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	dir := directory(t, "")
	for name, content := range map[string]string{"pass": "smtps://u:p@mail.example.com\r\n", "key": "two\n\n", "none": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := settings.Load(settings.Sources{Dir: dir, Env: []string{
		"NIGHTLATCH_TOTP_DIGITS=8", "NIGHTLATCH_SIGN_UP_ENABLED=false", "NIGHTLATCH_POLICY_REMEMBER=2 weeks",
		"NIGHTLATCH_POLICY_FACTORS=totp, recovery", "NIGHTLATCH_TRUSTED_PROXIES=10.1.2.3/8,::1", "NIGHTLATCH_WEBAUTHN_ORIGINS=",
		"NIGHTLATCH_MAIL_URL_FILE=pass", "NIGHTLATCH_SMS_TWILIO_AUTH_TOKEN_FILE=" + filepath.Join(dir, "none"),
		"NIGHTLATCH_KEY_FILE=somewhere/key", "HOME=/root", "NIGHTLATCHX=1",
		// What Kubernetes and Docker set for a service of our name is not meant for us.
		"NIGHTLATCH_SERVICE_HOST=10.0.0.1", "NIGHTLATCH_SERVICE_PORT=80", "NIGHTLATCH_SERVICE_PORT_HTTP=80", "NIGHTLATCH_PORT=tcp://10.0.0.1:80",
		"NIGHTLATCH_PORT_80_TCP=tcp://10.0.0.1:80", "NIGHTLATCH_PORT_80_TCP_ADDR=10.0.0.1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{
		s.TOTP.Digits, s.SignUp.Enabled, s.Policy.Remember, s.Policy.Factors, value(s, "trusted_proxies"), len(s.WebAuthn.Origins),
		s.Mail.URL, s.SMS.Twilio.AuthToken, s.KeyFile, s.Origin("mail.url").String(),
	}
	want := []any{
		8, false, 336 * time.Hour,
		[]string{"totp", "recovery"},
		"[10.0.0.0/8,::1/128]", 0,
		"smtps://u:p@mail.example.com", "", "somewhere/key", "env NIGHTLATCH_MAIL_URL_FILE",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A list in the environment has commas, or stands as it does in the file.
func TestListsFromTheEnvironment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"totp,recovery": {"totp", "recovery"}, "totp": {"totp"}, ` ["totp", "recovery"] `: {"totp", "recovery"}, "['totp','recovery',]": {"totp", "recovery"},
		"[totp]": {"totp"}, "[]": nil,
	} {
		s, err := settings.Load(settings.Sources{Dir: directory(t, ""), Env: []string{"NIGHTLATCH_POLICY_FACTORS=" + text}})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, s.Policy.Factors); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for _, text := range []string{`["totp"`, `["totp]`, `"totp"`, `[["totp"]]`, `["totp" "recovery"]`, "["} {
		if _, err := settings.Load(settings.Sources{Dir: directory(t, ""), Env: []string{"NIGHTLATCH_POLICY_FACTORS=" + text}}); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func directory(t *testing.T, file string) string {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(dir, settings.FileName), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, file string) *settings.Settings {
	t.Helper()
	s, err := settings.Load(settings.Sources{Dir: directory(t, file)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func value(s *settings.Settings, key string) string {
	for _, line := range s.List() {
		if line.Key == key {
			return plain(line.Value)
		}
	}
	return "no such key"
}

func plain(v any) string {
	switch v := v.(type) {
	case []string:
		return "[" + strings.Join(v, ",") + "]"
	case string:
		return v
	case bool:
		if v {
			return "true"
		}
		return "false"
	case int:
		return itoa(v)
	}
	return "?"
}

// A policy that only reports lets passwords stand alone: they must be long.
func TestMinLengthFollowsThePolicy(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]int{"": 15, "NIGHTLATCH_POLICY_REPORT_ONLY=true": 15, "NIGHTLATCH_POLICY_REPORT_ONLY=false": 8} {
		from := settings.Sources{Env: []string{env, "NIGHTLATCH_POLICY_REQUIRE=required"}}
		if env == "" {
			from.Env = nil
		}
		s, err := settings.Load(from)
		if err != nil || s.Password.MinLength != want {
			t.Errorf("%q: %d, %v; want %d", env, s.Password.MinLength, err, want)
		}
	}
}
