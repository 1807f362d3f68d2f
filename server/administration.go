package server

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

// administration is what web needs for the pages and requests of administrators.
type administration struct{ s *Server }

var _ web.Administration = administration{}

// examinedMost is how many accounts are looked at for one answer, however few of them fit.
const examinedMost = 1000

// FindAccounts is as in web.Administration.
func (m administration) FindAccounts(ctx context.Context, q web.AccountQuery) (page web.AccountPage, err error) {
	text := strings.TrimSpace(q.Text)
	f := &finding{m: m, q: q, text: text, prefix: nameKey(text)}
	if q.After != "" {
		key, err := base64.RawURLEncoding.DecodeString(q.After)
		if err != nil {
			return page, web.FieldsError{"after": "invalid"}
		}
		f.from = after(string(key))
	}
	err = m.s.store.Snapshot(ctx, func(ctx context.Context) error {
		again := *f
		page, err = again.all(ctx)
		return err
	})
	return page, err
}

func cursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// finding is a page that is being filled.
type finding struct {
	m                  administration
	q                  web.AccountQuery
	text, prefix, from string
	found              []Account
	enrolled           []bool // as found
	last, next         string // the key of the last account that was found, and of the one to go on after
}

// all fills the page. What it asks is a few statements, however long the page is.
func (f *finding) all(ctx context.Context) (page web.AccountPage, err error) {
	if f.q.After == "" {
		if err := f.byID(ctx); err != nil {
			return page, err
		}
	}
	if err := f.byName(ctx); err != nil {
		return page, err
	}
	if err := f.m.s.Accounts.group(ctx, f.found); err != nil {
		return page, err
	}
	for i, a := range f.found {
		page.Accounts = append(page.Accounts, managed(a, f.enrolled[i]))
	}
	if f.next != "" {
		page.Next = cursor(f.next)
	}
	return page, nil
}

// idShortest is how many characters the id of an account has at least, so that nobody is looked for by a name as an id.
const idShortest = 26

// byID begins with the account whose id was asked for.
func (f *finding) byID(ctx context.Context) error {
	if len(f.text) < idShortest {
		return nil
	}
	a, err := f.m.s.Accounts.findID(ctx, f.text)
	if err != nil {
		return ignoreNotFound(err)
	}
	_, err = f.take(ctx, []listed{{Account: a, key: ""}})
	return err
}

// byName goes on with those whose name or address fits.
func (f *finding) byName(ctx context.Context) error {
	for looked, n := 0, f.atOnce(); looked < examinedMost; {
		batch, err := f.m.s.Accounts.walk(ctx, f.prefix, f.from, n)
		if err != nil {
			return err
		}
		full, err := f.take(ctx, batch)
		if err != nil || full || len(batch) < n {
			return err
		}
		looked += len(batch)
		f.from = after(batch[len(batch)-1].key)
	}
	f.next = strings.TrimSuffix(f.from, "\x01")
	return nil
}

// atOnce is how many are read at once: one more than the page holds, which tells whether there is another page. Of those
// who are found by name and address there are two each, and of those who have enrolled, or not, few may fit.
func (f *finding) atOnce() int {
	switch {
	case f.q.Enrolled != nil:
		return pageSize
	case f.prefix != "":
		return 2 * (f.q.Limit + 1)
	}
	return f.q.Limit + 1
}

// take takes what fits into the page. It says whether there is one more than the page may hold.
func (f *finding) take(ctx context.Context, batch []listed) (full bool, err error) {
	var others []listed
	var ids []string
	for _, l := range batch {
		if l.double(f.prefix) || f.has(l.ID) {
			continue
		}
		others, ids = append(others, l), append(ids, l.ID)
		if f.q.Enrolled == nil && len(f.found)+len(others) > f.q.Limit {
			break // the rest is not needed
		}
	}
	enrolled, err := f.m.s.Service.Enrolled(ctx, ids)
	if err != nil {
		return false, err
	}
	for _, l := range others {
		is := slices.Contains(enrolled, l.ID)
		if f.q.Enrolled != nil && *f.q.Enrolled != is {
			continue
		}
		if len(f.found) == f.q.Limit {
			f.next = f.last
			return true, nil
		}
		f.found, f.enrolled, f.last = append(f.found, l.Account), append(f.enrolled, is), l.key
	}
	return false, nil
}

func (f *finding) has(id string) bool {
	return slices.ContainsFunc(f.found, func(a Account) bool { return a.ID == id })
}

// FindNames is as in web.Administration.
func (m administration) FindNames(ctx context.Context, ids []string) (map[string]string, error) {
	return m.s.Accounts.Names(ctx, ids)
}

func managed(a Account, enrolled bool) web.ManagedAccount {
	return web.ManagedAccount{User: a.user(), CreatedAt: a.CreatedAt, Enrolled: enrolled, Defined: a.Defined}
}

// FindManaged is as in web.Administration.
func (m administration) FindManaged(ctx context.Context, id string) (web.ManagedAccount, error) {
	a, err := m.s.Accounts.findID(ctx, id)
	if err != nil {
		return web.ManagedAccount{}, err
	}
	enrolled, err := m.s.Service.Enrolled(ctx, []string{id})
	return managed(a, len(enrolled) > 0), err
}

// Act is as in web.Administration.
func (m administration) Act(ctx context.Context, act web.Act) (given web.GivenCode, err error) {
	a, err := m.s.Accounts.findID(ctx, act.Account)
	if err != nil {
		return given, err
	}
	d := doer{by: byAdministrator, admin: act.By, client: act.Client}
	switch act.Do {
	case web.ActEdit:
		err = m.s.edit(ctx, d, a, act.Edit)
	case web.ActEndSessions:
		err = m.s.endSessions(ctx, d, a)
	case web.ActReset:
		given.Code, given.ExpiresAt, err = m.s.reset(ctx, d, a, act.Reason)
	case web.ActGiveCode:
		given.Code, given.ExpiresAt, err = m.s.giveCode(ctx, d, a, act.Reason)
	default:
		err = nightlatch.ErrForbidden
	}
	return given, err
}

// groupsMost is how many groups an account may be put into at once. They stand in one header.
const groupsMost = 100

// edit changes groups, role and state of an account. What is as it was makes no event.
func (s *Server) edit(ctx context.Context, d doer, a Account, e web.AccountEdit) error {
	if a.Defined {
		return errDefined
	}
	groups, err := groupsOfEdit(e)
	if err != nil {
		return err
	}
	after, detail := a, map[string]string{}
	if e.Groups != nil && !slices.Equal(groups, a.Groups) {
		after.Groups = groups
		detail["groups"], detail["groups_before"] = strings.Join(groups, ","), strings.Join(a.Groups, ",")
	}
	if e.Admin != nil && *e.Admin != a.Admin {
		after.Admin = *e.Admin
		detail["admin"] = yesNo(after.Admin)
	}
	write := func(ctx context.Context) error { return s.writeEdit(ctx, a, after) }
	if e.Disabled != nil && *e.Disabled != a.Disabled {
		after.Disabled = *e.Disabled
		event := nightlatch.Event{Name: eventEnabled}
		if after.Disabled {
			event.Name = eventDisabled
		}
		all := write
		write = func(ctx context.Context) error { return s.manage(ctx, d, a, event, all) }
	}
	switch {
	case len(detail) > 0:
		return s.manage(ctx, d, a, nightlatch.Event{Name: eventChanged, Detail: detail}, write)
	case after.Disabled != a.Disabled:
		return write(ctx)
	}
	return nil
}

func groupsOfEdit(e web.AccountEdit) ([]string, error) {
	if e.Groups == nil {
		return nil, nil
	}
	groups := slices.Clone(*e.Groups)
	slices.Sort(groups)
	groups = slices.Compact(groups)
	if len(groups) > groupsMost {
		return nil, web.FieldsError{"groups": "too_long"}
	}
	for _, g := range groups {
		if p := groupProblem(g); p != "" {
			return nil, web.FieldsError{"groups": p}
		}
	}
	return groups, nil
}

// writeEdit writes what differs, so that it takes nothing back that another has changed meanwhile. It runs in a transaction.
func (s *Server) writeEdit(ctx context.Context, before, after Account) error {
	q, ok := sqlstore.Conn(ctx)
	if !ok {
		return errOutside
	}
	if !slices.Equal(before.Groups, after.Groups) {
		if err := setGroups(ctx, q, after.ID, after.Groups); err != nil {
			return err
		}
	}
	if before.Admin != after.Admin {
		if err := write(ctx, `UPDATE accounts SET admin = $2 WHERE id = $1`, after.ID, after.Admin); err != nil {
			return err
		}
	}
	if before.Disabled == after.Disabled {
		return nil
	}
	if err := write(ctx, `UPDATE accounts SET disabled = $2 WHERE id = $1`, after.ID, after.Disabled); err != nil || !after.Disabled {
		return err
	}
	return s.shutOut(ctx, after.ID)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, nightlatch.ErrNotFound) {
		return nil
	}
	return err
}
