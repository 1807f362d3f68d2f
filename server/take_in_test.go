package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/server/importer"
)

// takeInFiles takes files in, and returns what became of each account and the lines that were none.
func takeInFiles(t *testing.T, s *Server, format string, secrets importer.Secrets, dry bool, files ...string) ([]Taken, []importer.Refusal) {
	t.Helper()
	read, err := importer.ReadFiles(t.Context(), format, importer.Input{Files: files, Secrets: secrets, Driver: "sqlite"})
	if err != nil {
		t.Fatal(err)
	}
	taking := s.NewTakingIn(format, "test", dry)
	var all []Taken
	for _, a := range read.Accounts {
		one, err := taking.One(t.Context(), a)
		if err != nil {
			t.Fatalf("%s: %v", a.Name(), err)
		}
		all = append(all, one)
	}
	return all, read.Refused
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func bcryptOf(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// outcomes are the outcomes by name, with why or what was left out.
func outcomes(all []Taken) map[string]string {
	got := map[string]string{}
	for _, one := range all {
		text := string(one.Outcome) + one.Why
		for _, l := range one.Left {
			text += "; " + l.What + ": " + l.Why
		}
		got[one.Name] = text
	}
	return got
}

const csvHeader = "username,email,password_hash,groups,kind,label,secret,algorithm,digits,period,counter\n"

// What a table gives works: the password, an app, a token of hardware; once, and each code once.
func TestTakeInTable(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	add(t, s, Account{Username: "taken"})
	app, token := "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "hex:3132333435363738393031323334353637383930"
	hash := bcryptOf(t, "short")
	table := file(t, "a.csv", csvHeader+
		"ada,ada@example.com,"+hash+",staff;ops,totp,My phone,"+app+",SHA256,8,60,\n"+
		"ada,,,,hotp,Fob,"+token+",,6,,7\n"+
		"bob,,"+hash+",,,,,,,,\n"+
		"taken,,"+hash+",,,,,,,,\n"+
		"cy,,"+hash+",Not A Group!,,,,,,,\n"+
		"dee,,$2b$14$"+strings.Repeat("a", 53)+",,,,,,,,\n"+
		"eve,,"+hash+",,steam,,"+app+",,,,\n"+
		"fay,,$6$salt$hash,,,,,,,,\n"+
		"gil,,"+hash+",,totp,,JBSWY3DP,,,,\n"+
		"nobody,,,,hotp,Fob,"+token+",,,,\n"+
		"BOB,,"+hash+",,,,,,,,\n"+
		"too,many,cells,,,,,,,,,,,\n")
	for _, dry := range []bool{true, false} {
		all, refused := takeInFiles(t, s, "csv", importer.Secrets{}, dry, table)
		got := outcomes(all)
		for name, want := range map[string]string{
			"ada": "taken in", "bob": "taken in", "taken": "username is taken", "cy": "group", "dee": "half a second", "eve": "no kind",
			"fay": "cannot be read", "gil": "bits", "nobody": "there is no account",
		} {
			if !strings.Contains(got[name], want) {
				t.Errorf("dry %v: %s: %q, want %q", dry, name, got[name], want)
			}
		}
		if len(refused) != 2 || len(all) != 9 {
			t.Errorf("dry %v: %d accounts, refused %v", dry, len(all), refused)
		}
		n, err := count(t.Context(), s, `SELECT count(*) FROM accounts`)
		if want := map[bool]int{true: 1, false: 3}[dry]; n != want || err != nil {
			t.Errorf("dry %v: there are %d accounts, want %d, %v", dry, n, want, err)
		}
	}

	a := find(t, s, "ADA@example.com")
	if !slices.Equal(a.Groups, []string{"ops", "staff"}) || !a.EmailConfirmedAt.IsZero() || !hasEvent(t, s, a.ID, eventTakenIn) {
		t.Errorf("ada is %+v", a)
	}
	c := newClient(t, s)
	c.mustSignIn("ada", "short", "verify")
	gen := generator(t, app)
	gen.Algorithm, gen.Digits, gen.Period = totp.SHA256, 8, 60
	code := codeOf(t, gen, p.clock.now())
	if status, answer := c.verify("totp", code); status != http.StatusOK || answer["next"] != "done" {
		t.Fatalf("the app: %d %v", status, answer)
	}
	c.mustSignIn("ada", "short", "verify")
	if status, answer := c.verify("totp", code); status != http.StatusUnauthorized || answer["reason"] != "used" {
		t.Errorf("the same code: %d %v", status, answer)
	}
	fob := generator(t, token)
	next, err := fob.Code(7)
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := c.verify("hotp", next); status != http.StatusOK || answer["next"] != "done" {
		t.Errorf("the token: %d %v", status, answer)
	}
	c.mustSignIn("bob", "short", "done")

	// Again: nothing is taken twice.
	all, _ := takeInFiles(t, s, "csv", importer.Secrets{}, false, table)
	if got := outcomes(all); got["ada"] != string(TakenThen) || got["bob"] != string(TakenThen) {
		t.Errorf("again: %v", got)
	}
}

// A row without a password hands a token to somebody who is there, who is told. It is handed out once, even when its
// owner has removed it since.
func TestHandOutTokens(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	a := add(t, s, Account{Username: "ada"})
	token := "hex:3132333435363738393031323334353637383930"
	table := file(t, "a.csv", "username,kind,label,secret\nAda,hotp,Fob,"+token+"\nada,hotp,Fob,"+token+"\n")
	all, _ := takeInFiles(t, s, "csv", importer.Secrets{}, false, table)
	if len(all) != 1 || all[0].Outcome != AddedTo || len(all[0].Took) != 1 {
		t.Fatalf("got %+v", all)
	}
	if !hasEvent(t, s, a.ID, "authenticator_added") {
		t.Error("there is no event about it")
	}
	c := newClient(t, s)
	c.mustSignIn("ada", secret, "verify")
	code, err := generator(t, token).Code(0)
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := c.verify("hotp", code); status != http.StatusOK {
		t.Fatalf("%d %v", status, answer)
	}
	id := c.list("/authenticators")[0].(object)["id"].(string)
	if status, answer := c.send("DELETE", "/authenticators/"+id, nil); status != http.StatusNoContent {
		t.Fatalf("%d %v", status, answer)
	}
	all, _ = takeInFiles(t, s, "csv", importer.Secrets{}, false, table)
	if len(all) != 1 || all[0].Outcome != TakenThen {
		t.Errorf("again: %+v", all)
	}
	c.mustSignIn("ada", secret, "done")
}

// list is an answer that is a list.
func (c *client) list(path string) []any {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), "GET", "http://localhost:8080/api/v1"+path, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	var w answerBuffer
	c.http.ServeHTTP(&w, req)
	var all []any
	if err := json.Unmarshal(w.Bytes(), &all); err != nil {
		c.t.Fatalf("%s: %v: %s", path, err, w.Bytes())
	}
	return all
}

type answerBuffer struct {
	bytes.Buffer
	header http.Header
}

func (w *answerBuffer) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}
func (w *answerBuffer) WriteHeader(int) {}

// What one Nightlatch exports another takes in: passwords, apps, recovery codes, used codes that stay used. Without
// secrets an export shows none.
func TestExportAndTakeIn(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	add(t, s, Account{Username: "ada", Email: "ada@example.com", Groups: []string{"staff"}})
	add(t, s, Account{Username: "bob", Admin: true})
	c := newClient(t, s)
	c.mustSignIn("ada", secret, "done")
	app, codes := c.enroll(p.clock)
	if _, _, err := s.Reset(t.Context(), add(t, s, Account{Username: "cy"}), "test", "lost"); err != nil {
		t.Fatal(err)
	}
	p.clock.move(time.Minute)
	c.mustSignIn("ada", secret, "verify")
	used := codeOf(t, app, p.clock.now())
	if status, answer := c.verify("totp", used); status != http.StatusOK {
		t.Fatal(answer)
	}
	var with, without bytes.Buffer
	for to, secrets := range map[*bytes.Buffer]bool{&with: true, &without: false} {
		if n, _, err := s.Export(t.Context(), to, secrets); n != 3 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	for _, shown := range []string{"argon2id", "state", "password_hash", "handle"} {
		if strings.Contains(without.String(), shown) {
			t.Errorf("an export without secrets has %s: %s", shown, without.String())
		}
	}
	other := newSite(t)
	other.clock = p.clock
	o := other.mustStart()
	if _, refused := takeInFiles(t, o, "nightlatch", importer.Secrets{}, false, file(t, "none", without.String())); len(refused) != 3 {
		t.Errorf("without secrets: %v", refused)
	}
	export := file(t, "all", with.String())
	for _, want := range []Outcome{TakenIn, TakenThen} {
		all, refused := takeInFiles(t, o, "nightlatch", importer.Secrets{}, false, export)
		for _, one := range all {
			if one.Outcome != want || !one.Whole() {
				t.Errorf("%+v, want %s", one, want)
			}
		}
		if len(all) != 3 || len(refused) > 0 {
			t.Errorf("%d, %v", len(all), refused)
		}
	}
	if a := find(t, o, "bob"); !a.Admin {
		t.Error("bob is no administrator")
	}
	if a := find(t, o, "ada"); !slices.Equal(a.Groups, []string{"staff"}) || a.ID == find(t, s, "ada").ID {
		t.Errorf("ada is %+v", a)
	}
	c = newClient(t, o)
	c.mustSignIn("ada", secret, "verify")
	if status, answer := c.verify("totp", used); status != http.StatusUnauthorized || answer["reason"] != "used" {
		t.Errorf("a code that was used there: %d %v", status, answer)
	}
	p.clock.move(30 * time.Second)
	if status, answer := c.verify("totp", codeOf(t, app, p.clock.now())); status != http.StatusOK || answer["next"] != "done" {
		t.Errorf("the app: %d %v", status, answer)
	}
	c.mustSignIn("ada", secret, "verify")
	if status, answer := c.verify("recovery", codes[0].(string)); status != http.StatusOK || answer["next"] != "done" {
		t.Errorf("a recovery code: %d %v", status, answer)
	}
	// After a reset the password alone opens nothing, there as here.
	if answer := c.mustSignIn("cy", secret, "verify"); answer["next"] != "verify" {
		t.Error(answer)
	}
}

// While hashes from elsewhere are there the record says so, other processes included; it is forgotten when the last one
// was replaced.
func TestForeignHashesAreOnRecord(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	tool, err := p.startAs(t.Context(), p.settings(), true)
	if err != nil {
		t.Fatal(err)
	}
	in := func() int {
		t.Helper()
		works, err := s.foreignWorks(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(works)
	}
	table := "username,password_hash\nada," + bcryptOf(t, "short") + "\nbob," + bcryptOf(t, "short") + "\n"
	takeInFiles(t, tool, "csv", importer.Secrets{}, true, file(t, "a.csv", table))
	if in() != 0 {
		t.Error("a dry run is on record")
	}
	takeInFiles(t, tool, "csv", importer.Secrets{}, false, file(t, "a.csv", table))
	if in() != 1 {
		t.Fatalf("%d works in use, want one", in())
	}
	c := newClient(t, s)
	for i, name := range []string{"ada", "bob"} {
		p.clock.move(time.Second)
		c.mustSignIn(name, "short", "done")
		p.clock.move(time.Second)
		if err := s.forgetForeign(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := 1 - i; in() != want {
			t.Errorf("after %s: %d works in use, want %d", name, in(), want)
		}
	}
	c.mustSignIn("ada", "short", "done")
	alter(t, p, `INSERT INTO foreign_works (work) VALUES ('unknown')`)
	if status, answer := c.signIn("ada", "short"); status != http.StatusServiceUnavailable {
		t.Errorf("with a work that is not known: %d %v, want 503", status, answer)
	}
}
