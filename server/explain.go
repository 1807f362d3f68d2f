package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/forward"
	"github.com/nightlatch/nightlatch/server/settings"
)

// ErrAddress: what was asked about is no address of a page.
var ErrAddress = errors.New("it is no address of a page")

// Question is a request to an application that Explain is asked about.
type Question struct {
	Method string
	URL    string     // as a browser would send it
	Addr   netip.Addr // of the client; the zero value is in no network
	At     time.Time
}

// Explanation says which rule decides about a request.
type Explanation struct {
	// Refused says why no rule is asked: the request can be read in two ways. Then all else is empty.
	Refused string
	Misses  []string      // for each rule before the one that decides, why it does not fit
	Index   int           // of the rule that decides; -1: none fits
	Rule    settings.Rule // that holds
	Answer  forward.Answer
	Why     string
}

// Explain says what becomes of a request of somebody who is not signed in. The error is ErrAddress, or settings.Faults
// of rules that are never reached.
func Explain(set *settings.Settings, q Question) (Explanation, error) {
	return explain(set, q, nil, nil)
}

// explain is Explain for somebody with a session of these groups; nil: who is not signed in.
func explain(set *settings.Settings, q Question, ses *nightlatch.Session, groups []string) (Explanation, error) {
	rules, err := forward.NewRules(set.File, set.Rules)
	if err != nil {
		return Explanation{}, err
	}
	if scheme, rest, ok := strings.Cut(q.URL, "://"); !ok || scheme != "https" && scheme != "http" || rest == "" {
		return Explanation{}, ErrAddress
	}
	asked, err := forward.ReadRequest(http.Header{"X-Original-Method": {q.Method}, "X-Original-Url": {q.URL}})
	if err != nil {
		return Explanation{Refused: err.Error(), Index: -1}, nil //nolint:nilerr // it is the explanation
	}
	asked.Addr = q.Addr
	f := rules.Judge(asked, ses, groups, q.At)
	return Explanation{Misses: f.Misses(q.At), Index: f.Index, Rule: f.Rule, Answer: f.Answer, Why: f.Why}, nil
}

// ExplainFor is Explain for an account with its newest session, which is nil where it has none.
// Errors: those of Explain, nightlatch.ErrUnavailable.
func (s *Server) ExplainFor(ctx context.Context, q Question, a Account) (Explanation, *nightlatch.Session, error) {
	out, err := Explain(s.settings, q)
	if err != nil || out.Refused != "" {
		return out, nil, err
	}
	list, err := s.Service.SessionsOf(ctx, a.ID)
	if err != nil {
		return out, nil, fmt.Errorf("read the sessions: %w", err)
	}
	var newest *nightlatch.Session
	for i, ses := range list {
		if q.At.Before(ses.ExpiresAt) && (newest == nil || ses.CreatedAt.After(newest.CreatedAt)) {
			newest = &list[i]
		}
	}
	if a.Disabled {
		newest = nil // what is left of its sessions opens nothing
	}
	out, err = explain(s.settings, q, newest, a.Groups)
	return out, newest, err
}
