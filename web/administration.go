package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/nightlatch/nightlatch"
)

// Administration is what an application brings whose administrators look after accounts here. The server does. Who
// asks was judged before: an administrator with a fresh second factor.
type Administration interface {
	// FindAccounts returns one page of the accounts that q chooses. It returns FieldsError for a q that cannot be.
	FindAccounts(ctx context.Context, q AccountQuery) (AccountPage, error)
	// FindManaged returns one account. Errors: nightlatch.ErrNotFound.
	FindManaged(ctx context.Context, id string) (ManagedAccount, error)
	// FindNames returns what accounts go by, by their ids. One that is no more is not among them.
	FindNames(ctx context.Context, ids []string) (map[string]string, error)
	// Act does something to an account, in one transaction with the events of it in both trails, and asks again in
	// there whether Act.By is still an administrator. Errors: FieldsError (reason, groups), nightlatch.ErrNotFound,
	// nightlatch.ErrForbidden (not an administrator any more), ErrDefined.
	Act(ctx context.Context, a Act) (GivenCode, error)
}

// ErrDefined: what was to be changed is said by the settings.
var ErrDefined = errors.New("the account is defined by the settings: change it there")

// AccountQuery chooses accounts.
type AccountQuery struct {
	// Text is what a user name or an e-mail address begins with, without regard to case and width, or an id; "": all.
	Text string
	// After is AccountPage.Next of the page before, or "".
	After string
	Limit int
	// Enrolled chooses those who hold a second factor, or those who hold none; nil: all.
	Enrolled *bool
}

// AccountPage is a part of a list of accounts, in the order of what they were found by: names, and addresses.
type AccountPage struct {
	Accounts []ManagedAccount
	// Next goes on, or is "" at the end. A page with a Next may be short, even empty: it ends when enough was looked at.
	Next string
}

// ManagedAccount is an account as an administrator sees it.
type ManagedAccount struct {
	nightlatch.User
	CreatedAt time.Time
	Enrolled  bool // a second factor is held
	Defined   bool // groups, role and state are said by the settings
}

// ActKind is what an administrator does to an account.
type ActKind string

// The acts.
const (
	ActEdit        ActKind = "edit"
	ActReset       ActKind = "reset" // gives a code with which to enroll anew, and takes all else away
	ActGiveCode    ActKind = "code"  // gives a code that stands for the second factor once
	ActEndSessions ActKind = "end-sessions"
)

// Act is what an administrator does to an account.
type Act struct {
	Do      ActKind
	By      string // the administrator's user id
	Account string // the id
	Reason  string // of ActReset and ActGiveCode
	Edit    AccountEdit
	Client  nightlatch.Client
}

// AccountEdit is a change to an account. Nil leaves as it is.
type AccountEdit struct {
	Groups          *[]string
	Admin, Disabled *bool
}

// GivenCode is a code that is shown once.
type GivenCode struct {
	Code      string
	ExpiresAt time.Time
}

// admitAdministrator returns nil for the session of an administrator with a fresh second factor. The password alone is
// never enough: who holds no second factor must enroll one first.
func (g *Gate) admitAdministrator(r *http.Request, c caller) error {
	ses, err := g.session(r, c)
	if err != nil {
		return err
	}
	u, err := g.svc.FindUser(r.Context(), ses.User)
	switch {
	case errors.Is(err, nightlatch.ErrNotFound), err == nil && u.Disabled:
		return nightlatch.ErrUnauthenticated
	case err != nil:
		return err
	case !u.Admin:
		return nightlatch.ErrForbidden
	}
	held, err := g.svc.Holdings(r.Context(), c.session)
	switch {
	case err != nil:
		return err
	case len(held.Authenticators) == 0:
		return nightlatch.ErrEnrollmentNeeded
	case ses.Level < nightlatch.Level2:
		return &nightlatch.FreshProofError{Offers: working(held.Authenticators)}
	}
	return g.svc.Fresh(r.Context(), c.session)
}

// leadAdministrator leads who may administer, but not as things stand, to the page that helps and from there back.
// It says whether err was such a thing.
func (g *Gate) leadAdministrator(w http.ResponseWriter, r *http.Request, err error) bool {
	page := r.URL.RequestURI()[len(g.options.Prefix):]
	if r.Method == http.MethodPost {
		page = g.adminPage(r)
		if err := formFault(r); err != nil { // what is kept of it
			return false
		}
	}
	if errors.Is(err, nightlatch.ErrEnrollmentNeeded) {
		g.redirect(w, r, "/account/authenticators/new?to="+url.QueryEscape(g.options.Prefix+page))
		return true
	}
	return g.needsProof(w, r, err, page)
}

// adminPage is the page of the account of a request, below Prefix.
func (g *Gate) adminPage(r *http.Request) string {
	return g.pages.path("/admin/accounts/%s", r.PathValue("id"))[len(g.options.Prefix):]
}

// act does something to the account of a request in the name of who asks, never to the own one.
func (g *Gate) act(r *http.Request, c caller, a Act) (GivenCode, error) {
	own, err := g.session(r, c)
	if err != nil {
		return GivenCode{}, err
	}
	a.By, a.Account, a.Client = own.User, r.PathValue("id"), c.client
	if a.Account == a.By {
		return GivenCode{}, nightlatch.ErrForbidden
	}
	if err := g.svc.TakeFresh(r.Context(), c.session); err != nil {
		return GivenCode{}, err
	}
	return g.options.Administration.Act(r.Context(), a)
}
