package password

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"

	"github.com/nightlatch/nightlatch/factor"
)

const foreignPhrase = "nightlatch-test-passphrase-1"

// elsewhere are hashes of foreignPhrase that other programs made: passlib 1.7.4 with bcrypt 3.2 and argon2-cffi 21.1,
// Werkzeug 2.2, Flask-Security 5.1 with the key "salty".
var elsewhere = []struct{ name, hash string }{
	{"bcrypt 2a", "$2a$05$oElPyUgmJZIyw805W/dojuzv56ffa8hqOWsOK6W89pqErBcZICfoK"},
	{"bcrypt 2b", "$2b$05$9CzziubQJQ4xT24M7yYVD.wb72xAQqyYErgdhSkf42DO3hWHhK0yy"},
	{"bcrypt 2y", "$2y$05$u5RXWi2IVnE7YSBzOGQaDuwOjScJANwCty3UigMFT18rbQmM.r50O"},
	{"bcrypt of Django", "bcrypt$$2b$05$9CzziubQJQ4xT24M7yYVD.wb72xAQqyYErgdhSkf42DO3hWHhK0yy"},
	{"argon2i", "$argon2i$v=19$m=64,t=2,p=2$8V6rVYqxFmKsNca4t1bK2Q$7sRcpJlBcw9+nsfLQRIGfg"},
	{"argon2id", "$argon2id$v=19$m=64,t=2,p=2$CwEgZIwxprR2jvFeC4GQUg$wUUgIeNB7/jh6H2GjxisWg"},
	{"argon2 of Django", "argon2$argon2id$v=19$m=64,t=2,p=2$CwEgZIwxprR2jvFeC4GQUg$wUUgIeNB7/jh6H2GjxisWg"},
	{"scrypt", "$scrypt$ln=5,r=8,p=2$x9jbu9eaM0ZorRVizHkv5Q$ZNJ1OaC1qEN/uyNe1hhN6ro9vMnbiDHUv7/6xltmRus"},
	{"scrypt of Werkzeug", "scrypt:32:8:1$saltsalt$0e67b846af2d38ab8f30f79726d35bf8b2200044f960229b9c430ff46da3c98b5176ba5d37468157fbba03969d00beac34666b26b5e282d8597fd196ae5350c8"},
	{"pbkdf2", "$pbkdf2$100$3ltrjRFCCOEcg/CeUwph7A$BNh.3BDFCsCD2eCiVWZf9U6/kc4"},
	{"pbkdf2-sha256", "$pbkdf2-sha256$100$uVeK8T7nXAuhFKI0xpgTgg$5TxoozN0qvln/JiscUKqyI1CGY9h10Dttct6mutsfsg"},
	{"pbkdf2-sha512", "$pbkdf2-sha512$100$3puzdm4NYSzF.H/vXatVag$lxM.ABgNTSI98HENlZJLKRgyrp.86yi0rzHGiK8tBXQC1Z3lHAA2RHoYlsqAbSh7POGh67lZCvTN3.9XD1zGig"},
	{"pbkdf2 of Django", "pbkdf2_sha256$100$XgstQn7fb1JF$+wh75jGBq7s6Yl3D6i92aIrqOYERM+NJJeztsdq54j4="},
	{"pbkdf2 of Werkzeug", "pbkdf2:sha256:100$uZ9EvuVUX1lkJ2rD$9312e2a8f5353252871765e479e691f81dea13059fbe3770fedea8756095672f"},
	{"pbkdf2-sha512 of Werkzeug", "pbkdf2:sha512:100$go9mucE3oIYYnS0i$f418b201f10eb7bd89ac59f70e775dc6c44156470623b7828b3959c66cdad5c0df597eb026127e70d3d8661d6e3902666c2c1813cca3ff07b4b95a3c8532ef88"},
	{"Flask-Security with bcrypt", Double("salty", "$2b$05$K0lqYOmJsrxPY2mGvCpwLe7ojqa861gzZnHz9rkYCSFdc/Lo5p5o2")},
	{"Flask-Security with argon2id", Double("salty", "$argon2id$v=19$m=64,t=2,p=1$yHkvpdSaM8aYc04JYew9Bw$se8vvkGivba1AEb7MJAGtw")},
	{"Flask-Security with pbkdf2", Double("salty", "$pbkdf2-sha512$100$ei.FkBLiXMuZMwZgTMmZcw$OmwKMWSQh/yVelpDwqqXsamhaaSdvTL8ZacQidaw8ap4k8JqLjPzxUGsnbIYBFufo5y2wxcyhjFWEXTHIjFdKQ")},
}

// A hash of another program is verified as it is, and the first right password replaces it by one of ours.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	f := New(Options{Cost: cheap})
	for _, one := range elsewhere {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			state, err := FromHash(one.hash)
			if err != nil {
				t.Fatal(err)
			}
			w, foreign, err := WorkOf(state)
			if err != nil || !foreign {
				t.Errorf("WorkOf gave %v, %v, want a hash from elsewhere", foreign, err)
			}
			if again, err := ParseWork(w.String()); err != nil || again != w {
				t.Errorf("%q reads as %v, %v", w, again, err)
			}
			held := factor.Held{ID: "p", State: state}
			for _, wrong := range []string{foreignPhrase + " ", "", strings.ToUpper(foreignPhrase), "salty"} {
				if v, err := verify(t, f, wrong, held); !errors.Is(err, factor.ErrRefused) || v.State != nil {
					t.Errorf("%q: %v, want a refusal", wrong, err)
				}
			}
			v, err := verify(t, f, foreignPhrase, held)
			if err != nil || v.State == nil {
				t.Fatalf("got %v, state %q, want right and a new state", err, v.State)
			}
			if hash, err := HashOf(v.State); err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=64,t=1,p=1$") {
				t.Errorf("the new hash is %.30q, %v", hash, err)
			}
			if _, foreign, err := WorkOf(v.State); foreign || err != nil {
				t.Errorf("the new hash is from elsewhere: %v", err)
			}
			held.State = v.State
			if v, err := verify(t, f, foreignPhrase, held); err != nil || v.State != nil {
				t.Errorf("after that: %v, state %q", err, v.State)
			}
		})
	}
}

// What another program hashed as it was typed is right as typed; what it normalized is right in NFC.
func TestElsewhereAsTypedThenInNFC(t *testing.T) {
	t.Parallel()
	f := New(Options{Cost: cheap})
	typed := norm.NFD.String("Ångström is ½ short")
	for name, hashed := range map[string]string{
		"as typed": typed, "in NFC": norm.NFC.String(typed), "in NFKD": norm.NFKD.String(typed),
	} {
		text, err := bcrypt.GenerateFromPassword([]byte(hashed), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		state, err := FromHash(string(text))
		if err != nil {
			t.Fatal(err)
		}
		v, err := verify(t, f, typed, factor.Held{ID: "p", State: state})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := verify(t, f, norm.NFC.String(typed), factor.Held{ID: "p", State: v.State}); err != nil {
			t.Errorf("%s, replaced: %v", name, err)
		}
	}
}

// Length rules do not apply to a password from elsewhere: a short one goes on working, replaced.
func TestElsewhereMayBeShort(t *testing.T) {
	t.Parallel()
	f := New(Options{Cost: cheap})
	text, err := bcrypt.GenerateFromPassword([]byte("abc"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	state, err := FromHash(string(text))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify(t, f, "abc", factor.Held{ID: "p", State: state})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t, f, "abc", factor.Held{ID: "p", State: v.State}); err != nil {
		t.Errorf("replaced: %v", err)
	}
}

func TestElsewhereRefuses(t *testing.T) {
	t.Parallel()
	bcryptTail := strings.Repeat("a", 53)
	for name, tt := range map[string]struct{ hash, want string }{
		"bcrypt of cost 14":       {"$2b$14$" + bcryptTail, "more than half a second"},
		"bcrypt of cost 31":       {"$2b$31$" + bcryptTail, "more than half a second"},
		"bcrypt of cost 3":        {"$2b$03$" + bcryptTail, "cost"},
		"bcrypt, one digit":       {"$2b$5$" + bcryptTail, "cost of two digits"},
		"bcrypt, cut":             {"$2b$05$" + bcryptTail[1:], "53 characters"},
		"bcrypt, a line break":    {"$2b$05$" + bcryptTail[1:] + "\n", "53 characters"},
		"bcrypt of the old fault": {"$2x$05$" + bcryptTail, `of the kind "2x"`},
		"the first bcrypt":        {"$2$05$" + bcryptTail, `of the kind "2"`},
		"argon2d":                 {"$argon2d$v=19$m=64,t=2,p=2$" + salt16 + "$" + tag32, `of the kind "argon2d"`},
		"argon2 above 1 GiB":      {"$argon2i$v=19$m=1048577,t=1,p=1$" + salt16 + "$" + tag32, "more than 1 GiB"},
		"scrypt above 1 GiB":      {"$scrypt$ln=20,r=16,p=1$" + salt16 + "$" + tag32, "1 GiB"},
		"scrypt too slow":         {"$scrypt$ln=17,r=8,p=2$" + salt16 + "$" + tag32, "more than half a second"},
		"scrypt, 2^64":            {"$scrypt$ln=64,r=8,p=1$" + salt16 + "$" + tag32, "ln="},
		"scrypt, r zero":          {"$scrypt$ln=5,r=0,p=1$" + salt16 + "$" + tag32, "r and p"},
		"scrypt of Werkzeug, N":   {"scrypt:33:8:1$saltsalt$" + strings.Repeat("00", 64), "power of two"},
		"scrypt, short salt":      {"$scrypt$ln=5,r=8,p=1$c2FsdA$" + tag32, "the salt"},
		"scrypt, no hash":         {"$scrypt$ln=5,r=8,p=1$" + salt16, "must have the parts"},
		"pbkdf2 too slow":         {"$pbkdf2-sha256$9000000$" + salt16 + "$" + tag32, "more than half a second"},
		"pbkdf2, many blocks":     {"$pbkdf2$1500000$" + salt16 + "$" + strings.Repeat("MDEy", 16), "more than half a second"},
		"pbkdf2, no round":        {"$pbkdf2-sha256$0$" + salt16 + "$" + tag32, "rounds"},
		"pbkdf2, signed rounds":   {"$pbkdf2-sha256$+5$" + salt16 + "$" + tag32, "rounds"},
		"pbkdf2 with md5":         {"pbkdf2_md5$5$salt$" + tag32, "cannot be read"},
		"pbkdf2, short hash":      {"pbkdf2:sha256:5$salt$0011", "the hash itself"},
		"pbkdf2 of Werkzeug":      {"pbkdf2:sha256$salt$" + strings.Repeat("00", 32), "cannot be read"},
		"sha512-crypt":            {"$6$rounds=1000$salt$hash", `of the kind "6"`},
		"md5":                     {"5f4dcc3b5aa765d61d8327deb882cf99", "not a password hash"},
		"clear text":              {"hunter2", "not a password hash"},
		"plain":                   {"plain$hunter2", "cannot be read"},
		"a double of a double":    {Double("x", Double("x", elsewhere[0].hash)), "of a double hash"},
		"a double without a hash": {Double("x", ""), "not a password hash"},
		"a double without a key":  {Double("", elsewhere[0].hash), "the key"},
		"a double, too slow":      {Double("x", "$2b$14$"+bcryptTail), "more than half a second"},
	} {
		_, err := FromHash(tt.hash)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want it to say %q", name, err, tt.want)
			continue
		}
		for _, secret := range []string{bcryptTail, tag32, "hunter2$", salt16} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error holds the hash: %v", name, err)
			}
		}
	}
}

func TestParseWorkRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "bcrypt", "bcrypt 0 0", "bcrypt 0 0 x", "bcrypt 0 0 -1", "bcrypt 0 0 4294967296", "bcrypt 0 0 32768", "md5 0 0 1",
		"argon2 2000000 1 1", "argon2 64 0 1", "argon2 64 99 1", "argon2 8 4 1", "scrypt 0 1 16", "scrypt 8 1 4194304", "pbkdf2-md5 0 0 5",
	} {
		if w, err := ParseWork(bad); err == nil {
			t.Errorf("%q was read as %v", bad, w)
		}
	}
}

// tally counts the work of one answer by unit.
type tally map[unit]uint64

func counted(t *testing.T, f *Factor, password string, held ...factor.Held) tally {
	t.Helper()
	got := tally{}
	f.worked = func(w Work) { got[w.unit] += w.amount }
	c := factor.Call{Held: held, Rand: random()}
	if _, err := f.Verify(t.Context(), c, nil, factor.Response{Password: password}); err != nil && !errors.Is(err, factor.ErrRefused) {
		t.Fatal(err)
	}
	return got
}

// While hashes from elsewhere are in use, an answer does the same work whoever is asked about: somebody with such a
// hash, somebody with one of ours, nobody.
func TestAnswersTakeTheSameWork(t *testing.T) {
	t.Parallel()
	works := func(hashes ...string) func(context.Context) ([]Work, error) {
		var all []Work
		for _, hash := range hashes {
			h, err := parse(hash)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, h.work())
		}
		return func(context.Context) ([]Work, error) { return all, nil }
	}
	bcrypt4 := "$2b$04$" + strings.Repeat("a", 53)
	bcrypt7 := "$2b$07$" + strings.Repeat("a", 53)
	sha256, sha256Slow := "$pbkdf2-sha256$100$"+salt16+"$"+tag32, "$pbkdf2-sha256$777$"+salt16+"$"+tag32
	scryptHash := elsewhere[7].hash
	for name, inUse := range map[string][]string{
		"one kind":             {bcrypt7},
		"one kind, many costs": {bcrypt4, bcrypt7, elsewhere[1].hash},
		"many kinds":           {bcrypt4, sha256, sha256Slow, scryptHash, elsewhere[4].hash},
		"ours at another cost": {"$argon2id$v=19$m=64,t=3,p=1$" + salt16 + "$" + tag32},
	} {
		f := New(Options{Cost: cheap, Foreign: works(inUse...)})
		ours := enroll(t, f, phrase)
		for _, password := range []string{"wrong", norm.NFD.String(phrase + "½"), strings.Repeat("x", 5000), ""} {
			want := counted(t, f, password)
			who := map[string]factor.Held{"ours": ours}
			for _, hash := range inUse {
				state, err := FromHash(hash)
				if err != nil {
					t.Fatal(err)
				}
				who[hash[:9]] = factor.Held{ID: "p", State: state}
			}
			for whose, held := range who {
				if got := counted(t, f, password, held); !equal(got, want) {
					t.Errorf("%s, %.10q, %s: %v, and for nobody %v", name, password, whose, got, want)
				}
			}
			if password == "wrong" && want[unit{scheme: unitBcrypt}] < 1<<7 && strings.Contains(name, "one kind") {
				t.Errorf("%s: %v is less than the slowest hash", name, want)
			}
		}
	}
	if none := counted(t, New(Options{Cost: cheap, Foreign: works()}), "wrong"); len(none) != 1 {
		t.Errorf("with nothing from elsewhere: %v, want our own hash alone", none)
	}
}

func equal(a, b tally) bool {
	if len(a) != len(b) {
		return false
	}
	for u, n := range a {
		if b[u] != n {
			return false
		}
	}
	return true
}

// However many kinds are in use, an answer takes about half a second at most: where all of them would be more, about as
// long as the slowest.
func TestManyKindsTakeAsLongAsTheSlowest(t *testing.T) {
	t.Parallel()
	slow := Work{unit{scheme: unitBcrypt}, 1 << 12}
	others := []Work{
		{unit{scheme: unitPBKDF2 + "sha512"}, 300_000}, {unit{scheme: unitPBKDF2 + "sha256"}, 600_000}, {unit{scheme: unitScrypt, a: 8, b: 1}, 1 << 15},
	}
	f := New(Options{})
	for i, did := range append([]Work{slow, {}}, others...) {
		l := &ledger{f: f, inUse: append([]Work{slow, f.cost.work()}, others...), tries: 1, done: map[unit]uint64{}}
		if did.amount > 0 {
			l.done[did.unit] = did.amount
		}
		total := did.estimate()
		for _, w := range l.missing() {
			total += w.estimate()
		}
		if off := new(big.Int).Abs(big.NewInt(int64(total) - int64(slow.estimate()))).Int64(); off > int64(slow.estimate())/50 {
			t.Errorf("%d: about %d µs, the slowest takes %d", i, total, slow.estimate())
		}
	}
}

// Without knowing what is in use nobody is let in.
func TestUnknownKindsLetNobodyIn(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	f := New(Options{Cost: cheap, Foreign: func(context.Context) ([]Work, error) { return nil, down }})
	if _, err := verify(t, f, phrase, enroll(t, f, phrase)); !errors.Is(err, down) || errors.Is(err, factor.ErrRefused) {
		t.Errorf("got %v, want the fault", err)
	}
}
