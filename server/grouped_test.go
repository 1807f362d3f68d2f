package server

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/web"
)

// TestGroupsBeside: whoever changes groups, and be it a program that knows account_groups alone, a page of the list tells the
// ones that hold, whether the database keeps them beside the account or not.
func TestGroupsBeside(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, n nodes) {
		s := n.a
		for _, a := range []Account{
			{Username: "anna", Groups: []string{"staff", "dev", "a.b_c-d"}}, {Username: "berta"}, {Username: "carl", Groups: []string{"ops"}},
		} {
			add(t, s, a)
		}
		n.listGroups(map[string][]string{"anna": {"a.b_c-d", "dev", "staff"}, "berta": nil, "carl": {"ops"}})

		anna, berta, carl := find(t, s, "anna"), find(t, s, "berta"), find(t, s, "carl")
		for _, err := range []error{
			s.SetGroup(t.Context(), berta, "staff", true, "test"), s.SetGroup(t.Context(), berta, "dev", true, "test"),
			s.SetGroup(t.Context(), berta, "dev", true, "test"),
			s.SetGroup(t.Context(), anna, "dev", false, "test"), s.SetGroup(t.Context(), anna, "none", false, "test"),
			s.SetGroup(t.Context(), carl, "ops", false, "test"),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		n.listGroups(map[string][]string{"anna": {"a.b_c-d", "staff"}, "berta": {"dev", "staff"}, "carl": nil})

		edited := carl
		edited.Groups = []string{"zz", "aa"}
		n.write(func(ctx context.Context) error { return s.writeEdit(ctx, carl, edited) })
		n.listGroups(map[string][]string{"anna": {"a.b_c-d", "staff"}, "berta": {"dev", "staff"}, "carl": {"aa", "zz"}})

		n.write(func(ctx context.Context) error {
			return write(ctx, `DELETE FROM account_groups WHERE name = $1`, "staff")
		})
		n.write(func(ctx context.Context) error {
			return write(ctx, `INSERT INTO account_groups (account_id, name) SELECT id, $1 FROM accounts`, "all")
		})
		n.listGroups(map[string][]string{"anna": {"a.b_c-d", "all"}, "berta": {"all", "dev"}, "carl": {"aa", "all", "zz"}})
		n.write(func(ctx context.Context) error { // as one does by hand
			return write(ctx, `UPDATE account_groups SET name = $2 WHERE name = $1`, "aa", "bb")
		})
		n.write(func(ctx context.Context) error {
			return write(ctx, `UPDATE account_groups SET account_id = $2 WHERE name = $1`, "dev", carl.ID)
		})
		n.listGroups(map[string][]string{"anna": {"a.b_c-d", "all"}, "berta": {"all"}, "carl": {"all", "bb", "dev", "zz"}})

		if err := s.Remove(t.Context(), find(t, s, "berta"), "test"); err != nil {
			t.Fatal(err)
		}
		n.listGroups(map[string][]string{"anna": {"a.b_c-d", "all"}, "carl": {"all", "bb", "dev", "zz"}})
	})
}

// write is what another program does to the database.
func (n nodes) write(f func(ctx context.Context) error) {
	n.t.Helper()
	if err := n.a.store.Tx(n.t.Context(), func(ctx context.Context, _ nightlatch.Tx) error { return f(ctx) }); err != nil {
		n.t.Fatal(err)
	}
}

// listGroups: the other node has these accounts and groups, on a page of the list, in a search, and one by one.
func (n nodes) listGroups(want map[string][]string) {
	n.t.Helper()
	listed, each := map[string][]string{}, map[string][]string{}
	if err := n.b.Accounts.List(n.t.Context(), func(a Account) error {
		listed[a.Username], each[a.Username] = a.Groups, find(n.t, n.b, a.Username).Groups
		return nil
	}); err != nil {
		n.t.Fatal(err)
	}
	paged := map[string][]string{}
	for name := range want {
		page, err := administration{n.b}.FindAccounts(n.t.Context(), web.AccountQuery{Text: name, Limit: 2})
		if err != nil {
			n.t.Fatal(err)
		}
		for _, a := range page.Accounts {
			paged[a.Name] = a.Groups
		}
	}
	for what, got := range map[string]map[string][]string{"listed": listed, "found one by one": each, "searched for": paged} {
		if diff := cmp.Diff(want, got); diff != "" {
			n.t.Errorf("%s (-want +got)\n%s", what, diff)
		}
	}
}

// TestGroupsComeAlong: on SQLite a page of the list asks nothing of account_groups.
func TestGroupsComeAlong(t *testing.T) {
	t.Parallel()
	s := newFileSite(t).mustStart()
	add(t, s, Account{Username: "anna", Groups: []string{"staff"}})
	add(t, s, Account{Username: "berta"})
	found, err := s.Accounts.walk(t.Context(), "", "", 10)
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	for _, l := range found {
		if !l.grouped || (l.Username == "anna") != (len(l.Groups) == 1) {
			t.Errorf("%+v", l)
		}
	}
}
