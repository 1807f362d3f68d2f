package sentcode

import (
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

func TestResendIsTheSameCode(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		first := p.ask()
		code := sent(first)
		if code == "" || first.ExpiresAt != noon.Add(10*time.Minute) || first.ResendAfter != 30*time.Second || first.Digits != 6 {
			t.Fatalf("first: code %q, %+v", code, first)
		}
		if !first.Message.Once {
			t.Error("the message may be sent twice after an unclear answer")
		}
		p.wait(29*time.Second + 1)
		if c := p.ask(); c.Message != nil || c.ResendAfter != time.Second || c.ExpiresAt != first.ExpiresAt || c.SentTo != first.SentTo {
			t.Errorf("asked too early: %+v", c)
		}
		p.wait(time.Second - 1)
		if c := p.ask(); sent(c) != code || c.ExpiresAt != first.ExpiresAt || c.ResendAfter != 30*time.Second {
			t.Errorf("asked again: %+v", c)
		}
		p.wait(29 * time.Second)
		if c := p.ask(); c.Message != nil || c.ResendAfter != time.Second {
			t.Errorf("the wait does not count from the last sending: %+v", c)
		}
		p.wait(7*time.Minute + time.Second) // exactly two minutes are left
		if c := p.ask(); sent(c) != code {
			t.Errorf("with two minutes left the code is %q, was %q", sent(c), code)
		}
		if _, reason := p.answer(code); reason != "" {
			t.Errorf("the code is %s", reason)
		}
	})
}

func TestWithUnderTwoMinutesLeftItIsANewCode(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		old := sent(p.ask())
		for range 4 {
			if _, reason := p.answer(other(old)); reason != factor.Wrong {
				t.Fatal(reason)
			}
		}
		p.wait(8*time.Minute + 1)
		c := p.ask()
		code := sent(c)
		if code == old || c.ExpiresAt != p.call.Now.Add(10*time.Minute) {
			t.Fatalf("%q after %q, %+v", code, old, c)
		}
		if _, reason := p.answer(old); reason != factor.Wrong {
			t.Errorf("the old code: %q", reason)
		}
		if _, reason := p.answer(code); reason != factor.Expired {
			t.Errorf("the new code gave tries back: %q", reason)
		}
	})
}

// A code that lives for less than four minutes is sent again, too.
func TestShortLives(t *testing.T) {
	eachKind(t, Options{Lifetime: time.Minute}, func(t *testing.T, p *person) {
		code := sent(p.ask())
		p.wait(30 * time.Second)
		if again := sent(p.ask()); again != code {
			t.Errorf("after half its life %q became %q", code, again)
		}
		p.wait(30*time.Second - 1)
		if _, reason := p.answer(code); reason != "" {
			t.Errorf("within its life: %s", reason)
		}
	})
}

func TestTriesAreUsedUp(t *testing.T) {
	eachKind(t, Options{Tries: 3}, func(t *testing.T, p *person) {
		first := p.ask()
		for range 3 {
			if _, reason := p.answer("000 000 0"); reason != factor.Wrong {
				t.Fatalf("a wrong code: %q", reason)
			}
		}
		for _, code := range []string{sent(first), other(sent(first))} {
			if v, reason := p.answer(code); reason != factor.Expired || v.Authenticator != "" {
				t.Errorf("%s after the last try: %q", code, reason)
			}
		}
		p.wait(time.Minute)
		for _, id := range []string{"", "held-0", "held-1"} {
			p.call.Chosen = id
			if c := p.ask(); c.Message != nil || c.ResendAfter != 9*time.Minute || c.ExpiresAt != first.ExpiresAt {
				t.Errorf("asked for %q again: %+v", id, c)
			}
		}
		p.wait(9 * time.Minute)
		p.call.Chosen = ""
		if _, reason := p.answer(sent(p.ask())); reason != "" {
			t.Errorf("when the dead code's time is over: %s", reason)
		}
	})
}

func TestOtherWayKeepsTheTries(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		p.call.Chosen = "held-0"
		first := sent(p.ask())
		for range 4 {
			p.answer(other(first))
		}
		p.call.Chosen = "held-1"
		c := p.ask()
		if c.Message == nil || c.Message.To != address[p.f.kind][1] || sent(c) == first {
			t.Fatalf("the other way: %+v", c)
		}
		if _, reason := p.answer(first); reason != factor.Wrong {
			t.Errorf("the first way's code: %q", reason)
		}
		if _, reason := p.answer(sent(c)); reason != factor.Expired {
			t.Errorf("another way gave tries back: %q", reason)
		}
	})
}

func TestWhoIsAsked(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		to := address[p.f.kind]
		if c := p.ask(); c.Message.To != to[0] {
			t.Errorf("none preferred: %s", c.Message.To)
		}
		p.call.Held[1].Preferred = true
		p.pending = nil
		if c := p.ask(); c.Message.To != to[1] || c.SentTo != p.call.Held[1].Hint {
			t.Errorf("the second preferred: %s", c.Message.To)
		}
		p.call.Chosen = "held-0"
		p.pending = nil
		if c := p.ask(); c.Message.To != to[0] {
			t.Errorf("the first chosen: %s", c.Message.To)
		}
		p.call.Chosen = "of-another"
		if _, _, err := p.f.Challenge(t.Context(), p.call, nil); p.reason(err) != factor.Wrong {
			t.Errorf("another's chosen: %v", err)
		}
	})
}

// What the engine would never hand in counts for nothing.
func TestChallengeOfAnother(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		code := sent(p.ask())
		for name, change := range map[string]func(*factor.Call){
			"another user":    func(c *factor.Call) { c.User.ID = "user-2" },
			"another purpose": func(c *factor.Call) { c.Purpose = factor.ForFreshProof },
			"over":            func(c *factor.Call) { c.Now = c.Now.Add(10 * time.Minute) },
		} {
			q := *p
			change(&q.call)
			if c := q.ask(); sent(c) == code || c.Message == nil {
				t.Errorf("%s: the challenge went on", name)
			}
		}
		// One that cannot be read is replaced.
		p.pending = factor.State("{")
		anew := p.ask()
		if anew.Message == nil {
			t.Fatal("one that cannot be read stays")
		}
		// After a right code the next challenge is another one.
		p.answer(sent(anew))
		p.wait(time.Second)
		if c := p.ask(); c.Message == nil {
			t.Error("a used challenge went on")
		}
	})
}

func TestNoWait(t *testing.T) {
	none := time.Duration(0)
	eachKind(t, Options{ResendAfter: &none}, func(t *testing.T, p *person) {
		code := sent(p.ask())
		if again := p.ask(); sent(again) != code || again.ResendAfter != 0 {
			t.Errorf("%+v", again)
		}
	})
}

// A clock that went back does not make anybody wait for longer.
func TestClockWentBack(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		p.ask()
		p.wait(-time.Hour)
		if c := p.ask(); c.ResendAfter != 30*time.Second {
			t.Errorf("wait %s", c.ResendAfter)
		}
	})
}

func TestUnusableOptionsLetNobodyIn(t *testing.T) {
	t.Parallel()
	negative := -time.Second
	for name, f := range map[string]*Factor{
		"digits, few":  NewEmail(Options{Digits: 5}),
		"digits, many": NewEmail(Options{Digits: 9}),
		"lifetime":     NewEmail(Options{Lifetime: 2 * time.Hour}),
		"resend_after": NewEmail(Options{ResendAfter: &negative}),
		"tries":        NewEmail(Options{Tries: -1}),
		"host":         NewEmail(Options{Host: "two words"}),
		"no parser":    NewSMS(Options{}),
	} {
		if f.Check() == nil {
			t.Errorf("%s: no fault", name)
		}
		ctx, c := t.Context(), factor.Call{Now: noon, Rand: nil}
		if _, _, err := f.BeginEnrollment(ctx, c, factor.Response{Email: "a@example.com", Phone: "+4915123456712"}); err != f.err {
			t.Errorf("%s: BeginEnrollment: %v", name, err)
		}
		if _, err := f.FinishEnrollment(ctx, c, factor.State("{}"), factor.Response{}); err != f.err {
			t.Errorf("%s: FinishEnrollment: %v", name, err)
		}
		if _, _, err := f.Challenge(ctx, c, nil); err != f.err {
			t.Errorf("%s: Challenge: %v", name, err)
		}
		if _, err := f.Verify(ctx, c, factor.State("{}"), factor.Response{}); err != f.err {
			t.Errorf("%s: Verify: %v", name, err)
		}
		if _, err := f.ReadBack(factor.Response{Phone: "+4915123456712"}, "en"); err != f.err {
			t.Errorf("%s: ReadBack: %v", name, err)
		}
	}
	for _, f := range both(Options{Digits: 8, Lifetime: time.Hour, Tries: 1, Host: "localhost:8080"}) {
		if err := f.Check(); err != nil {
			t.Error(err)
		}
	}
}
