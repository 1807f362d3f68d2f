package nightlatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
)

var policyNow = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// kinds of a policy as New completes it, the strongest first. "gone" is a kind that the Config lacks.
func policyOf(p Policy) Policy {
	p.order = []factor.Kind{"key", "app", "paper", "password"}
	p.infos = map[factor.Kind]factor.Info{
		"key":      {Kind: "key", Class: factor.Possession},
		"app":      {Kind: "app", Class: factor.Possession},
		"paper":    {Kind: "paper", Class: factor.Possession, Backup: true},
		"password": {Kind: "password", Class: factor.Knowledge},
	}
	return p
}

func proofBy(kind factor.Kind, classes ...factor.Class) factor.Proof {
	return factor.Proof{Kind: kind, Classes: classes, At: policyNow}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	var (
		pw       = proofBy("password", factor.Knowledge)
		byApp    = proofBy("app", factor.Possession)
		byKey    = proofBy("key", factor.Possession)
		byPaper  = proofBy("paper", factor.Possession)
		passkey  = proofBy("key", factor.Possession, factor.Inherence)
		ofReset  = factor.Proof{Kind: "paper", Classes: []factor.Class{factor.Possession}, Allows: factor.AllowsEnrollment}
		password = factor.Held{ID: "p", Kind: "password"}
		app      = factor.Held{ID: "a", Kind: "app"}
		liked    = factor.Held{ID: "l", Kind: "app", Preferred: true}
		key      = factor.Held{ID: "k", Kind: "key"}
		key2     = factor.Held{ID: "k2", Kind: "key"}
		gone     = factor.Held{ID: "g", Kind: "gone"}
		paper    = factor.Held{ID: "c", Kind: "paper", Left: 3}
		empty    = factor.Held{ID: "e", Kind: "paper"}
		ofAdmin  = factor.Held{ID: "r", Kind: "paper", Left: 1, Allows: factor.AllowsEnrollment}
		both     = []factor.Kind{"key", "app"}
		need     = Policy{Require: Required}
		admins   = Policy{Require: Admins}
		grace    = Policy{Require: Required, Grace: time.Hour}
		two      = Policy{Require: Required, AtLeast: 2}
		twoLater = Policy{Require: Required, AtLeast: 2, Grace: time.Hour}
		report   = Policy{Require: Required, AtLeast: 2, ReportOnly: true, Grace: time.Hour}
		asleep   = factor.Held{ID: "s", Kind: "key", Allows: factor.AllowsNothing}
		carried  = factor.Proof{Kind: "app", Classes: []factor.Class{factor.Possession}, Device: "d"}
	)
	type proofs = []factor.Proof
	type holds = []factor.Held
	ask := func(offers ...factor.Held) Decision { return Decision{Step: StepVerify, Offers: offers} }
	enroll := func(kinds ...factor.Kind) Decision { return Decision{Step: StepEnroll, Kinds: kinds} }
	done := Decision{Step: StepDone}
	tests := map[string]struct {
		policy   Policy
		proven   proofs
		held     holds
		known    bool
		standing Standing
		want     Decision
	}{
		"nothing proven":                     {held: holds{password}, want: Decision{Step: StepVerify}},
		"nothing proven, known device":       {held: holds{password, app}, known: true, want: Decision{Step: StepVerify}},
		"nothing proven after a reset":       {standing: Standing{AfterReset: true}, held: holds{ofAdmin}, want: Decision{Step: StepVerify}},
		"password alone":                     {proven: proofs{pw}, held: holds{password}, want: done},
		"a second factor is asked for":       {proven: proofs{pw}, held: holds{password, app}, want: ask(app)},
		"also where none is required":        {policy: Policy{Require: Optional}, proven: proofs{pw}, held: holds{app}, want: ask(app)},
		"both proven":                        {proven: proofs{pw, byApp}, held: holds{password, app}, want: done},
		"a code stands in":                   {proven: proofs{pw, byPaper}, held: holds{password, app, paper}, want: done},
		"a remembered device":                {proven: proofs{pw}, held: holds{app}, known: true, want: done},
		"two of one class":                   {proven: proofs{byApp, byKey}, held: holds{app, key}, want: ask(key, app)},
		"two of one class, none held":        {policy: need, proven: proofs{byApp, byKey}, want: enroll(both...)},
		"a passkey":                          {proven: proofs{passkey}, held: holds{key}, want: done},
		"a passkey alone where required":     {policy: need, proven: proofs{passkey}, want: done},
		"backup only is no second factor":    {proven: proofs{pw}, held: holds{password, paper}, want: done},
		"backup only, required":              {policy: need, proven: proofs{pw}, held: holds{password, paper}, want: enroll(both...)},
		"a kind that the Config lacks":       {proven: proofs{pw}, held: holds{password, gone}, want: ask(gone)},
		"a kind that may not be added":       {policy: Policy{Enroll: []factor.Kind{"key"}}, proven: proofs{pw}, held: holds{app}, want: ask(app)},
		"the strongest first":                {proven: proofs{pw}, held: holds{paper, gone, app, key}, want: ask(key, app, gone, paper)},
		"the preferred first":                {proven: proofs{pw}, held: holds{paper, key, liked}, want: ask(liked, key, paper)},
		"alike ones in their order":          {proven: proofs{pw}, held: holds{key2, key}, want: ask(key2, key)},
		"a set without codes is no offer":    {proven: proofs{pw}, held: holds{app, empty}, want: ask(app)},
		"a password is no offer":             {proven: proofs{pw}, held: holds{password, key}, want: ask(key)},
		"required":                           {policy: need, proven: proofs{pw}, held: holds{password}, want: enroll(both...)},
		"required, some kinds":               {policy: Policy{Require: Required, Enroll: []factor.Kind{"app", "paper"}}, proven: proofs{pw}, want: enroll("app")},
		"required, held":                     {policy: need, proven: proofs{pw}, held: holds{app}, want: ask(app)},
		"of administrators, another":         {policy: admins, proven: proofs{pw}, want: done},
		"of administrators":                  {policy: admins, proven: proofs{pw}, standing: Standing{Admin: true}, want: enroll(both...)},
		"an administrator, optional":         {proven: proofs{pw}, standing: Standing{Admin: true}, want: done},
		"grace begins":                       {policy: grace, proven: proofs{pw}, want: Decision{Step: StepDone, EnrollBy: policyNow.Add(time.Hour)}},
		"grace lasts":                        {policy: grace, proven: proofs{pw}, standing: Standing{RequiredSince: policyNow.Add(-time.Hour + 1)}, want: Decision{Step: StepDone, EnrollBy: policyNow.Add(1)}},
		"grace is over":                      {policy: grace, proven: proofs{pw}, standing: Standing{RequiredSince: policyNow.Add(-time.Hour)}, want: enroll(both...)},
		"grace spares nobody who holds one":  {policy: grace, proven: proofs{pw}, held: holds{app}, want: ask(app)},
		"two needed, one held":               {policy: two, proven: proofs{pw, byApp}, held: holds{password, app}, want: enroll(both...)},
		"two needed, two held":               {policy: two, proven: proofs{pw, byApp}, held: holds{app, key}, want: done},
		"two needed, none proven":            {policy: two, proven: proofs{pw}, held: holds{app}, want: ask(app)},
		"two needed, none held":              {policy: two, proven: proofs{pw}, held: holds{password}, want: enroll(both...)},
		"two needed, codes do not count":     {policy: two, proven: proofs{pw, byPaper}, held: holds{app, paper}, want: enroll(both...)},
		"two needed, one suspended":          {policy: two, proven: proofs{pw, byApp}, held: holds{app, asleep}, want: enroll(both...)},
		"two needed, one cannot work":        {policy: two, proven: proofs{pw, byApp}, held: holds{app, gone}, want: enroll(both...)},
		"two needed of others":               {policy: Policy{Require: Admins, AtLeast: 2}, proven: proofs{pw, byApp}, held: holds{app}, want: done},
		"two needed of none":                 {policy: Policy{AtLeast: 2}, proven: proofs{pw, byApp}, held: holds{app}, want: done},
		"two needed, a device is no proof":   {policy: two, proven: proofs{pw, carried}, held: holds{app}, known: true, want: ask(app)},
		"two needed, proven beside a device": {policy: two, proven: proofs{pw, carried, byApp}, held: holds{app}, known: true, want: enroll(both...)},
		"two held, a device":                 {policy: two, proven: proofs{pw, carried}, held: holds{app, key}, known: true, want: done},
		"two needed later":                   {policy: twoLater, proven: proofs{pw, byApp}, held: holds{app}, want: Decision{Step: StepDone, EnrollBy: policyNow.Add(time.Hour)}},
		"two needed later, a device":         {policy: twoLater, proven: proofs{pw, carried}, held: holds{app}, known: true, want: Decision{Step: StepDone, EnrollBy: policyNow.Add(time.Hour)}},
		"two needed later, none proven":      {policy: twoLater, proven: proofs{pw}, held: holds{app}, want: ask(app)},
		"two needed by now":                  {policy: twoLater, proven: proofs{pw, byApp}, held: holds{app}, standing: Standing{RequiredSince: policyNow.Add(-time.Hour)}, want: enroll(both...)},
		"a code, and nothing works":          {policy: need, proven: proofs{pw, byPaper}, held: holds{gone, paper}, want: enroll(both...)},
		"reported":                           {policy: report, proven: proofs{pw}, want: Decision{Step: StepDone, WouldStop: true}},
		"reported, one held":                 {policy: report, proven: proofs{pw, byApp}, held: holds{app}, want: Decision{Step: StepDone, WouldStop: true}},
		"reported, a device":                 {policy: report, proven: proofs{pw, carried}, held: holds{app}, known: true, want: Decision{Step: StepDone, WouldStop: true}},
		"reported, none proven":              {policy: report, proven: proofs{pw}, held: holds{app}, want: ask(app)},
		"reported, enough":                   {policy: report, proven: proofs{pw, byApp}, held: holds{app, key}, want: done},
		"reported, of others":                {policy: Policy{Require: Admins, ReportOnly: true}, proven: proofs{pw}, want: done},
		"reported, after a reset":            {policy: report, proven: proofs{pw, ofReset}, standing: Standing{AfterReset: true}, want: enroll(both...)},
		"after a reset":                      {proven: proofs{pw}, held: holds{password, ofAdmin}, standing: Standing{AfterReset: true}, want: ask(ofAdmin)},
		"after a reset, only that code":      {proven: proofs{pw}, held: holds{app, paper, ofAdmin}, standing: Standing{AfterReset: true}, want: ask(ofAdmin)},
		"after a reset whose code is over":   {proven: proofs{pw}, held: holds{password}, standing: Standing{AfterReset: true}, want: ask(factor.Held{Kind: "paper"})},
		"after a reset, known device":        {proven: proofs{pw}, known: true, standing: Standing{AfterReset: true}, want: ask(factor.Held{Kind: "paper"})},
		"after a reset, another proof":       {proven: proofs{pw, byApp}, held: holds{ofAdmin}, standing: Standing{AfterReset: true}, want: ask(ofAdmin)},
		"the code of a reset":                {proven: proofs{pw, ofReset}, standing: Standing{AfterReset: true}, want: enroll(both...)},
		"such a code leads to nothing else":  {proven: proofs{pw, byApp, ofReset}, held: holds{app}, want: enroll(both...)},
		"such a code, even on known devices": {proven: proofs{pw, ofReset}, held: holds{app}, known: true, want: enroll(both...)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := policyOf(tc.policy).Decide(tc.proven, tc.held, tc.known, tc.standing, policyNow)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLevelOf(t *testing.T) {
	t.Parallel()
	k, p, i := factor.Knowledge, factor.Possession, factor.Inherence
	tests := map[string]struct {
		proofs []factor.Proof
		want   Level
	}{
		"none":             {nil, Level0},
		"no class":         {[]factor.Proof{proofBy("x")}, Level0},
		"one":              {[]factor.Proof{proofBy("x", k)}, Level1},
		"one class twice":  {[]factor.Proof{proofBy("x", p), proofBy("y", p)}, Level1},
		"two":              {[]factor.Proof{proofBy("x", k), proofBy("y", p)}, Level2},
		"two by one":       {[]factor.Proof{proofBy("x", p, i)}, Level2},
		"three are no 3rd": {[]factor.Proof{proofBy("x", p, i), proofBy("y", k)}, Level2},
	}
	for name, tc := range tests {
		if got := LevelOf(tc.proofs); got != tc.want {
			t.Errorf("%s: level = %d, want %d", name, got, tc.want)
		}
	}
}

func TestMayEnroll(t *testing.T) {
	t.Parallel()
	all, some := policyOf(Policy{}), policyOf(Policy{Enroll: []factor.Kind{"app", "password", "gone"}})
	tests := []struct {
		kind      factor.Kind
		all, some bool
	}{
		{"key", true, false}, {"app", true, true}, {"paper", false, false}, {"password", false, false}, {"gone", false, false},
	}
	for _, tc := range tests {
		if got := all.MayEnroll(tc.kind); got != tc.all {
			t.Errorf("any kind: MayEnroll(%s) = %v", tc.kind, got)
		}
		if got := some.MayEnroll(tc.kind); got != tc.some {
			t.Errorf("some kinds: MayEnroll(%s) = %v", tc.kind, got)
		}
	}
}
