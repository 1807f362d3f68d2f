package web

import (
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// authenticatorJSON is one authenticator, never with its secret.
type authenticatorJSON struct {
	ID         string      `json:"id"`
	Kind       factor.Kind `json:"kind"`
	Label      string      `json:"label"`
	Hint       string      `json:"hint,omitempty"`
	Model      string      `json:"model,omitempty"`
	Preferred  bool        `json:"preferred"`
	Suspended  bool        `json:"suspended,omitempty"` // by **This was not me**: it is never asked for
	CreatedAt  time.Time   `json:"created_at"`
	LastUsedAt *time.Time  `json:"last_used_at"`
}

func authenticatorOf(o nightlatch.Offer) authenticatorJSON {
	return authenticatorJSON{
		ID: o.ID, Kind: o.Kind, Label: o.Label, Hint: o.Hint, Model: o.Model, Preferred: o.Preferred,
		Suspended: o.Suspended, CreatedAt: o.CreatedAt, LastUsedAt: timeJSON(o.LastUsedAt),
	}
}

// getAuthenticators shows what the account holds, the preferred first, else the strongest.
func (g *Gate) getAuthenticators(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	held, err := g.svc.Holdings(r.Context(), c.session)
	if err != nil {
		return 0, nil, err
	}
	list := make([]authenticatorJSON, 0, len(held.Authenticators))
	for _, o := range held.Authenticators {
		list = append(list, authenticatorOf(o))
	}
	return http.StatusOK, list, nil
}

// patchAuthenticator renames or prefers one.
func (g *Gate) patchAuthenticator(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	var in struct {
		Label     *string `json:"label"`
		Preferred *bool   `json:"preferred"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	edit := nightlatch.Edit{Label: in.Label, Preferred: in.Preferred}
	o, err := g.svc.EditAuthenticator(r.Context(), c.session, r.PathValue("id"), edit, c.client)
	return http.StatusOK, authenticatorOf(o), err
}

// deleteAuthenticator removes one.
func (g *Gate) deleteAuthenticator(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	return http.StatusNoContent, nil, g.svc.RemoveAuthenticator(r.Context(), c.session, r.PathValue("id"), c.client)
}

// factorsJSON says what may be enrolled and what is.
type factorsJSON struct {
	Kinds     []factorJSON       `json:"kinds"`
	Preferred *string            `json:"preferred"` // the id of the preferred authenticator
	Require   nightlatch.Require `json:"require"`
}

type factorJSON struct {
	Kind     factor.Kind `json:"kind"`
	Enrolled bool        `json:"enrolled"`
	MayAdd   bool        `json:"may_add"`
}

// getFactors shows the kinds: those that may be added, those that are held though they may not be added any more,
// and recovery codes, which come with the first authenticator and are not added by themselves.
func (g *Gate) getFactors(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	held, err := g.svc.Holdings(r.Context(), c.step())
	if err != nil {
		return 0, nil, err
	}
	policy := g.svc.Policy()
	j := factorsJSON{Kinds: []factorJSON{}, Require: policy.Require}
	place := map[factor.Kind]int{}
	add := func(f factorJSON) {
		i, ok := place[f.Kind]
		if !ok {
			place[f.Kind] = len(j.Kinds)
			j.Kinds = append(j.Kinds, f)
			return
		}
		j.Kinds[i].Enrolled = j.Kinds[i].Enrolled || f.Enrolled
	}
	for _, kind := range policy.Kinds() {
		add(factorJSON{Kind: kind, MayAdd: true})
	}
	for _, o := range held.Authenticators {
		add(factorJSON{Kind: o.Kind, Enrolled: !o.Suspended})
		if o.Preferred {
			j.Preferred = &o.ID
		}
	}
	if _, ok := g.svc.Factor(recoveryKind); ok {
		add(factorJSON{Kind: recoveryKind})
	}
	for _, o := range held.Codes {
		add(factorJSON{Kind: o.Kind, Enrolled: !o.Suspended})
	}
	return http.StatusOK, j, nil
}

// codesJSON says how many recovery codes are left, and since when there are any.
type codesJSON struct {
	Left      int        `json:"left"`
	CreatedAt *time.Time `json:"created_at"`
}

// getRecoveryCodes never shows a code.
func (g *Gate) getRecoveryCodes(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	held, err := g.svc.Holdings(r.Context(), c.session)
	if err != nil {
		return 0, nil, err
	}
	var j codesJSON
	for _, o := range held.Codes {
		if o.Kind == recoveryKind {
			j = codesJSON{o.Left, timeJSON(o.CreatedAt)}
		}
	}
	return http.StatusOK, j, nil
}

// postRecoveryCodes makes a new set, and shows it once.
func (g *Gate) postRecoveryCodes(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	if len(body) > 0 {
		if err := decode(body, &struct{}{}); err != nil {
			return 0, nil, err
		}
	}
	codes, err := g.svc.RenewCodes(r.Context(), c.session, recoveryKind, c.client)
	return http.StatusCreated, struct {
		Codes []string `json:"recovery_codes"`
	}{codes}, err
}
