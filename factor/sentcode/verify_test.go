package sentcode

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

func TestSpelling(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		typed string
		want  bool
	}{
		"as sent":      {"012345", true},
		"in groups":    {" 012 345 ", true},
		"dashes":       {"012-345", true},
		"full width":   {"０１２３４５", true},
		"no zero":      {"12345", false},
		"one more":     {"0123450", false},
		"too many":     {"012345012345", false},
		"other digits": {"٠١٢٣٤٥", false},
		"letter":       {"O12345", false},
		"sign":         {"+012345", false},
		"nothing":      {"", false},
		"long":         {strings.Repeat(" ", 60) + "012345", false},
	} {
		if got := read(tc.typed).fits("012345"); got != tc.want {
			t.Errorf("%s: %q fits = %v", name, tc.typed, got)
		}
	}
	if isCode("") || isCode("12345") || isCode("123 456") || isCode("123456789") || !isCode("12345678") {
		t.Error("isCode")
	}
}

func TestUsedOnce(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		code := sent(p.ask())
		v, reason := p.answer(code[:3] + " " + code[3:])
		if reason != "" || v.Authenticator != "held-0" {
			t.Fatalf("%q, %+v", reason, v)
		}
		if _, reason := p.answer(code); reason != factor.Used {
			t.Errorf("a second time: %q", reason)
		}
		if _, reason := p.answer(other(code)); reason != factor.Wrong {
			t.Errorf("another one: %q", reason)
		}
	})
}

func TestCodeIsBound(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		p.call.Chosen = "held-0"
		code := sent(p.ask())
		moved, err := p.f.NewState(address[p.f.kind][1])
		if err != nil {
			t.Fatal(err)
		}
		anew, err := p.f.enrolled(state{To: address[p.f.kind][0], Mark: []byte("another!")})
		if err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(*factor.Call){
			"user":             func(c *factor.Call) { c.User.ID = "user-2" },
			"purpose":          func(c *factor.Call) { c.Purpose = factor.ForFreshProof },
			"enrollment":       func(c *factor.Call) { c.Purpose = factor.ForEnrollment },
			"authenticator":    func(c *factor.Call) { c.Chosen = "held-1" },
			"not held":         func(c *factor.Call) { c.Held = c.Held[1:] },
			"destination":      func(c *factor.Call) { c.Held = []factor.Held{{ID: "held-0", State: moved.State}} },
			"enrolled anew":    func(c *factor.Call) { c.Held = []factor.Held{{ID: "held-0", State: anew.State}} },
			"too late, just":   func(c *factor.Call) { c.Now = noon.Add(10 * time.Minute) },
			"too late, by far": func(c *factor.Call) { c.Now = noon.Add(240 * time.Hour) },
		} {
			q := *p
			q.call.Held = append([]factor.Held(nil), p.call.Held...)
			change(&q.call)
			v, reason := q.answer(code)
			want := factor.Wrong
			if strings.HasPrefix(name, "too late") {
				want = factor.Expired
			}
			if reason != want || v.Pending != nil || v.Authenticator != "" {
				t.Errorf("another %s: %q, %+v", name, reason, v)
			}
		}
		p.call.Now = noon.Add(10*time.Minute - 1)
		if _, reason := p.answer(code); reason != "" {
			t.Errorf("as asked for, at the last moment: %s", reason)
		}
		p.pending = nil
		if _, reason := p.answer(code); reason != factor.Wrong {
			t.Errorf("without a challenge: %q", reason)
		}
	})
}

// A code of an authenticator's enrollment is none for signing in, even when the engine gave its state to Verify.
func TestEnrollmentIsNoProof(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		c := p.call
		c.Purpose, c.Held = factor.ForEnrollment, nil
		prompt, pending, err := p.f.BeginEnrollment(t.Context(), c, factor.Response{Email: "new@example.com", Phone: "+4915123456799"})
		if err != nil {
			t.Fatal(err)
		}
		p.pending = pending
		if _, reason := p.answer(sent(prompt)); reason != factor.Wrong {
			t.Errorf("reason %q", reason)
		}
		c.Purpose = factor.ForSignIn
		_, err = p.f.FinishEnrollment(t.Context(), c, pending, factor.Response{Code: sent(prompt)})
		if p.reason(err) != factor.Wrong {
			t.Errorf("finished within a sign-in's challenge: %v", err)
		}
		p.pending = nil
		code := sent(p.ask())
		p.call.Held = nil
		e, err := p.f.FinishEnrollment(t.Context(), p.call, p.pending, factor.Response{Code: code})
		if p.reason(err) != factor.Wrong || e.State != nil {
			t.Errorf("a challenge finished an enrollment: %v", err)
		}
	})
}

func TestOneFactorsStateIsNoneOfTheOther(t *testing.T) {
	t.Parallel()
	fs := both(Options{})
	p, q := newPerson(t, fs[0], address[Email]...), newPerson(t, fs[1], address[SMS]...)
	code := sent(p.ask())
	if _, err := q.f.Verify(t.Context(), q.call, p.pending, factor.Response{Code: code}); err == nil || errors.Is(err, factor.ErrRefused) {
		t.Error("an e-mail's challenge answered for SMS")
	}
	if _, err := q.f.decodeState(p.call.Held[0].State); err == nil {
		t.Error("an e-mail's state is read as a phone's")
	}
	for _, text := range []string{
		`{"v":2,"kind":"sms","to":"+49"}`, `{"v":1,"kind":"sms","to":""}`, `{"v":1,"kind":"sms","to":"+49","x":1}`,
		`{"v":1,"kind":"sms","to":"+49"} {}`,
	} {
		if _, err := q.f.decodeState(factor.State(text)); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}
