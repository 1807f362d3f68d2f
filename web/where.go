package web

import (
	"context"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// offerJSON is one authenticator, or a kind, that may be proven.
type offerJSON struct {
	ID         string      `json:"id,omitempty"`
	Kind       factor.Kind `json:"kind"`
	Label      string      `json:"label,omitempty"`
	Hint       string      `json:"hint,omitempty"`
	Preferred  bool        `json:"preferred,omitempty"`
	Left       *int        `json:"left,omitempty"`
	CreatedAt  *time.Time  `json:"created_at,omitempty"`
	LastUsedAt *time.Time  `json:"last_used_at,omitempty"`
}

func offersJSON(offers []nightlatch.Offer, _ *nightlatch.Service) []offerJSON {
	list := make([]offerJSON, 0, len(offers))
	for _, o := range offers {
		j := offerJSON{ID: o.ID, Kind: o.Kind, Label: o.Label, Hint: o.Hint, Preferred: o.Preferred}
		if o.Backup {
			j.Left = &o.Left
		}
		j.CreatedAt, j.LastUsedAt = timeJSON(o.CreatedAt), timeJSON(o.LastUsedAt)
		list = append(list, j)
	}
	return list
}

// timeJSON is nil for the zero time.
func timeJSON(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// whereJSON is where a sign-in stands, the answer of every step.
type whereJSON struct {
	Next        nightlatch.Step `json:"next"`
	ExpiresAt   *time.Time      `json:"expires_at,omitempty"`
	MayRemember *bool           `json:"may_remember,omitempty"`
	Offers      []offerJSON     `json:"offers,omitzero"`
	Kinds       []factor.Kind   `json:"kinds,omitempty"`
	EnrollBy    *time.Time      `json:"enroll_by,omitempty"`
	Session     *sessionJSON    `json:"session,omitempty"`
	Token       string          `json:"token,omitempty"`
	Confirms    string          `json:"confirms,omitempty"`
}

type sessionJSON struct {
	ID        string           `json:"id"`
	Account   accountJSON      `json:"account"`
	Level     nightlatch.Level `json:"level"`
	Proofs    []proofJSON      `json:"proofs"`
	CreatedAt time.Time        `json:"created_at"`
	ExpiresAt time.Time        `json:"expires_at"`
	EnrollBy  *time.Time       `json:"enroll_by,omitempty"` // of GET /session
}

type proofJSON struct {
	Kind factor.Kind `json:"kind"`
	At   time.Time   `json:"at"`
	// Remembered: a remembered device carried it into the session.
	Remembered bool `json:"remembered,omitempty"`
}

type accountJSON struct {
	ID               string     `json:"id"`
	Username         *string    `json:"username"`
	Email            *string    `json:"email"`
	EmailConfirmedAt *time.Time `json:"email_confirmed_at"`
	Groups           []string   `json:"groups"`
	Admin            bool       `json:"admin"`
}

func accountOf(u nightlatch.User) accountJSON {
	a := accountJSON{ID: u.ID, EmailConfirmedAt: timeJSON(u.EmailConfirmedAt), Groups: u.Groups, Admin: u.Admin}
	if u.Name != "" {
		a.Username = &u.Name
	}
	if u.Email != "" {
		a.Email = &u.Email
	}
	if a.Groups == nil {
		a.Groups = []string{}
	}
	return a
}

func (g *Gate) sessionOf(ctx context.Context, ses nightlatch.Session) (*sessionJSON, error) {
	u, err := g.svc.FindUser(ctx, ses.User)
	if err != nil {
		return nil, err
	}
	j := &sessionJSON{
		ID: ses.ID, Account: accountOf(u), Level: ses.Level, Proofs: []proofJSON{},
		CreatedAt: ses.CreatedAt, ExpiresAt: ses.ExpiresAt,
	}
	for _, p := range ses.Proofs {
		j.Proofs = append(j.Proofs, proofJSON{p.Kind, p.At, p.Device != ""})
	}
	return j, nil
}

// whereOf makes the answer of a step. Before it is done it holds nothing about the account beyond the offers.
// withToken puts the token in, for a client that holds tokens.
func (g *Gate) whereOf(ctx context.Context, next nightlatch.Next, withToken bool) (whereJSON, error) {
	j := whereJSON{Next: next.Step, Kinds: next.Kinds, EnrollBy: timeJSON(next.EnrollBy), Confirms: next.Confirms}
	if withToken {
		j.Token = next.Token
	}
	if next.Step == nightlatch.StepDone && next.Confirms == "" {
		var err error
		j.Session, err = g.sessionOf(ctx, next.Session)
		return j, err
	}
	j.ExpiresAt = timeJSON(next.ExpiresAt)
	if next.Step == nightlatch.StepDone {
		return j, nil
	}
	j.MayRemember = &next.MayRemember
	if next.Step == nightlatch.StepVerify {
		j.Offers = offersJSON(next.Offers, g.svc)
	}
	return j, nil
}
