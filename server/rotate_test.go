package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// tool is a command beside the servers of a site, as a process of its own.
func (p *site) tool(random io.Reader, env ...string) *Server {
	p.t.Helper()
	set := p.settings(env...)
	store, key, err := Open(p.t.Context(), set, Opening{Drivers: drivers, Now: p.clock.now()})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = store.Close() })
	s, err := New(p.t.Context(), Config{Settings: set, Store: store, Key: key, Now: p.clock.now, Cost: cheap, Tool: true, Rand: random})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(s.Close)
	return s
}

// uses are the keys with how much each has sealed.
func uses(t *testing.T, s *Server) map[uint32]int64 {
	t.Helper()
	list, err := s.KeyUses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := map[uint32]int64{}
	for _, u := range list {
		n[u.Number] = u.Records
		if u.MayGo != (u.Records == 0 && u.Number != s.Service.Key().Newest()) {
			t.Errorf("key %d may go: %v", u.Number, u.MayGo)
		}
	}
	return n
}

// breaking is randomness that fails after so many reads.
type breaking struct{ left int }

var errBroken = errors.New("broken off")

func (b *breaking) Read(p []byte) (int, error) {
	if b.left--; b.left < 0 {
		return 0, errBroken
	}
	return rand.Read(p)
}

// TestRotateBrokenOff: at whatever step a rotation is broken off, everything opens, the next one goes on, and only one key
// was made.
func TestRotateBrokenOff(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	s := site.mustStart()
	for i := range 3 {
		name := fmt.Sprint("anna", i)
		add(t, s, Account{Username: name})
		c := newClient(t, s)
		c.mustSignIn(name, secret, "done")
		c.enroll(site.clock)
	}
	all, keys := uses(t, s)[1], 1
	s.Close()
	opens := func(what string) {
		t.Helper()
		s := site.tool(nil)
		newClient(t, s).mustSignIn("anna0", secret, "verify")
		sealed := int64(0)
		for _, n := range uses(t, s) {
			sealed += n
		}
		if sealed < all {
			t.Fatalf("%s: %d records are left of %d", what, sealed, all)
		}
	}
	resume := func(what string) {
		t.Helper()
		opens(what)
		s := site.tool(nil)
		r := &Rotation{Wait: time.Second}
		if err := s.RotateKey(t.Context(), r); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		keys++
		n := uses(t, s)
		if len(n) != keys || n[uint32(keys)] == 0 || n[uint32(keys-1)] != 0 {
			t.Fatalf("%s: sealed by %v, want all by key %d", what, n, keys)
		}
		opens(what + ", resumed")
	}
	for _, step := range []string{"made", "written", "synced", "closed", "renamed", "lasting", "grown", "known", "with all", "in use"} {
		err := site.tool(nil).RotateKey(t.Context(), &Rotation{Wait: time.Second, after: func(did string) error {
			if did == step {
				return errBroken
			}
			return nil
		}})
		if !errors.Is(err, errBroken) {
			t.Fatalf("%s: %v", step, err)
		}
		resume(step)
	}
	// And at each record: every one takes its randomness.
	for n := 0; ; n += 2 {
		random := &breaking{left: 1 << 20}
		s := site.tool(random)
		random.left = n
		err := s.RotateKey(t.Context(), &Rotation{Wait: time.Second})
		if err == nil {
			if n < 10 {
				t.Errorf("only %d steps take randomness", n)
			}
			break
		}
		if !errors.Is(err, errBroken) {
			t.Fatalf("%d: %v", n, err)
		}
		resume(fmt.Sprint("randomness ", n))
	}
}

// maintained starts a server that serves: it looks for keys, and tells which it has.
func (p *site) maintained(env ...string) *Server {
	p.t.Helper()
	s, err := p.start(p.settings(env...))
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(p.t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Maintain(ctx) })
	p.t.Cleanup(func() {
		stop()
		running.Wait()
	})
	for range 500 {
		if nodes, err := s.store.Nodes(p.t.Context()); err == nil && slices.ContainsFunc(nodes, func(n sqlstore.Node) bool { return n.Holds > 0 }) {
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatal("the server does not tell that it serves")
	return nil
}

// TestRotateBesideServers: two servers notice the key, none answers with a fault, and nothing is left with the old one.
func TestRotateBesideServers(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	servers := []*Server{site.maintained(), site.maintained()}
	names := []string{"anna", "berta", "carla"}
	for _, name := range names {
		add(t, servers[0], Account{Username: name})
	}
	before := newClient(t, servers[0])
	before.mustSignIn("anna", secret, "done")
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i, name := range names {
		c := newClient(t, servers[i%2])
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, answer := c.signIn(name, secret); status != http.StatusOK {
					t.Errorf("sign-in of %s: %d %v", name, status, answer)
					return
				}
			}
		})
	}
	tool := site.tool(nil)
	err := tool.RotateKey(t.Context(), &Rotation{Say: func(line string) { t.Log(line) }})
	for i, s := range servers {
		if key := s.Service.Key(); key.Sealing() != 2 {
			t.Errorf("server %d seals with key %d", i, key.Sealing())
		}
	}
	close(stop)
	clients.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if n := uses(t, tool); n[1] != 0 || n[2] == 0 {
		t.Errorf("sealed by %v", n)
	}
	before.want(http.StatusOK, "GET", "/session", nil)
	for _, s := range servers {
		w := get(t, s, "/.well-known/jwks.json", "")
		if text := w.Body.String(); !strings.Contains(text, `"kid":"1"`) || !strings.Contains(text, `"kid":"2"`) {
			t.Errorf("the key set is %s", text)
		}
	}
}

// TestRotateWaitsForServers: nothing is sealed with a key that a server which runs lacks.
func TestRotateWaitsForServers(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	one := newRing(t)
	two, err := one.Add(rand.Reader, site.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	both := "KEY=" + oneLine(one) + "," + oneLine(two)
	server := site.maintained("KEY=" + oneLine(one))
	add(t, server, Account{Username: "anna"})
	tool := site.tool(nil, both)
	if tool.Service.Key().Sealing() != 1 {
		t.Error("a command seals with a key that a server lacks")
	}
	var said []string
	err = tool.RotateKey(t.Context(), &Rotation{Wait: 10 * time.Millisecond, Say: func(line string) { said = append(said, line) }})
	if err == nil || !strings.Contains(err.Error(), "a server lacks key 2") || !strings.Contains(err.Error(), "give it the whole key ring") {
		t.Errorf("RotateKey: %v", err)
	}
	if n := uses(t, tool); n[2] != 0 {
		t.Errorf("sealed by %v", n)
	}
	newClient(t, server).mustSignIn("anna", secret, "done")
	// It is not heard of any more.
	site.clock.move(sqlstore.NodeLives + time.Second)
	if err := site.tool(nil, both).RotateKey(t.Context(), &Rotation{Wait: time.Second}); err == nil {
		t.Log("the server was not heard of, and did without")
	}
	if _, err := site.start(site.settings("KEY=" + oneLine(one))); err == nil || !strings.Contains(err.Error(), "key 2 is needed and not in the key ring") {
		t.Errorf("a server with the old ring starts: %v", err)
	}
}

// TestRotateOnceAtATime: of rotations at once each finishes, and everything opens.
func TestRotateOnceAtATime(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	add(t, site.mustStart(), Account{Username: "anna"})
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		s := site.tool(nil)
		wg.Go(func() { errs[i] = s.RotateKey(t.Context(), &Rotation{Wait: time.Second}) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s := site.tool(nil)
	newClient(t, s).mustSignIn("anna", secret, "done")
	// One that was overtaken may have sealed a record with the key before: the next one goes on with that.
	if err := s.RotateKey(t.Context(), &Rotation{Wait: time.Second}); err != nil {
		t.Fatal(err)
	}
	for key, n := range uses(t, s) {
		if key != s.Service.Key().Newest() && n > 0 {
			t.Errorf("key %d has sealed %d records", key, n)
		}
	}
}

// TestRotateWithADamagedRecord: what cannot be opened is named and left; it does not stand in the way of the next key.
func TestRotateWithADamagedRecord(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	s := site.mustStart()
	anna := add(t, s, Account{Username: "anna"})
	add(t, s, Account{Username: "berta"})
	var rec nightlatch.SealedRecord
	err := s.store.View(t.Context(), func(r nightlatch.Reader) error {
		list, err := r.SealedAfter(t.Context(), "users", "", nil, 10)
		if i := slices.IndexFunc(list, func(r nightlatch.SealedRecord) bool { return r.ID == anna.ID }); err == nil {
			rec = list[i]
		}
		return err
	})
	if err == nil {
		bad := bytes.Clone(rec.Box)
		bad[len(bad)-1] ^= 1
		err = s.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return tx.PutSealed(ctx, rec, bad) })
	}
	if err != nil {
		t.Fatal(err)
	}
	for want := uint32(2); want < 4; want++ {
		r := &Rotation{Wait: time.Second}
		err := s.RotateKey(t.Context(), r)
		if err == nil || !strings.Contains(err.Error(), "1 records cannot be opened") || !strings.Contains(err.Error(), anna.ID) {
			t.Errorf("RotateKey: %v", err)
		}
		if r.Key != want || !r.Made {
			t.Errorf("%+v", r)
		}
	}
	newClient(t, s).mustSignIn("berta", secret, "done")
}

// TestEverySealedColumnIsListed: whatever is found sealed in the database, in any column, is in a place that a rotation
// goes through.
func TestEverySealedColumnIsListed(t *testing.T) {
	t.Parallel()
	site := newFileSite(t)
	s, _ := site.startLogged("MAIL_URL=outbox:", "SMS_PROVIDER=outbox", "SMS_COUNTRIES=DE", "POLICY_FACTORS=totp,webauthn,recovery,email,sms,hotp",
		"RECOVERY_EMAIL=true", "POLICY_FIRST_ENROLLMENT=password")
	anna := add(t, s, Account{Username: "anna", Email: "anna@example.org", EmailConfirmedAt: site.clock.now()})
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "done")
	app, _ := c.enroll(site.clock)
	site.clock.move(30 * time.Second)
	begun, err := s.Service.ProveFirst(t.Context(), nightlatch.First{
		User: anna.ID, Name: "anna", Response: factor.Response{Kind: "password", Password: secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.Verify(t.Context(), begun.Token, factor.Response{Kind: "totp", Code: codeOf(t, app, site.clock.now())}, nightlatch.Client{}, nightlatch.RememberDevice); err != nil {
		t.Fatal(err)
	}
	c.mustSignIn("anna", secret, "verify")
	site.clock.move(30 * time.Second)
	if status, answer := c.verify("totp", codeOf(t, app, site.clock.now())); status != http.StatusOK {
		t.Fatal(status, answer)
	}
	c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "totp"})
	if status, answer := c.send("PUT", "/email", object{"email": "anna@example.net"}); status >= 300 {
		t.Fatal(status, answer)
	}
	found := sealedColumns(t, s)
	want := []string{"nl_meta.key_check"}
	for _, table := range nightlatch.SealedTables() {
		want = append(want, "nl_"+table+".sealed")
	}
	slices.Sort(want)
	if !slices.Equal(found, want) {
		t.Errorf("sealed are\n%v, and listed\n%v", found, want)
	}
}

// sealedColumns are all columns of the database in which something stands that a key of number 1 sealed, as bytes, in
// base64 or in hex, at its beginning or within.
func sealedColumns(t *testing.T, s *Server) (found []string) {
	t.Helper()
	marks := [][]byte{{1, 0, 0, 0, 1}, []byte("0100000001"), []byte(base64.RawStdEncoding.EncodeToString([]byte{1, 0, 0, 0, 1, 0})[:6])}
	query := func(text string, each func(values []any)) {
		t.Helper()
		err := s.store.Read(t.Context(), func(q sqlstore.Querier) error {
			rows, err := q.QueryContext(t.Context(), text)
			if err != nil {
				return err
			}
			defer rows.Close()
			columns, err := rows.Columns()
			for err == nil && rows.Next() {
				values, to := make([]any, len(columns)), make([]any, len(columns))
				for i := range values {
					to[i] = &values[i]
				}
				if err = rows.Scan(to...); err == nil {
					each(values)
				}
			}
			return errors.Join(err, rows.Err())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var columns [][2]string
	query(`SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'`, func(v []any) {
		columns = append(columns, [2]string{fmt.Sprint(v[0]), fmt.Sprint(v[1])})
	})
	if len(columns) < 60 {
		t.Fatalf("only %d columns", len(columns))
	}
	for _, c := range columns {
		hit := false
		query(`SELECT CAST("`+c[1]+`" AS BLOB) FROM "`+c[0]+`"`, func(v []any) {
			b, _ := v[0].([]byte)
			for _, m := range marks {
				hit = hit || bytes.Contains(b, m)
			}
		})
		if hit {
			found = append(found, c[0]+"."+c[1])
		}
	}
	slices.Sort(found)
	return found
}

// TestKeyFileIsOpen: at start, and after a rotation, a key file is its owner's alone, and one that is not is told.
func TestKeyFileIsOpen(t *testing.T) {
	t.Parallel()
	site := newFileSite(t)
	s := site.mustStart()
	path := filepath.Join(site.dir, "data", keyFile)
	if err := os.Chmod(path, 0o644); err != nil { //nolint:gosec // that is what is tried
		t.Fatal(err)
	}
	if _, log := site.startLogged(); !strings.Contains(log, "others on this machine can read the key file") {
		t.Errorf("log: %s", log)
	}
	if err := s.RotateKey(t.Context(), &Rotation{Wait: time.Second}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
