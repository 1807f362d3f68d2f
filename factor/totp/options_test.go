package totp

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
)

func TestScan(t *testing.T) {
	t.Parallel()
	held := []factor.Held{{ID: "a", State: stateFor(t, uri(nil), nil)}}
	for name, c := range map[string]struct {
		options Options
		kind    factor.Kind
		change  func(*factor.Call)
		want    factor.Scan
		secret  int
	}{
		"default": {Options{}, ByTime, nil, factor.Scan{Issuer: "Example", Account: "anna@example.com", Algorithm: "SHA1", Digits: 6, Period: 30}, 20},
		"shaped": {
			Options{Issuer: "Bank", Algorithm: SHA256, Digits: 8, Period: 60},
			ByTime, nil,
			factor.Scan{Issuer: "Bank", Account: "anna@example.com", Algorithm: "SHA256", Digits: 8, Period: 60},
			32,
		},
		"long":    {Options{Algorithm: SHA512}, ByTime, nil, factor.Scan{Issuer: "Example", Account: "anna@example.com", Algorithm: "SHA512", Digits: 6, Period: 30}, 64},
		"counter": {Options{}, ByCounter, nil, factor.Scan{Issuer: "Example", Account: "anna@example.com", Algorithm: "SHA1", Digits: 6}, 20},
		"name only": {
			Options{},
			ByTime, func(c *factor.Call) { c.User.Email = "" },
			factor.Scan{Issuer: "Example", Account: "anna@login.example.com", Algorithm: "SHA1", Digits: 6, Period: 30},
			20,
		},
		"second": {
			Options{},
			ByTime, func(c *factor.Call) { c.Held = held },
			factor.Scan{Issuer: "Example", Account: "anna@example.com (2)", Algorithm: "SHA1", Digits: 6, Period: 30},
			20,
		},
		"hostile": {
			Options{},
			ByTime, func(c *factor.Call) { c.Issuer, c.User.Email = "A: B\x00", "a:b?\xff&#\n@x" },
			factor.Scan{Issuer: "A- B", Account: "a-b?\uFFFD&#@x", Algorithm: "SHA1", Digits: 6, Period: 30},
			20,
		},
		"nobody": {
			Options{},
			ByTime, func(c *factor.Call) { c.Issuer, c.User, c.Origin = "", factor.User{}, "\x00" },
			factor.Scan{Account: "account", Algorithm: "SHA1", Digits: 6, Period: 30},
			20,
		},
	} {
		f := New(c.options)
		if c.kind == ByCounter {
			f = NewCounter(c.options)
		}
		in := call(testNow)
		if c.change != nil {
			c.change(&in)
		}
		prompt, _, err := f.BeginEnrollment(t.Context(), in, factor.Response{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := prompt.(factor.Scan)
		u, err := ParseURI(got.URI)
		if err != nil || len(u.Secret) != c.secret || u.Secret.Base32() != got.Secret || u.Kind != c.kind ||
			u.Issuer != got.Issuer || u.Account != got.Account || u.Digits != got.Digits || string(u.Algorithm) != got.Algorithm {
			t.Errorf("%s: the URI %s does not say what the prompt says: %v", name, got.URI, err)
		}
		got.Secret, got.URI = "", ""
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// Apps overwrite what has the same name, so a name that is free again is free only if nobody has it.
func TestAccountsAreDistinct(t *testing.T) {
	t.Parallel()
	named := func(account string) factor.Held {
		return factor.Held{ID: account, State: stateFor(t, uri(func(u *URI) { u.Account = account }), nil)}
	}
	got, err := newAccount(call(testNow, named("anna@example.com (2)"), named("anna@example.com (3)")))
	if got != "anna@example.com (4)" || err != nil {
		t.Errorf("newAccount = %q, %v", got, err)
	}
}

func TestOptionsCheck(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{}, {Period: 1}, {Period: 120, Digits: 8, Window: new(2)}, {Window: new(0)}} {
		if err := o.Check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for want, o := range map[string]Options{
		"issuer: has a colon": {Issuer: "a:b"}, "algorithm:": {Algorithm: "MD5"}, "digits: 5": {Digits: 5},
		"digits: 9 digits are refused on purpose": {Digits: 9}, "period: 121": {Period: 121}, "period: -1": {Period: -1},
		"window: 3": {Window: new(3)}, "window: -1": {Window: new(-1)},
	} {
		if err := o.Check(); err == nil || !strings.HasPrefix(err.Error(), "totp: "+want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
		failsAlways(t, New(o))
	}
	failsAlways(t, NewCounter(Options{Window: new(101)}))
}

// failsAlways: a factor that is set up wrongly is a fault of ours, and lets nobody in.
func failsAlways(t *testing.T, f factor.Factor) {
	t.Helper()
	ctx, c, r := context.Background(), call(testNow), factor.Response{Code: "123456"}
	_, _, err1 := f.BeginEnrollment(ctx, c, r)
	_, err2 := f.FinishEnrollment(ctx, c, nil, r)
	_, _, err3 := f.Challenge(ctx, c, nil)
	_, err4 := f.Verify(ctx, c, nil, r)
	for i, err := range []error{err1, err2, err3, err4} {
		if err == nil || errors.Is(err, factor.ErrRefused) {
			t.Errorf("method %d of a factor set up wrongly: %v", i, err)
		}
	}
}

func TestWindowIsCopied(t *testing.T) {
	t.Parallel()
	window := 0
	f := New(Options{Window: &window})
	window = 2
	held := factor.Held{ID: "a", State: stateFor(t, uri(nil), nil)}
	r := factor.Response{Code: code(t, Generator{Secret: testSecret}, testNow, 1)}
	if _, err := f.Verify(t.Context(), call(testNow, held), nil, r); refused(err).Reason != factor.Clock {
		t.Errorf("one step ahead with window 0: %v", err)
	}
}
