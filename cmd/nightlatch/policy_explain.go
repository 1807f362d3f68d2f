package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/forward"
	"github.com/nightlatch/nightlatch/server/settings"
)

type policyExplain struct {
	settingsFlags `embed:""`
	URL           string `required:"" placeholder:"URL" help:"The address that somebody asks for: https://app.example.com/path."`
	Account       string `placeholder:"NAME" help:"Whether the newest session of this account would do."`
	Method        string `default:"GET" help:"The method of the request."`
	Address       string `placeholder:"IP" help:"The client's address; without it, one that is in no network of a rule."`
	Time          string `placeholder:"TIME" help:"When, in RFC 3339; without it, now."`
	JSON          bool   `name:"json" help:"Write JSON."`
}

// explanation is one as the command shows it.
type explanation struct {
	Request string         `json:"request"`
	Refused string         `json:"refused,omitempty"`
	Skipped []skippedRule  `json:"skipped"`
	Rule    int            `json:"rule"` // 1 is the first; 0: none fits
	Line    int            `json:"line,omitempty"`
	Asks    string         `json:"asks,omitempty"`
	Account string         `json:"account,omitempty"`
	Session *sessionFacts  `json:"session,omitempty"`
	Answer  forward.Answer `json:"answer,omitempty"`
	Why     string         `json:"why,omitempty"`

	file string
}

type skippedRule struct {
	Rule int    `json:"rule"`
	Line int    `json:"line"`
	Why  string `json:"why"`
}

type sessionFacts struct {
	CreatedAt time.Time   `json:"created_at"`
	Level     int         `json:"level"`
	Proofs    []proofFact `json:"proofs"`
}

type proofFact struct {
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
}

// Run explains. It asks the database for the account alone.
func (cmd policyExplain) Run(ctx context.Context, c *console) error {
	q, err := cmd.question(c)
	if err != nil {
		return err
	}
	set, err := settings.Load(cmd.sources(c))
	if err != nil {
		return err
	}
	if cmd.Account == "" {
		found, err := server.Explain(set, q)
		return cmd.show(c, set, q, found, nil, err)
	}
	return named{cmd.settingsFlags, cmd.Account}.run(ctx, c, func(s *server.Server, a server.Account) error {
		found, ses, err := s.ExplainFor(ctx, q, a)
		return cmd.show(c, set, q, found, ses, err)
	})
}

func (cmd policyExplain) question(c *console) (q server.Question, err error) {
	q = server.Question{Method: cmd.Method, URL: cmd.URL, At: c.now()}
	if cmd.Address != "" {
		if q.Addr, err = netip.ParseAddr(cmd.Address); err != nil {
			return q, misuse("--address is %q; allowed is an IP address like 203.0.113.7", cmd.Address)
		}
	}
	if cmd.Time != "" {
		if q.At, err = time.Parse(time.RFC3339, cmd.Time); err != nil {
			return q, misuse("--time is %q; allowed is a time like 2026-11-22T08:00:00Z", cmd.Time)
		}
	}
	return q, nil
}

// show writes what was found, or why nothing was.
func (cmd policyExplain) show(c *console, set *settings.Settings, q server.Question, e server.Explanation, ses *nightlatch.Session, err error) error {
	if errors.Is(err, server.ErrAddress) {
		return misuse("--url is %q; allowed is an address like https://app.example.com/path", cmd.URL)
	}
	if err != nil {
		return err
	}
	from := "an address that is in no network of a rule"
	if q.Addr.IsValid() {
		from = q.Addr.String()
	}
	out := explanation{
		Request: fmt.Sprintf("%s %s from %s at %s", word(q.Method), word(q.URL), from, q.At.UTC().Format(time.RFC3339)),
		Refused: e.Refused, Skipped: []skippedRule{}, Rule: e.Index + 1, Line: e.Rule.Line,
		Account: cmd.Account, Answer: e.Answer, Why: e.Why, file: set.File,
	}
	for i, why := range e.Misses {
		out.Skipped = append(out.Skipped, skippedRule{i + 1, set.Rules[i].Line, why})
	}
	if e.Refused == "" {
		out.Asks = asks(e.Rule)
	}
	if ses != nil {
		out.Session = &sessionFacts{CreatedAt: ses.CreatedAt, Level: int(ses.Level), Proofs: []proofFact{}}
		for _, p := range ses.Proofs {
			out.Session.Proofs = append(out.Session.Proofs, proofFact{string(p.Kind), p.At})
		}
	}
	if cmd.JSON {
		w := json.NewEncoder(c.stdout)
		w.SetIndent("", "  ")
		return w.Encode(out)
	}
	return c.print("%s", strings.Join(out.lines(), "\n"))
}

// asks is what a rule asks for, in words.
func asks(r settings.Rule) string {
	if r.Level == 0 {
		return "nothing: anyone may pass"
	}
	parts := []string{fmt.Sprintf("level %d", r.Level)}
	if len(r.Kinds) > 0 {
		parts = append(parts, "a proof of kind "+strings.Join(r.Kinds, " or "))
	}
	switch {
	case r.MaxAge > 0 && r.Level == 2:
		parts = append(parts, fmt.Sprintf("a second factor proven less than %s ago", brief(r.MaxAge)))
	case r.MaxAge > 0:
		parts = append(parts, fmt.Sprintf("a proof made less than %s ago", brief(r.MaxAge)))
	}
	if len(r.Groups) > 0 {
		parts = append(parts, "an account in the group "+strings.Join(r.Groups, " or "))
	}
	return strings.Join(parts, ", ")
}

// brief is a duration without the parts of it that are nothing.
func brief(d time.Duration) string {
	text := d.String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// become says what becomes of a request, in words.
func (e explanation) become() string {
	switch e.Answer {
	case forward.Pass:
		return "it passes"
	case forward.SignIn:
		return "it is led to /sign-in (401 for a program)"
	case forward.Verify:
		return "it is led to /verify (401 for a program)"
	default:
		return "it is refused (403)"
	}
}

func (e explanation) lines() []string {
	list := []string{"request: " + e.Request}
	if e.Refused != "" {
		return append(list, "answer:  it is refused before any rule is asked (400, or 403 to nginx): "+e.Refused)
	}
	for _, s := range e.Skipped {
		list = append(list, fmt.Sprintf("rule[%d]: %s:%d: does not fit: %s", s.Rule, e.file, s.Line, s.Why))
	}
	if e.Rule > 0 {
		list = append(list, fmt.Sprintf("rule[%d]: %s:%d: decides: the first that fits", e.Rule, e.file, e.Line))
	} else {
		list = append(list, "rule:    none fits, and then level 2 holds")
	}
	list = append(list, "asks:    "+e.Asks)
	switch {
	case e.Account == "":
		list = append(list, "who:     somebody who is not signed in")
	case e.Session == nil:
		list = append(list, "who:     "+word(e.Account)+", who is not signed in")
	default:
		var proofs []string
		for _, p := range e.Session.Proofs {
			proofs = append(proofs, p.Kind+" at "+p.At.UTC().Format(time.RFC3339))
		}
		list = append(list, fmt.Sprintf("who:     %s, by the newest session, of %s: level %d, %s", word(e.Account),
			e.Session.CreatedAt.UTC().Format(time.RFC3339), e.Session.Level, strings.Join(proofs, ", ")))
	}
	return append(list, "answer:  "+e.become()+": "+e.Why)
}
