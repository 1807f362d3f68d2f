package web

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

// enrollmentJSON is what to show so that an authenticator is made.
type enrollmentJSON struct {
	Enrollment string          `json:"enrollment"`
	Kind       factor.Kind     `json:"kind"`
	ExpiresAt  time.Time       `json:"expires_at"`
	TOTP       *scanJSON       `json:"totp,omitempty"`
	HOTP       *scanJSON       `json:"hotp,omitempty"`
	SentTo     string          `json:"sent_to,omitempty"`
	PublicKey  json.RawMessage `json:"public_key,omitempty"`
}

// scanJSON is a new secret. It has a period or a counter.
type scanJSON struct {
	Secret    string  `json:"secret"`
	URI       string  `json:"uri"`
	SVG       string  `json:"qr_svg"`
	Issuer    string  `json:"issuer"`
	Account   string  `json:"account"`
	Algorithm string  `json:"algorithm"`
	Digits    int     `json:"digits"`
	Period    *int    `json:"period,omitempty"`
	Counter   *uint64 `json:"counter,omitempty"`
}

// postAuthenticators begins an enrollment.
func (g *Gate) postAuthenticators(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	var in struct {
		Kind     factor.Kind `json:"kind"`
		Label    string      `json:"label"`
		Phone    string      `json:"phone"`
		Email    string      `json:"email"`
		Passkey  bool        `json:"passkey"`
		Replaces string      `json:"replaces"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if in.Kind == "" {
		return 0, nil, FieldsError{"kind": "missing"}
	}
	e, err := g.svc.BeginEnrollment(r.Context(), c.step(), nightlatch.NewEnrollment{
		Kind: in.Kind, Label: in.Label, Replaces: in.Replaces,
		Response: factor.Response{Phone: in.Phone, Email: in.Email, Passkey: in.Passkey},
	}, c.client)
	if err != nil {
		return 0, nil, err
	}
	j := enrollmentJSON{Enrollment: e.ID, Kind: e.Kind, ExpiresAt: e.ExpiresAt}
	switch p := e.Prompt.(type) {
	case factor.Scan:
		err = j.scan(p)
	case factor.Code:
		j.SentTo = p.SentTo
	case factor.PublicKey:
		j.PublicKey = p.Options
	}
	return http.StatusCreated, j, err
}

func (j *enrollmentJSON) scan(p factor.Scan) error {
	svg, err := qrSVG(p.URI)
	if err != nil {
		return err
	}
	s := &scanJSON{
		Secret: p.Secret, URI: p.URI, SVG: svg, Issuer: p.Issuer, Account: p.Account, Algorithm: p.Algorithm, Digits: p.Digits,
	}
	if p.Period == 0 {
		s.Counter, j.HOTP = &p.Counter, s
	} else {
		s.Period, j.TOTP = &p.Period, s
	}
	return nil
}

// enrolledJSON is a finished enrollment.
type enrolledJSON struct {
	Authenticator authenticatorJSON `json:"authenticator"`
	Codes         []string          `json:"recovery_codes,omitempty"`
	SignIn        *whereJSON        `json:"sign_in,omitempty"`
	Token         string            `json:"token,omitempty"`
}

// postAuthenticatorsFinish judges the response to an enrollment. What the client holds is renewed.
func (g *Gate) postAuthenticatorsFinish(w http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	var in struct {
		responseJSON
		Enrollment string `json:"enrollment"`
		Label      string `json:"label"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if err := in.check(); err != nil {
		return 0, nil, err
	}
	missing := FieldsError{}
	if in.Enrollment == "" {
		missing["enrollment"] = "missing"
	}
	if in.Code == "" && len(in.Credential) == 0 {
		missing["code"] = "missing"
	}
	if len(missing) > 0 {
		return 0, nil, missing
	}
	if !token.IsID(in.Enrollment) {
		return 0, nil, nightlatch.ErrNotFound
	}
	response := factor.Response{Code: in.Code, NextCode: in.NextCode, Credential: in.Credential}
	done, err := g.svc.FinishEnrollment(r.Context(), c.step(), in.Enrollment, in.Label, response, c.client)
	if err != nil {
		return 0, nil, err
	}
	j := enrolledJSON{Authenticator: authenticatorOf(done.Authenticator), Codes: done.Codes}
	if c.bearer {
		j.Token = done.Next.Token
	} else {
		g.keep(w, r, done.Next)
	}
	if c.signIn != "" {
		where, err := g.whereOf(r.Context(), done.Next, c.bearer)
		if err != nil {
			return 0, nil, err
		}
		j.SignIn = &where
	}
	return http.StatusCreated, j, nil
}
