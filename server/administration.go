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
func (m administration) FindAccounts(ctx context.Context, q web.AccountQuery) (web.AccountPage, error) {
	text := strings.TrimSpace(q.Text)
	prefix, from := nameKey(text), ""
	f := &finding{m: m, q: q, prefix: prefix}
	if q.After != "" {
		key, err := base64.RawURLEncoding.DecodeString(q.After)
		if err != nil {
			return web.AccountPage{}, web.FieldsError{"after": "invalid"}
		}
		from = after(string(key))
	} else if err := f.byID(ctx, text); err != nil {
		return web.AccountPage{}, err
	}
	for looked := 0; looked < examinedMost; {
		batch, err := m.s.Accounts.walk(ctx, prefix, from, pageSize)
		if err != nil {
			return web.AccountPage{}, err
		}
		full, err := f.take(ctx, batch)
		if err != nil || full || len(batch) < pageSize {
			return f.page, err
		}
		looked += len(batch)
		from = after(batch[len(batch)-1].key)
	}
	f.page.Next = cursor(strings.TrimSuffix(from, "\x01"))
	return f.page, nil
}

func cursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// finding is a page that is being filled.
type finding struct {
	m      administration
	q      web.AccountQuery
	prefix string
	page   web.AccountPage
	last   string // the key of the last account of the page
}

// byID begins with the account whose id was asked for.
func (f *finding) byID(ctx context.Context, id string) error {
	a, err := f.m.s.Accounts.findID(ctx, id)
	if err != nil || id == "" {
		return ignoreNotFound(err)
	}
	_, err = f.take(ctx, []listed{{Account: a, key: ""}})
	return err
}

// take takes what fits into the page. It says whether there is one more than the page may hold.
func (f *finding) take(ctx context.Context, batch []listed) (full bool, err error) {
	ids := make([]string, len(batch))
	for i, l := range batch {
		ids[i] = l.ID
	}
	enrolled, err := f.m.s.Service.Enrolled(ctx, ids)
	if err != nil {
		return false, err
	}
	for _, l := range batch {
		is := slices.Contains(enrolled, l.ID)
		if l.double(f.prefix) || f.q.Enrolled != nil && *f.q.Enrolled != is || f.has(l.ID) {
			continue
		}
		if len(f.page.Accounts) == f.q.Limit {
			f.page.Next = cursor(f.last)
			return true, nil
		}
		f.page.Accounts = append(f.page.Accounts, managed(l.Account, is))
		f.last = l.key
	}
	return false, nil
}

func (f *finding) has(id string) bool {
	return slices.ContainsFunc(f.page.Accounts, func(a web.ManagedAccount) bool { return a.ID == id })
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
