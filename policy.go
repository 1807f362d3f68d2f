package nightlatch

import (
	"fmt"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Level says how sure a session is: how many different classes were proven.
type Level int

// The levels.
const (
	Level0 Level = iota // nobody
	Level1              // one class
	Level2              // two classes
)

// LevelOf returns the level of a set of proofs.
func LevelOf(proofs []factor.Proof) Level {
	classes := map[factor.Class]bool{}
	for _, p := range proofs {
		if p.Allows == factor.AllowsEnrollment { // it leads to an enrollment and counts for nothing else
			continue
		}
		for _, c := range p.Classes {
			classes[c] = true
		}
	}
	return min(Level(len(classes)), Level2)
}

// Require says who must have a second factor.
type Require string

// Whoever has a second factor is always asked for it, whatever this says.
const (
	Optional Require = "optional"
	Required Require = "required"
	Admins   Require = "admins"
)

// FirstEnrollment says what an account that holds no second factor needs beside its password to enroll the first one.
type FirstEnrollment string

// A code is mailed to the account's address, by Config.Address.
const (
	FirstByAddress  FirstEnrollment = ""         // a mailed code, where the address is confirmed; else nothing more
	FirstByPassword FirstEnrollment = "password" // nothing more
	FirstByEmail    FirstEnrollment = "email"    // a mailed code, where there is an address; else nothing more
)

// Policy says what comes next. The zero Policy lets every kind of the Config be enrolled and requires none.
type Policy struct {
	Require Require       // default Optional
	Grace   time.Duration // how long an account may put enrollment off once it is required
	Fresh   time.Duration // how recent a proof must be to change what guards an account; default 10 minutes
	// ProofPerChange: each change to what guards an account asks for a proof of its own, at most 60 seconds old. It is
	// for pages that share their host with scripts of others.
	ProofPerChange bool
	// Remember is how long a remembered device spares the second factor, from the proof that it carries; 0: every
	// sign-in asks.
	Remember time.Duration
	// AtLeast is how many second factors a user must hold who must have one; default 1.
	AtLeast int
	// ReportOnly lets those pass who would have to enroll, whatever Grace says, and writes EventWouldStop.
	ReportOnly bool
	// FirstEnrollment is what the first second factor needs beside the password; default FirstByAddress.
	FirstEnrollment FirstEnrollment
	// Enroll are the kinds that may be enrolled; empty: all second factors and backups of the Config.
	Enroll []factor.Kind

	infos map[factor.Kind]factor.Info
	order []factor.Kind
}

// Standing is what the engine keeps of a user that Decide looks at.
type Standing struct {
	Admin bool // from Users
	// AfterReset: an administrator removed every authenticator. The password leads to the code that the
	// reset gave, and that to an enrollment.
	AfterReset bool
	// RequiredSince is when enrollment was first put off; zero: never.
	RequiredSince time.Time
	// Address is the user's address where a code is mailed there before a first enrollment, else nil.
	Address *factor.Held
}

// Step is what comes next.
type Step string

// The steps.
const (
	StepVerify Step = "verify"
	StepEnroll Step = "enroll"
	StepDone   Step = "done"
)

// Decision is what comes next, and with what.
type Decision struct {
	Step     Step
	Offers   []factor.Held // with StepVerify: what may be proven, in the order to offer it
	Kinds    []factor.Kind // with StepEnroll: what may be enrolled
	EnrollBy time.Time     // with StepDone: enrollment is put off until then; zero: it is not required
	// WouldStop, with StepDone: ReportOnly let somebody pass who would have to enroll.
	WouldStop bool
}

// Decide says what comes next. It is a pure function and the only place where that is said.
//
// proven are the proofs so far, held all authenticators of the user that have not expired, known whether a
// remembered device carried the second proof here.
func (p Policy) Decide(proven []factor.Proof, held []factor.Held, known bool, st Standing, now time.Time) Decision {
	if len(proven) == 0 {
		return Decision{Step: StepVerify}
	}
	// Who has enrolled meanwhile is asked for that: a code mailed before the first enrollment leads to no second one.
	if slices.ContainsFunc(proven, func(pr factor.Proof) bool {
		return pr.Allows == factor.AllowsEnrollment && !(byAddress(pr) && p.second(held))
	}) {
		return Decision{Step: StepEnroll, Kinds: p.enrollable()}
	}
	if st.AfterReset {
		return Decision{Step: StepVerify, Offers: p.resetOffer(held)}
	}
	if p.second(held) {
		d := p.demand(held, st, now)
		if !known && LevelOf(proven) < Level2 || d.Step == StepEnroll && LevelOf(byPerson(proven)) < Level2 {
			return Decision{Step: StepVerify, Offers: p.offers(held)}
		}
		return d
	}
	if LevelOf(proven) >= Level2 { // whoever vouches for two classes needs nothing of ours
		return Decision{Step: StepDone}
	}
	d := p.demand(held, st, now)
	if d.Step == StepEnroll && st.Address != nil {
		return Decision{Step: StepVerify, Offers: []factor.Held{*st.Address}}
	}
	return d
}

// Requires says whether a user must have a second factor.
func (p Policy) Requires(admin bool) bool {
	return p.Require == Required || p.Require == Admins && admin
}

// MayEnroll says whether an authenticator of that kind may be added.
func (p Policy) MayEnroll(kind factor.Kind) bool { return slices.Contains(p.enrollable(), kind) }

// Kinds returns the second factors that may be added, the strongest first.
func (p Policy) Kinds() []factor.Kind { return p.enrollable() }

func (p Policy) enrollable() []factor.Kind {
	var kinds []factor.Kind
	for _, k := range p.order {
		if p.isSecond(k) && (len(p.Enroll) == 0 || slices.Contains(p.Enroll, k)) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// backups returns the Backup kinds that may be made.
func (p Policy) backups() []factor.Kind {
	var kinds []factor.Kind
	for _, k := range p.order {
		if p.info(k).Backup && (len(p.Enroll) == 0 || slices.Contains(p.Enroll, k)) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// info returns the facts about a kind. A kind that the Config lacks is still one of something one has: an
// account that holds one is never taken for one without a second factor.
func (p Policy) info(k factor.Kind) factor.Info {
	if i, ok := p.infos[k]; ok {
		return i
	}
	return factor.Info{Kind: k, Name: string(k), Class: factor.Possession}
}

// ShownOnce says whether what an enrollment of a kind shows is shown once: with ProofPerChange, whoever sees it could
// finish the enrollment in the person's place. A code that is sent is seen by nobody else.
func (p Policy) ShownOnce(k factor.Kind) bool { return p.ProofPerChange && !p.info(k).Elsewhere }

func (p Policy) isSecond(k factor.Kind) bool {
	i := p.info(k)
	return i.Class != factor.Knowledge && !i.Backup
}

// second says whether a second factor is held. One that is suspended counts: its account is none without.
func (p Policy) second(held []factor.Held) bool {
	return slices.ContainsFunc(held, func(h factor.Held) bool { return p.isSecond(h.Kind) })
}

// offers are the second factors, the preferred first, else the strongest, then what stands in for them.
func (p Policy) offers(held []factor.Held) []factor.Held {
	var offers, backups []factor.Held
	for _, h := range held {
		switch {
		case h.Allows == factor.AllowsNothing: // held, and good for nothing
		case p.isSecond(h.Kind):
			offers = append(offers, h)
		case p.info(h.Kind).Backup && h.Allows == factor.AllowsAll && h.Left > 0:
			backups = append(backups, h)
		case p.info(h.Kind).Backup && h.Allows == factor.AllowsEnrollment:
			backups = append(backups, h)
		}
	}
	slices.SortStableFunc(offers, func(a, b factor.Held) int {
		if a.Preferred != b.Preferred {
			if a.Preferred {
				return -1
			}
			return 1
		}
		return p.rank(a.Kind) - p.rank(b.Kind)
	})
	return append(offers, backups...)
}

// resetOffer is the one offer after a reset: the code that the reset gave. It is offered when that code is
// over, too: another reset gives another.
func (p Policy) resetOffer(held []factor.Held) []factor.Held {
	for _, h := range held {
		if h.Allows == factor.AllowsEnrollment {
			return []factor.Held{h}
		}
	}
	for _, k := range p.order {
		if p.info(k).Backup {
			return []factor.Held{{Kind: k}}
		}
	}
	return nil
}

func (p Policy) rank(k factor.Kind) int {
	if i := slices.Index(p.order, k); i >= 0 {
		return i
	}
	return len(p.order)
}

// complete takes the facts about the kinds in.
func (p *Policy) complete(order []factor.Kind, factors map[factor.Kind]factor.Factor) error {
	switch p.Require {
	case "":
		p.Require = Optional
	case Optional, Required, Admins:
	default:
		return fmt.Errorf("nightlatch: Policy.Require: %q is none of optional, required, admins", p.Require)
	}
	orDuration(&p.Fresh, 10*time.Minute)
	p.AtLeast = max(p.AtLeast, 1)
	p.order, p.infos = order, map[factor.Kind]factor.Info{}
	for k, f := range factors {
		p.infos[k] = f.Info()
	}
	for _, k := range p.Enroll {
		if _, ok := p.infos[k]; !ok {
			return fmt.Errorf("nightlatch: Policy.Enroll: there is no factor of kind %q", k)
		}
	}
	if p.Require != Optional && len(p.enrollable()) == 0 {
		return fmt.Errorf("nightlatch: Policy.Require is %q, but no second factor may be enrolled", p.Require)
	}
	return nil
}
