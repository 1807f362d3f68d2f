package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/web"
)

// wantFields demands that an account is refused for all that is wrong with it at once.
func wantFields(t *testing.T, s *Server, a Account, password string, want web.FieldsError) {
	t.Helper()
	_, err := s.Add(t.Context(), a, password, "test", nightlatch.Client{})
	var got web.FieldsError
	if !errors.As(err, &got) {
		t.Errorf("%+v: %v, want %v", a, err, want)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%+v: (-want +got)\n%s", a, diff)
	}
}

func TestAddTellsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	add(t, s, Account{Username: "anna", Email: "anna@example.com"})
	tests := []struct {
		account  Account
		password string
		want     web.FieldsError
	}{
		{Account{}, "", web.FieldsError{"username": "missing", "password": "missing"}},
		{
			Account{Username: "a@b", Email: "x", Groups: []string{"ok", "NO"}},
			"short",
			web.FieldsError{"username": "invalid", "email": "invalid", "groups": "invalid", "password": "too_short"},
		},
		{
			Account{Username: "ANNA", Email: "Anna@example.com"},
			strings.Repeat("x", 257),
			web.FieldsError{"username": "taken", "email": "taken", "password": "too_long"},
		},
		{Account{Username: "ANNA", Email: "x"}, secret, web.FieldsError{"username": "taken", "email": "invalid"}},
		{Account{Email: "anna@example.com"}, secret, web.FieldsError{"email": "taken"}},
		{Account{Username: "berta"}, "password12345678", web.FieldsError{"password": "too_common"}},
		{Account{Username: "berta"}, "a tree grows\x00on the moon", web.FieldsError{"password": "invalid"}},
	}
	for _, tt := range tests {
		wantFields(t, s, tt.account, tt.password, tt.want)
	}
	n := 0
	if err := s.Accounts.List(t.Context(), func(Account) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d accounts, %v, want 1: a refused one was made", n, err)
	}
}

// TestAddAtOnce: of many who want one name one gets it, and the others are told that it is taken.
func TestAddAtOnce(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	servers := []*Server{site.mustStart(), site.mustStart()}
	for _, a := range []Account{{Username: "anna"}, {Email: "anna@example.com"}, {Username: "berta", Email: "berta@example.com"}} {
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				a := a
				if i%2 == 1 {
					a.Username = strings.ToUpper(a.Username)
				}
				_, errs[i] = servers[i%2].Add(t.Context(), a, secret, "test", nightlatch.Client{})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			var fields web.FieldsError
			if !errors.As(err, &fields) || errors.Is(err, nightlatch.ErrUnavailable) {
				t.Errorf("%+v: %v", a, err)
			}
			for field, problem := range fields {
				if problem != "taken" {
					t.Errorf("%+v: %s is %s", a, field, problem)
				}
			}
		}
		if won != 1 {
			t.Errorf("%+v: %d got it, want 1", a, won)
		}
	}
}

// TestInsertFindsBothTaken: what was free when it was looked up and is taken when it is written is told for each field.
func TestInsertFindsBothTaken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	add(t, s, Account{Username: "anna", Email: "anna@example.com"})
	err := s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		taken, err := insert(ctx, Account{ID: "x", Username: "ANNA", Email: "ANNA@example.com"})
		if diff := cmp.Diff([]string{"username", "email"}, taken); diff != "" {
			t.Errorf("taken (-want +got)\n%s", diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(web.FieldsError{"username": "taken", "email": "taken"}, takenError([]string{"username", "email"})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := insert(t.Context(), Account{}); err == nil {
		t.Error("an account was made outside a transaction")
	}
}

// TestRemovedNameIsNeverGivenAgain: not to another, and not in another spelling.
func TestRemovedNameIsNeverGivenAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	err := s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		return write(ctx, `INSERT INTO removed_names (username_key, account_id, removed_at) VALUES ('anna', 'gone', 1)`)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"anna", "Anna", "ａｎｎａ"} {
		wantFields(t, s, Account{Username: name, Email: "a@example.com"}, secret, web.FieldsError{"username": "taken"})
		c := newClient(t, s)
		answer := c.want(http.StatusConflict, "POST", "/accounts", object{"username": name, "password": secret})
		if diff := cmp.Diff(object{"username": "taken"}, answer["fields"]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		err := s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
			taken, err := insert(ctx, Account{ID: "x", Username: name})
			if len(taken) != 1 {
				t.Errorf("%s: insert says %v", name, taken)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestNothingHalfMade: an account whose transaction fails leaves no name, no group, no password and no event.
func TestNothingHalfMade(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	before := counts(t, s)
	boom := errors.New("boom")
	a := Account{ID: "x", Username: "anna", Groups: []string{"ops"}}
	err := s.Service.Change(t.Context(), a.ID, nightlatch.Event{Name: eventCreated}, func(ctx context.Context) error {
		if _, err := insert(ctx, a); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, counts(t, s)); diff != "" {
		t.Errorf("something stayed (-before +after)\n%s", diff)
	}
	add(t, s, Account{Username: "anna"})
}

// counts tells how many rows each table has.
func counts(t *testing.T, s *Server) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, table := range []string{"accounts", "account_groups", "removed_names", "nl_users", "nl_authenticators", "nl_events", "nl_sessions"} {
		rows, err := count(t.Context(), s, "SELECT count(*) FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		n[table] = rows
	}
	return n
}

// TestList: in the order of names, over more than a page.
func TestList(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	err := s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		for i := range pageSize + 5 {
			a := Account{ID: fmt.Sprintf("id%03d", 999-i), Username: fmt.Sprintf("Name%03d", i), Groups: []string{"b", "a"}}
			if i%7 == 0 {
				a.Username, a.Email = "", fmt.Sprintf("NAME%03d@example.com", i)
			}
			if _, err := insert(ctx, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	err = s.Accounts.List(t.Context(), func(a Account) error {
		keys = append(keys, nameKey(a.Name()))
		if diff := cmp.Diff([]string{"a", "b"}, a.Groups); diff != "" {
			t.Errorf("%s: groups (-want +got)\n%s", a.Name(), diff)
		}
		return nil
	})
	if err != nil || len(keys) != pageSize+5 {
		t.Fatalf("%d accounts, %v", len(keys), err)
	}
	for i := range keys {
		if !strings.HasPrefix(keys[i], fmt.Sprintf("name%03d", i)) {
			t.Fatalf("account %d is %s", i, keys[i])
		}
	}
	boom := errors.New("boom")
	if err := s.Accounts.List(t.Context(), func(Account) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("List: %v, want the caller's error", err)
	}
}
