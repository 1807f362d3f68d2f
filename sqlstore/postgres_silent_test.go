package sqlstore_test

import (
	"net"
	"testing"

	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestSilentIsUnreached: a machine that takes connections, or nothing at all, and does not answer is worth to wait for: it is
// about to start, or a firewall drops what is sent to one that is not there yet.
func TestSilentIsUnreached(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s, err := sqlstore.OpenPostgreSQL(t.Context(), "pgx", "postgres://u@"+l.Addr().String()+"/app?sslmode=disable&connect_timeout=1")
	if err == nil {
		t.Fatal(s.Close())
	}
	if !sqlstore.IsUnreached(err) {
		t.Errorf("not worth to wait for: %v", err)
	}
}

// TestFaultyIsNotUnreached: what is wrong here is not waited for.
func TestFaultyIsNotUnreached(t *testing.T) {
	t.Parallel()
	for _, faulty := range []string{"sslmode=what", "sslmode=require&sslkey=/nowhere&sslcert=/nowhere", "sslmode=verify-full&sslrootcert=/nowhere"} {
		s, err := sqlstore.OpenPostgreSQL(t.Context(), "pgx", "postgres://u@localhost:1/app?"+faulty)
		if err == nil {
			t.Fatal(s.Close())
		}
		if sqlstore.IsUnreached(err) {
			t.Errorf("%s is waited for: %v", faulty, err)
		}
	}
}
