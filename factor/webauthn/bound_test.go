package webauthn

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// What a challenge and an enrollment are bound to.

func TestSameAssertionTwice(t *testing.T) {
	t.Parallel()
	for _, step := range []uint32{0, 1} {
		s := newSite(t, nil)
		s.key.Step = step
		s.enroll(false)
		prompt, state := s.challenge()
		right := s.get(s.key, prompt)
		v, err := s.verify(state, right)
		if err != nil {
			t.Fatal(err)
		}
		s.keep(v)
		v, err = s.verify(state, right)
		refused(t, v, err, factor.Used)
		v, err = s.verify(state, s.get(s.key, prompt)) // nor may the key answer the challenge anew
		refused(t, v, err, factor.Used)
	}
}

func TestChallengeIsBound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*site)
		want   factor.Reason
	}{
		"another user":    {func(s *site) { s.call.User.ID = "u2" }, factor.Wrong},
		"nobody":          {func(s *site) { s.call.User = factor.User{} }, factor.Wrong},
		"another purpose": {func(s *site) { s.call.Purpose = factor.ForFreshProof }, factor.Wrong},
		"too late":        {func(s *site) { s.call.Now = noon.Add(5 * time.Minute) }, factor.Expired},
		"much too late":   {func(s *site) { s.call.Now = noon.Add(1000 * time.Hour) }, factor.Expired},
		"nothing held":    {func(s *site) { s.call.Held = nil }, factor.Wrong},
		"another chosen":  {func(s *site) { s.call.Chosen = "a2" }, factor.Wrong},
		"other RP ID": {func(s *site) {
			s.f = newFactor(s.t, Options{RPID: "www.example.com", Origins: []string{"https://www.example.com"}})
		}, factor.Wrong},
		"other origins": {func(s *site) {
			s.f = newFactor(s.t, Options{RPID: "example.com", Origins: []string{"https://www.example.com"}})
		}, factor.Wrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.enroll(false)
			prompt, state := s.challenge()
			right := s.get(s.key, prompt)
			tc.change(s)
			v, err := s.verify(state, right)
			refused(t, v, err, tc.want)
		})
	}
	s := newSite(t, nil)
	s.enroll(false)
	prompt, state := s.challenge()
	v, err := s.verify(nil, s.get(s.key, prompt))
	refused(t, v, err, factor.Wrong)
	s.call.Now = prompt.ExpiresAt.Add(-time.Millisecond)
	if _, err := s.verify(state, s.get(s.key, prompt)); err != nil {
		t.Errorf("just in time: %v: %v", err, s.why)
	}
}

func TestEnrollmentAnswersNoChallenge(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	prompt, state := s.begin(false)
	s.call.Purpose = factor.ForEnrollment // even so
	credential, err := s.key.Assert(s.key.Credentials[0], challengeOf(t, prompt), true, "")
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.verify(state, response(credential))
	refused(t, v, err, factor.Wrong)
	_, state = s.challenge()
	_, err = s.f.FinishEnrollment(t.Context(), s.call, state, response(credential))
	wantRefusal(t, err, factor.Wrong)

	// Nor does a passkey, whose enrollment asks for all that its sign-in asks for.
	s = newSite(t, nil)
	s.enroll(true)
	prompt, state = s.begin(true)
	s.call.Purpose = factor.ForEnrollment
	if credential, err = s.key.Assert(s.key.Credentials[0], challengeOf(t, prompt), true, ""); err != nil {
		t.Fatal(err)
	}
	v, err = s.verify(state, response(credential))
	refused(t, v, err, factor.Wrong)
}

func TestPendingChallengeIsShownAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	second, err := s.tryEnroll(softkey.New(seeded(3)), false)
	if err != nil {
		t.Fatal(err)
	}
	prompt, state := s.challenge()
	again := func(change func(*factor.Call)) bool {
		c := s.call
		change(&c)
		got, gotState, err := s.f.Challenge(t.Context(), c, state)
		if err != nil {
			t.Fatal(err)
		}
		same := cmp.Equal(got, factor.Prompt(prompt))
		if same != bytes.Equal(gotState, state) {
			t.Error("prompt and state are not of one challenge")
		}
		return same
	}
	if !again(func(c *factor.Call) { c.Now = noon.Add(4 * time.Minute) }) {
		t.Error("a live challenge was replaced")
	}
	for name, change := range map[string]func(*factor.Call){
		"expired":         func(c *factor.Call) { c.Now = noon.Add(5 * time.Minute) },
		"another purpose": func(c *factor.Call) { c.Purpose = factor.ForFreshProof },
		"another user":    func(c *factor.Call) { c.User.ID = "u2" },
		"nobody":          func(c *factor.Call) { c.User.ID = "" },
		"one more key": func(c *factor.Call) {
			c.Held = append(slices.Clone(c.Held), factor.Held{ID: "a2", State: second.State})
		},
	} {
		if again(change) {
			t.Errorf("%s: the challenge was shown again", name)
		}
	}
	for name, o := range map[string]Options{
		"user verification": {RPID: "example.com", Origins: []string{origin}, UserVerification: "required"},
		"origins":           {RPID: "example.com", Origins: []string{origin, "https://www.example.com"}},
	} {
		s.f = newFactor(t, o)
		if again(func(*factor.Call) {}) {
			t.Errorf("other %s: the challenge was shown again", name)
		}
	}
}

func TestEnrollmentIsBound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*site, *factor.Call)
		want   factor.Reason
	}{
		"another user":    {func(_ *site, c *factor.Call) { c.User.ID = "u2" }, factor.Wrong},
		"another handle":  {func(_ *site, c *factor.Call) { c.User.Handle = make([]byte, 64) }, factor.Wrong},
		"no handle":       {func(_ *site, c *factor.Call) { c.User.Handle = nil }, factor.Wrong},
		"another purpose": {func(_ *site, c *factor.Call) { c.Purpose = factor.ForSignIn }, factor.Wrong},
		"too late":        {func(_ *site, c *factor.Call) { c.Now = noon.Add(enrollmentLife) }, factor.Expired},
		"another origin": {func(s *site, _ *factor.Call) {
			s.f = newFactor(s.t, Options{RPID: "example.com", Origins: []string{origin, "https://login.example.com"}})
		}, factor.Wrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			prompt, state := s.begin(false)
			credential, err := s.key.Create(prompt.Options)
			if err != nil {
				t.Fatal(err)
			}
			c := s.enrollment()
			tc.change(s, &c)
			_, err = s.f.FinishEnrollment(t.Context(), c, state, response(credential))
			wantRefusal(t, err, tc.want)
		})
	}
}

func TestEnrollmentIsBoundToTheRPID(t *testing.T) {
	t.Parallel()
	login := []string{"https://login.example.com"}
	s := newSite(t, func(o *Options) { o.Origins = login })
	s.key.Origin = login[0]
	prompt, state := s.begin(false)
	credential, err := s.key.Create(prompt.Options)
	if err != nil {
		t.Fatal(err)
	}
	s.f = newFactor(t, Options{RPID: "login.example.com", Origins: login})
	_, err = s.f.FinishEnrollment(t.Context(), s.enrollment(), state, response(credential))
	wantRefusal(t, err, factor.Wrong)
}

func TestEnrollmentNeedsAHandle(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, n := range []int{0, 65} {
		c := s.enrollment()
		c.User.Handle = make([]byte, n)
		if _, _, err := s.f.BeginEnrollment(t.Context(), c, factor.Response{}); err == nil || errors.Is(err, factor.ErrRefused) {
			t.Errorf("a handle of %d bytes: %v, want a fault", n, err)
		}
	}
}

func TestEnrollmentIsGoodUntilItExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	prompt, state := s.begin(false)
	credential, err := s.key.Create(prompt.Options)
	if err != nil {
		t.Fatal(err)
	}
	c := s.enrollment()
	c.Now = prompt.ExpiresAt.Add(-time.Millisecond)
	if _, err := s.f.FinishEnrollment(t.Context(), c, state, response(credential)); err != nil {
		t.Errorf("%v: %v", err, s.why)
	}
}
