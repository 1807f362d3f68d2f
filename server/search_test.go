package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

// fill puts accounts in beside the API, all at once.
func fill(t *testing.T, s *Server, accounts ...Account) {
	t.Helper()
	err := s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		for i, a := range accounts {
			if a.ID == "" {
				a.ID = fmt.Sprintf("id%06d", len(accounts)-i)
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
}

// searched goes through all pages of a search and returns the names, and how many pages there were.
func searched(t *testing.T, s *Server, q web.AccountQuery) (names []string, pages int) {
	t.Helper()
	for {
		page, err := administration{s}.FindAccounts(t.Context(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if len(page.Accounts) > q.Limit {
			t.Fatalf("%d accounts on a page of %d", len(page.Accounts), q.Limit)
		}
		for _, a := range page.Accounts {
			names = append(names, account(a).Name())
		}
		if pages++; page.Next == "" {
			return names, pages
		}
		q.After = page.Next
	}
}

func account(a web.ManagedAccount) Account { return Account{Username: a.User.Name, Email: a.Email} }

func TestSearch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	fill(t, s,
		Account{Username: "Anna", Email: "zed@example.com"}, Account{Username: "anton", Email: "anton@example.com"},
		Account{Username: "bert", Email: "ANNE@example.com"}, Account{Email: "ann@example.com"},
		Account{Username: "100%", Email: "per@example.com"}, Account{Username: "a_b"}, Account{Username: "axb"},
		Account{Username: "ΑΣ", Email: "greek@example.com"}, Account{ID: "anidofexactlytwentysixchar", Username: "other"},
	)
	tests := []struct {
		q    string
		want []string
	}{
		{"", []string{"100%", "a_b", "ann@example.com", "Anna", "anton", "axb", "bert", "other", "ΑΣ"}},
		{"  ", []string{"100%", "a_b", "ann@example.com", "Anna", "anton", "axb", "bert", "other", "ΑΣ"}},
		{"an", []string{"ann@example.com", "Anna", "bert", "anton"}}, // bert by the address, anton once
		{" ANN", []string{"ann@example.com", "Anna", "bert"}},
		{"ａｎｎａ", []string{"Anna"}},
		{"ann@", []string{"ann@example.com"}},
		{"zed@example.com", []string{"Anna"}},
		{"ασ", []string{"ΑΣ"}},
		{"%", nil},
		{"100%", []string{"100%"}},
		{"a_", []string{"a_b"}},
		{"_", nil},
		{"*", nil},
		{"nna", nil},
		{"example.com", nil},
		{"anidofexactlytwentysixchar", []string{"other"}},
		{"anid", nil},
		{"id000001", nil},
		{"'; DROP TABLE accounts; --", nil},
		{`" OR 1=1`, nil},
		{"\U0010FFFF", nil},
		{"a\u0001", nil},
		{strings.Repeat("a", 5000), nil},
	}
	for _, tt := range tests {
		for _, limit := range []int{1, 2, 3, 200} {
			got, _ := searched(t, s, web.AccountQuery{Text: tt.q, Limit: limit})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%q, %d a page (-want +got)\n%s", tt.q, limit, diff)
			}
		}
	}
	for _, after := range []string{"!", "=", "a", strings.Repeat("%", 99)} {
		var fields web.FieldsError
		_, err := administration{s}.FindAccounts(t.Context(), web.AccountQuery{After: after, Limit: 1})
		if !errors.As(err, &fields) || fields["after"] != "invalid" {
			t.Errorf("after %q: %v", after, err)
		}
	}
	for _, key := range []string{"\xff\xfe", "", "\x00", "zzzz"} {
		if _, err := (administration{s}).FindAccounts(t.Context(), web.AccountQuery{Text: "a", After: cursor(key), Limit: 5}); err != nil {
			t.Errorf("after %q: %v", key, err)
		}
	}
}

// TestGroupsOfAPage: each account of a page, of the whole list and of the pages has its own groups, sorted, and no other's.
func TestGroupsOfAPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	want := map[string][]string{}
	var all []Account
	for i := range 300 { // more than are read at once
		a := Account{Username: fmt.Sprintf("name%03d", i)}
		for g := range i % 4 {
			a.Groups = append(a.Groups, fmt.Sprintf("g%d-%03d", g, i))
		}
		want[a.Username] = a.Groups
		slices.Reverse(a.Groups)
		all = append(all, a)
	}
	fill(t, s, all...)
	for _, groups := range want {
		slices.Sort(groups)
	}
	paged, listed := map[string][]string{}, map[string][]string{}
	for _, text := range []string{"", "name"} {
		for q := (web.AccountQuery{Text: text, Limit: 70}); ; {
			page, err := administration{s}.FindAccounts(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page.Accounts {
				paged[a.Name] = a.Groups
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		if diff := cmp.Diff(want, paged); diff != "" {
			t.Errorf("%q (-want +got)\n%s", text, diff)
		}
	}
	if err := s.Accounts.List(t.Context(), func(a Account) error { listed[a.Username] = a.Groups; return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("list (-want +got)\n%s", diff)
	}
}

// TestNames: what accounts go by, also those whose address is held back, and nobody who is not there.
func TestNames(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	fill(t, s, Account{ID: "i1", Username: "Anna", Email: "zed@example.com"}, Account{ID: "i2", Email: "Bert@example.com"}, Account{ID: "i3", Email: "held@example.com"})
	err := s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		return write(ctx, `INSERT INTO account_addresses (account_id, wanted, wanted_key, wanted_until, former, former_key, former_confirmed_at,
			former_until, changed_at, held_back) VALUES ($1, '', '', 0, '', '', 0, 0, 0, $2)`, "i3", true)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, ids := range [][]string{nil, {"i1", "i2", "i3", "i4", "", "i1", "\x00", "\xff"}} {
		got, err := s.Accounts.Names(t.Context(), ids)
		want := map[string]string{"i1": "Anna", "i2": "Bert@example.com", "i3": "i3"}
		if len(ids) == 0 {
			want = map[string]string{}
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got)\n%s", ids, err, diff)
		}
	}
}

// TestSearchByEnrolled: who has not enrolled; an answer ends when enough was looked at, and goes on from there.
func TestSearchByEnrolled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	clock := newClock()
	fill(t, s, func() (all []Account) {
		for i := range 2*examinedMost + 10 {
			all = append(all, Account{Username: fmt.Sprintf("name%05d", i), Email: fmt.Sprintf("name%05d@example.com", i)})
		}
		return all
	}()...)
	add(t, s, Account{Username: "zoe"})
	add(t, s, Account{Username: "yves"}) // has a password alone
	c := newClient(t, s)
	s.now = clock.now
	c.mustSignIn("zoe", secret, "done")
	held := c.want(201, "POST", "/authenticators", object{"kind": "totp"})
	app := generator(t, held["totp"].(object)["secret"].(string))
	c.want(201, "POST", "/authenticators/finish", object{"enrollment": held["enrollment"], "code": codeOf(t, app, s.Service.Now())})

	yes, no := true, false
	names, pages := searched(t, s, web.AccountQuery{Enrolled: &yes, Limit: 50})
	if diff := cmp.Diff([]string{"zoe"}, names); diff != "" || pages != 3 {
		t.Errorf("%d pages (-want +got)\n%s", pages, diff)
	}
	names, _ = searched(t, s, web.AccountQuery{Enrolled: &no, Limit: 200})
	if len(names) != 2*examinedMost+11 || slices.Contains(names, "zoe") || !slices.IsSorted(names) {
		t.Errorf("%d have not enrolled", len(names))
	}
	// Those that are found twice, by name and address, count once, and lose nobody between pages.
	names, _ = searched(t, s, web.AccountQuery{Text: "name", Limit: 7})
	if len(names) != 2*examinedMost+10 || len(slices.Compact(names)) != len(names) {
		t.Errorf("%d are found", len(names))
	}
}

// TestSearchIsAWalk: no search and no page of the list reads more than it answers, with however many accounts. A page of the
// list reads one index alone, and a start only the accounts that settings define.
func TestSearchIsAWalk(t *testing.T) {
	t.Parallel()
	s := newFileSite(t).mustStart() // what SQLite says of its plan
	for _, tt := range []struct {
		name, query string
		args        []any
		want        []string // of accounts
	}{
		{"all", selectAll, []any{"a", 10}, []string{"SEARCH a USING COVERING INDEX accounts_order (<expr>>?)"}},
		{"from", selectFrom, []any{"a", "a" + lastRune, 10}, []string{
			"SEARCH a USING INDEX accounts_username (username_key>? AND username_key<?)",
			"SEARCH a USING INDEX accounts_email (email_key>? AND email_key<?)",
		}},
		{"defined", selectDefined, nil, []string{"SCAN a USING INDEX accounts_defined"}},
	} {
		var walks []string
		for _, step := range planOf(t, s, tt.query, tt.args...) {
			if strings.HasPrefix(step, "SEARCH a ") || step == "SCAN a" || strings.HasPrefix(step, "SCAN a ") {
				walks = append(walks, step)
			}
			if strings.Contains(step, "TEMP B-TREE") && tt.name != "from" {
				t.Errorf("%s: %s", tt.name, step)
			}
		}
		if diff := cmp.Diff(tt.want, walks); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

// planOf is how SQLite answers a query.
func planOf(t *testing.T, s *Server, query string, args ...any) (plan []string) {
	t.Helper()
	err := s.store.Read(t.Context(), func(q sqlstore.Querier) error {
		rows, err := q.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			plan = append(plan, detail)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
