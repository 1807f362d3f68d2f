package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// challengeJSON is what to show so that an offer is proven.
type challengeJSON struct {
	Kind        factor.Kind     `json:"kind"`
	ExpiresAt   time.Time       `json:"expires_at"`
	SentTo      string          `json:"sent_to,omitempty"`
	ResendAfter int             `json:"resend_after,omitempty"` // seconds
	PublicKey   json.RawMessage `json:"public_key,omitempty"`
	Token       string          `json:"token,omitempty"`
}

// postChallenges asks for one of the offers.
func (g *Gate) postChallenges(w http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	var in struct {
		ID        string      `json:"id"`
		Kind      factor.Kind `json:"kind"`
		Transport string      `json:"transport"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if c.step() == "" {
		return g.beginPasskey(w, r, c, in.Kind, in.ID, in.Transport)
	}
	if in.ID == "" && in.Kind == "" {
		return 0, nil, FieldsError{"kind": "missing"}
	}
	if in.Transport != "" {
		return 0, nil, FieldsError{"transport": "invalid"}
	}
	if in.Kind == "" {
		var err error
		if in.Kind, err = g.kindOf(r.Context(), c, in.ID); err != nil {
			return 0, nil, err
		}
	}
	ch, err := g.svc.Challenge(r.Context(), c.step(), in.Kind, in.ID, c.client)
	if err != nil {
		return 0, nil, err
	}
	j := challengeOf(ch)
	if c.bearer {
		j.Token = c.step()
	}
	return http.StatusOK, j, nil
}

func challengeOf(ch nightlatch.Challenge) challengeJSON {
	j := challengeJSON{Kind: ch.Kind, ExpiresAt: ch.ExpiresAt}
	switch p := ch.Prompt.(type) {
	case factor.Code:
		j.SentTo = p.SentTo
		if p.ResendAfter > 0 {
			j.ResendAfter = seconds(p.ResendAfter)
		}
	case factor.PublicKey:
		j.PublicKey = p.Options
	}
	return j
}

// kindOf returns the kind of an authenticator that is on offer. One that is not is refused like a wrong code.
func (g *Gate) kindOf(ctx context.Context, c caller, id string) (factor.Kind, error) {
	var offers []nightlatch.Offer
	if c.signIn != "" {
		next, err := g.svc.SignIn(ctx, c.signIn)
		if err != nil {
			return "", err
		}
		offers = next.Offers
	} else {
		held, err := g.svc.Holdings(ctx, c.session)
		if err != nil {
			return "", err
		}
		offers = held.Authenticators
	}
	for _, o := range offers {
		if o.ID == id {
			return o.Kind, nil
		}
	}
	return "", factor.Refuse(factor.Wrong)
}

// responseJSON is the response to a prompt.
type responseJSON struct {
	Code       string          `json:"code"`
	NextCode   string          `json:"next_code"`
	Credential json.RawMessage `json:"credential"`
}

// check returns a FieldsError unless a credential is an object.
func (j *responseJSON) check() error {
	if bytes.Equal(j.Credential, []byte("null")) {
		j.Credential = nil
	}
	if len(j.Credential) > 0 && j.Credential[0] != '{' {
		return FieldsError{"credential": "invalid"}
	}
	return nil
}

// postVerifications judges a response in a sign-in, or in a session as a fresh proof.
func (g *Gate) postVerifications(w http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	var in struct {
		responseJSON
		ID       string      `json:"id"`
		Kind     factor.Kind `json:"kind"`
		Password string      `json:"password"`
		Remember bool        `json:"remember_device"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if err := in.check(); err != nil {
		return 0, nil, err
	}
	if c.step() == "" {
		return g.provePasskey(w, r, c, factor.Response{Kind: in.Kind, Credential: in.Credential})
	}
	if in.Kind == "" {
		return 0, nil, FieldsError{"kind": "missing"}
	}
	response := factor.Response{
		Kind: in.Kind, ID: in.ID, Code: in.Code, NextCode: in.NextCode, Password: in.Password, Credential: in.Credential,
	}
	if field := g.missing(response); field != "" {
		return 0, nil, FieldsError{field: "missing"}
	}
	next, err := g.svc.Verify(r.Context(), c.step(), response, c.client, remember(in.Remember)...)
	if err != nil {
		return 0, nil, err
	}
	return g.stands(w, r, http.StatusOK, next, c.bearer)
}

// missing names the field that a response of its kind cannot be without, if it is: a password is known, a signature
// cannot be guessed, all else is a code.
func (g *Gate) missing(r factor.Response) string {
	info, _ := g.svc.Factor(r.Kind)
	switch {
	case info.Class == factor.Knowledge && r.Password == "":
		return "password"
	case info.Class == factor.Knowledge:
	case info.Unguessable && len(r.Credential) == 0:
		return "credential"
	case info.Unguessable:
	case r.Code == "":
		return "code"
	}
	return ""
}
