package forward

import (
	"crypto/ed25519"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// An application is told what holds now, however lately it was told something else of the same session.
func TestIdentityIsOfNow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	key := Key{ID: "1", Seed: make([]byte, ed25519.SeedSize)}
	s := NewSigner("https://id.example.com", []Key{key})
	tell := func(ses *nightlatch.Session, u *nightlatch.User, host string) http.Header {
		t.Helper()
		id, err := s.Identify(ses, u, host, now)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{"Remote-User": {"somebody", "else"}}
		id.Set(h)
		return h
	}
	want := func(what string, got http.Header, values ...string) {
		t.Helper()
		for i, name := range Names[:len(values)] {
			if diff := cmp.Diff([]string{values[i]}, got[name]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", what, name, diff)
			}
		}
		if len(got) != len(Names) || len(got["Remote-Assertion"]) != 1 {
			t.Errorf("%s: %v", what, got)
		}
	}
	const host = "wiki.example.com"
	ses := &nightlatch.Session{ID: "a", Level: 1, Proofs: []factor.Proof{{Kind: "password", At: now.Add(-time.Hour)}}}
	anna := &nightlatch.User{ID: "1", Name: "anna", Email: "anna@example.com", Groups: []string{"staff"}}
	first := tell(ses, anna, host)
	want("the first time", first, "anna", "", "staff", "anna", "1", "password")
	if diff := cmp.Diff(first, tell(ses, anna, host)); diff != "" {
		t.Error("another time:", diff)
	}
	same := func(what string, h http.Header, is bool) {
		t.Helper()
		if got := h.Get("Remote-Assertion") == first.Get("Remote-Assertion"); got != is {
			t.Errorf("%s: the same assertion: %v, want %v", what, got, is)
		}
	}
	same("another host", tell(ses, anna, "mail.example.com"), false)

	confirmed := *anna
	confirmed.EmailConfirmedAt = now
	h := tell(ses, &confirmed, host)
	want("a confirmed address", h, "anna", "anna@example.com", "staff", "anna", "1", "password")
	same("a confirmed address", h, true)
	want("what was known before", tell(ses, anna, host), "anna", "", "staff")

	moved := *anna
	moved.Groups = []string{"guests"}
	h = tell(ses, &moved, host)
	want("other groups", h, "anna", "", "guests")
	same("other groups", h, false)

	raised := *ses
	raised.Level, raised.Proofs = 2, append(raised.Proofs[:1:1], factor.Proof{Kind: "totp", At: now})
	h = tell(&raised, &moved, host)
	want("proven again", h, "anna", "", "guests", "anna", "2", "password,totp")
	same("proven again", h, false)
	other := raised
	other.Level = 1 // no session goes down, and one that did would not be told of as it was
	want("another record of it", tell(&other, &moved, host), "anna", "", "guests", "anna", "1")

	first = tell(&raised, &moved, host)
	now = now.Add(assertionServes - time.Second)
	same("within 30 s", tell(&raised, &moved, host), true)
	now = now.Add(time.Second)
	same("after 30 s", tell(&raised, &moved, host), false)
	now = now.Add(-time.Hour)
	same("the clock went back", tell(&raised, &moved, host), false)
	first = tell(&raised, &moved, host)
	s.Renew([]Key{key, {ID: "2", Seed: append(make([]byte, ed25519.SeedSize-1), 1)}})
	same("another key", tell(&raised, &moved, host), false)

	nobody := tell(nil, nil, host)
	want("nobody", nobody, "", "", "", "", "0", "", "")
}

// What is known already is told of without making anything.
func TestIdentityThatIsKnownAllocates(t *testing.T) { //nolint:paralleltest // others allocate
	s := NewSigner("https://id.example.com", []Key{{ID: "1", Seed: make([]byte, ed25519.SeedSize)}})
	ses, u, h, now := &nightlatch.Session{ID: "a"}, &nightlatch.User{Name: "anna", Groups: []string{"a", "b"}}, http.Header{}, time.Unix(1, 0)
	if n := testing.AllocsPerRun(100, func() {
		id, err := s.Identify(ses, u, "wiki.example.com", now)
		if err != nil {
			t.Fatal(err)
		}
		id.Set(h)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// What an application is told of how somebody was proven is no more than is known (RFC 8176 §2).
func TestMethodsAreHonest(t *testing.T) {
	t.Parallel()
	password := factor.Proof{Kind: "password"}
	key := factor.Proof{Kind: "webauthn"}
	synced := factor.Proof{Kind: "webauthn", Syncable: true}
	carried := factor.Proof{Kind: "totp", Device: "d"}
	tests := map[string]struct {
		level  nightlatch.Level
		proofs []factor.Proof
		want   []string
	}{
		"a password":                        {1, []factor.Proof{password}, []string{"pwd"}},
		"an app":                            {2, []factor.Proof{password, {Kind: "totp"}}, []string{"pwd", "otp", "mfa"}},
		"an SMS":                            {2, []factor.Proof{password, {Kind: "sms"}}, []string{"pwd", "sms", "mfa"}},
		"a key":                             {2, []factor.Proof{password, key}, []string{"pwd", "hwk", "mfa"}},
		"a passkey of one device":           {2, []factor.Proof{key}, []string{"hwk", "mfa"}},
		"a passkey that is synced":          {2, []factor.Proof{synced}, []string{"swk", "mfa"}},
		"both":                              {2, []factor.Proof{password, key, synced}, []string{"pwd", "hwk", "swk", "mfa"}},
		"a key that verified nobody, alone": {1, []factor.Proof{key}, []string{"hwk"}},
		"a remembered device":               {2, []factor.Proof{password, carried}, []string{"pwd", "otp"}},
		"a remembered device of a passkey":  {2, []factor.Proof{password, {Kind: "webauthn", Syncable: true, Device: "d"}}, []string{"pwd", "swk"}},
		"what an application proves itself": {1, []factor.Proof{{Kind: "badge"}}, []string{"badge"}},
	}
	for name, test := range tests {
		got := amr(&nightlatch.Session{Level: test.level, Proofs: test.proofs})
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
