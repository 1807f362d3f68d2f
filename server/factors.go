package server

import (
	"slices"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/server/settings"
)

// factors are all ways to prove, the strongest first. A new one is a line here.
func (s *Server) factors(set *settings.Settings) []factor.Factor {
	s.password = password.New(password.Options{
		MinLength: set.Password.MinLength, MaxLength: set.Password.MaxLength, Cost: s.cost, Foreign: s.foreignWorks,
		Parallel: set.Limits.Hashes, Queue: set.Limits.Waiting, Turn: s.hashes, IDKey: s.idKey,
	})
	s.recovery = recovery.New(recovery.Options{
		Limiter: s.password.Limiter().SecondSteps(),
		Cost:    recovery.Cost{Memory: s.cost.Memory, Passes: s.cost.Passes, Lanes: s.cost.Lanes},
	})
	window := set.TOTP.Window
	shape := totp.Options{
		Issuer: set.TOTP.Issuer, Algorithm: totp.Algorithm(set.TOTP.Algorithm),
		Digits: set.TOTP.Digits, Period: set.TOTP.Period, Window: &window,
	}
	return slices.Concat(
		s.securityKeys(set), // none where browsers would refuse them
		[]factor.Factor{
			totp.New(shape),
			totp.NewCounter(totp.Options{Issuer: set.TOTP.Issuer, Algorithm: shape.Algorithm, Digits: set.TOTP.Digits}),
		},
		s.sentCodes(set), // e-mail and SMS, where there is a way to send them
		[]factor.Factor{s.recovery, s.password},
	)
}

// policy is what settings say about who must prove what.
func policy(set *settings.Settings, factors []factor.Factor) nightlatch.Policy {
	p := nightlatch.Policy{
		Require: nightlatch.Require(set.Policy.Require), Grace: set.Policy.Grace, Fresh: set.Policy.Fresh, ProofPerChange: set.Protect != "", Remember: set.Policy.Remember,
		FirstEnrollment: nightlatch.FirstEnrollment(set.Policy.FirstEnrollment),
		AtLeast:         set.Policy.Authenticators, ReportOnly: set.Policy.ReportOnly,
	}
	for _, f := range factors {
		if kind := f.Info().Kind; slices.Contains(set.Policy.Factors, string(kind)) {
			p.Enroll = append(p.Enroll, kind)
		}
	}
	if len(p.Enroll) == 0 { // to the engine that would be all: none of those that settings name can work
		p.Enroll = []factor.Kind{recovery.Kind}
	}
	return p
}
