package sentcode

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
)

func TestBeginRefuses(t *testing.T) {
	t.Parallel()
	fs := both(Options{})
	for name, tc := range map[string]struct {
		kind        factor.Kind
		to, problem string
	}{
		"no address":         {Email, "  ", "missing"},
		"no at":              {Email, "ada.example.com", "invalid"},
		"quoted":             {Email, `"x@y"@example.com`, "invalid"},
		"two":                {Email, "a@example.com, b@example.com", "invalid"},
		"with a name":        {Email, "Ada <ada@example.com>", "invalid"},
		"comment":            {Email, "ada(x)@example.com", "invalid"},
		"new line":           {Email, "ada@example.com\r\nBcc: b@example.com", "invalid"},
		"wide at":            {Email, "ada＠example.com", "invalid"},
		"wide bracket":       {Email, "ada＜@example.com", "invalid"},
		"unseen":             {Email, "a\u200bda@example.com", "invalid"},
		"no UTF-8":           {Email, "ada\xff@example.com", "invalid"},
		"long":               {Email, strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 100) + "example", "too_long"},
		"held":               {Email, "Ada@Example.COM", "taken"},
		"no number":          {SMS, "", "missing"},
		"not a number":       {SMS, "my phone", "invalid"},
		"long number":        {SMS, "+49" + strings.Repeat(" ", 80) + "15123456712", "invalid"},
		"number, not UTF-8":  {SMS, "+491512345671\xff", "invalid"},
		"held number":        {SMS, "+49 151 234567-12", "taken"},
		"national number":    {SMS, "015123456712", "invalid"},
		"a number too short": {SMS, "+49 1", "invalid"},
	} {
		f := fs[0]
		field := "email"
		if tc.kind == SMS {
			f, field = fs[1], "phone"
		}
		p := newPerson(t, f, address[tc.kind][0])
		p.call.Purpose = factor.ForEnrollment
		_, pending, err := f.BeginEnrollment(t.Context(), p.call, factor.Response{Email: tc.to, Phone: tc.to})
		var r *factor.Refused
		if !errors.As(err, &r) || r.Field != field || r.Problem != tc.problem || pending != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEnrollment(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		p.call.Purpose = factor.ForEnrollment
		r := factor.Response{Email: " New@example.com ", Phone: " +49 1512 3456799 "}
		kept := map[factor.Kind]string{Email: "New@example.com", SMS: "+4915123456799"}[p.f.kind]
		hint := map[factor.Kind]string{Email: "N•••@example.com", SMS: "•••• 99"}[p.f.kind]
		prompt, pending, err := p.f.BeginEnrollment(t.Context(), p.call, r)
		if err != nil {
			t.Fatal(err)
		}
		asked := prompt.(factor.Code)
		want := factor.Code{
			Digits: 6, SentTo: hint, ResendAfter: 30 * time.Second, ExpiresAt: noon.Add(10 * time.Minute), Message: asked.Message,
		}
		if diff := cmp.Diff(want, asked); diff != "" || asked.Message.To != kept || asked.Message.Kind != p.f.kind {
			t.Fatalf("prompt: %s, message to %q", diff, asked.Message.To)
		}
		code := sent(prompt)
		finish := func(code string) (factor.Enrolled, factor.Reason) {
			e, err := p.f.FinishEnrollment(t.Context(), p.call, pending, factor.Response{Code: code})
			return e, p.reason(err)
		}
		for range 4 {
			e, reason := finish(other(code))
			if reason != factor.Wrong || e.Pending == nil {
				t.Fatalf("a wrong code: %q", reason)
			}
			pending = e.Pending
		}
		e, reason := finish(code)
		if reason != "" || e.Hint != hint || e.Label != "" || e.Lookup != "" {
			t.Fatalf("%q, %+v", reason, e)
		}
		if s, err := p.f.decodeState(e.State); err != nil || s.To != kept {
			t.Errorf("state %+v, %v", s, err)
		}
		held := p.call.Held
		p.call.Held = append(p.call.Held[:2:2], factor.Held{ID: "new", State: e.State})
		if _, err := p.f.FinishEnrollment(t.Context(), p.call, pending, factor.Response{Code: code}); err == nil {
			t.Error("what was enrolled meanwhile is enrolled twice")
		}
		p.call.Held = held
		p.call.User.ID = "user-2"
		if _, reason := finish(code); reason != factor.Wrong {
			t.Errorf("another user: %q", reason)
		}
		p.call.User.ID = "user-1"
		last, _ := finish(other(code))
		pending = last.Pending
		if _, reason := finish(code); reason != factor.Expired {
			t.Errorf("after the last try: %q", reason)
		}
	})
}

// The code of an enrollment is sent again as that of a challenge is.
func TestEnrollmentIsSentAgain(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, p *person) {
		p.call.Purpose = factor.ForEnrollment
		prompt, pending, err := p.f.BeginEnrollment(t.Context(), p.call, factor.Response{Email: "new@example.com", Phone: "+4915123456799"})
		if err != nil {
			t.Fatal(err)
		}
		p.pending = pending
		p.wait(30 * time.Second)
		if c := p.ask(); sent(c) != sent(prompt) || c.Message.To != prompt.(factor.Code).Message.To {
			t.Errorf("%+v", c)
		}
		if _, err := p.f.FinishEnrollment(t.Context(), p.call, p.pending, factor.Response{Code: sent(prompt)}); err != nil {
			t.Error(err)
		}
		if _, _, err := p.f.Challenge(t.Context(), p.call, nil); p.reason(err) != factor.Wrong {
			t.Errorf("none begun: %v", err)
		}
	})
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	fs := both(Options{})
	if got, err := fs[1].ReadBack(factor.Response{Phone: "+49 1512 3456712"}, "de"); err != nil || got != "de +4915123456712" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := fs[0].ReadBack(factor.Response{Email: " ada@example.com"}, "de"); err != nil || got != "ada@example.com" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := fs[1].ReadBack(factor.Response{Phone: "?"}, "de"); !errors.Is(err, factor.ErrRefused) {
		t.Error(err)
	}
	bad := NewSMS(Options{ParsePhone: func(string, string) (string, string, error) { return "0151", "", nil }})
	if _, err := bad.NewState("0151"); err == nil || errors.Is(err, factor.ErrRefused) {
		t.Errorf("a parser that returns no E.164: %v", err)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"ada@example.com": "a•••@example.com", "é@example.com": "é•••@example.com", "a@b": "a•••@b",
	} {
		if got := mask(Email, to); got != want {
			t.Errorf("%s: %s", to, got)
		}
	}
	if got := mask(SMS, "+4915123456712"); got != "•••• 12" {
		t.Error(got)
	}
}
