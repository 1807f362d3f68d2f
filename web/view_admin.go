package web

import "time"

// adminView is the page "admin". The form goes to GET /admin: q, enrolled.
type adminView struct {
	Frame
	Query       string
	NotEnrolled bool // only those who hold no second factor
	Accounts    []managedView
	Next        string // a path of ours with its query, or ""
}

// managedView is an account as an administrator sees it.
type managedView struct {
	ID, Name  string
	Username  string
	Email     string
	Confirmed bool // the address is
	Groups    []string
	Admin     bool
	Disabled  bool
	Enrolled  bool
	Defined   bool // by the settings: groups, role and state are read-only
	CreatedAt time.Time
}

// adminAccountView is the page "admin-account". Its forms go to POST /admin/accounts/ID/ACT: "groups" (groups),
// "administrator" and "disabled" (on: "yes" or "no"), "end-sessions", "code" and "reset" (reason).
type adminAccountView struct {
	Frame
	managedView
	Own            bool // it is the reader's: nothing can be done here
	Authenticators []offerView
	CodesLeft      int
	CodeUntil      time.Time // zero: no one-time code is good
	AfterReset     bool
	Throttled      []string // names of kinds, in English
	HoldUntil      time.Time
	Sessions       []sessionView
	Devices        []deviceView
	Events         []eventView
	// What was typed, where it could not be used.
	TypedGroups string
	TypedReason map[string]string // by act
}

// givenView is the page "given": a code for somebody else, shown once.
type givenView struct {
	Frame
	ID, Name string // whose
	Reset    bool   // it is a reset's
	Code     string
	Until    time.Time
}

// adminEventsView is the page "admin-events". The form goes to GET /admin/events: account, name.
type adminEventsView struct {
	Frame
	Account, Name string
	Events        []managedEventView
	Next          string // a path of ours with its query, or ""
}

// managedEventView is a line of somebody's trail.
type managedEventView struct {
	eventView
	ID, Account string // whose; Account "" where that is no more
	Event       string // the name of the event
	Reason      string
	By          string
}
