package scale

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/importer"
	"github.com/nightlatch/nightlatch/sqlstore"
)

const (
	words = "a long enough password"
	// batch is how many accounts are made in one transaction: a commit waits for the disk.
	batch = 10_000
)

// cheap keeps the hash out of what is measured: it takes the same whatever the size.
var cheap = password.Cost{Memory: 64, Passes: 1, Lanes: 1}

// nameOf is the account of a number, in an order that has nothing to do with the order of making.
func nameOf(n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "account %d", n))
	return fmt.Sprintf("u%x", sum[:6])
}

// secret is the one of everybody.
var secret = totp.Secret("12345678901234567890")

// accountOf is what an export of another program says of an account. The first one is the administrator.
func accountOf(n int, hash string) importer.Account {
	name := nameOf(n)
	uri := totp.URI{Kind: totp.ByTime, Issuer: "Scale", Account: name, Generator: totp.Generator{Secret: secret}}
	return importer.Account{
		At: fmt.Sprintf("account %d", n), Ref: name, Username: name, Email: name + "@example.com", EmailConfirmed: true,
		Groups: []string{"staff"}, Admin: n == 0, PasswordHash: hash,
		Factors: []importer.Factor{
			{Kind: "totp", Label: "Phone", TOTP: &uri},
			{Kind: "recovery", Codes: []string{"aaaa-bbbb-cccc-dd01", "aaaa-bbbb-cccc-dd02", "aaaa-bbbb-cccc-dd03"}},
		},
	}
}

// fill makes n accounts: the administrator and one other as an import makes them, and copies of the other, whose sealed
// records are sealed for their places anew. Making each by an import would take most of an hour.
func (h *house) fill(t *testing.T, n int) {
	t.Helper()
	begun := time.Now()
	hash := hashed(t)
	in := h.server.NewTakingIn("scale", "scale", false)
	for i := range 2 {
		took, err := in.One(t.Context(), accountOf(i, hash))
		if err != nil || took.Outcome != server.TakenIn || !took.Whole() {
			t.Fatalf("%+v, %v", took, err)
		}
	}
	c, err := h.copier(t.Context(), nameOf(1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.load.close() }()
	if err := c.fill(t.Context(), 2, n); err != nil {
		t.Fatal(err)
	}
	h.size = n
	h.settle(t)
	t.Logf("%s: %d accounts made in %s", h.what, n, time.Since(begun).Round(time.Millisecond))
}

// settle lets PostgreSQL learn what it holds, as those in use do by themselves. SQLite never does, unless it is told to.
func (h *house) settle(t *testing.T) {
	t.Helper()
	if h.what != "postgres" {
		return
	}
	err := h.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		q, _ := sqlstore.Conn(ctx)
		_, err := q.ExecContext(ctx, "ANALYZE")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hashed is the hash of the password of all accounts.
func hashed(t *testing.T) string {
	t.Helper()
	text, err := password.New(password.Options{Cost: cheap}).Hash(t.Context(), rand.Reader, words)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
