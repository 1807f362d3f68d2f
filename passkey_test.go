package nightlatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/webauthn"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// keyed is a world with security keys and passkeys, and ann and bob in it.
func keyed(t *testing.T, options ...func(*nightlatch.Config)) *world {
	t.Helper()
	keys, err := webauthn.New(webauthn.Options{RPID: "example.com", Origins: []string{"https://example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, append([]func(*nightlatch.Config){withFactors(keys)}, options...)...)
	w.add("ann")
	w.add("bob")
	return w
}

// addKey enrolls a key, or a passkey, in the session of a token and returns the token that follows.
func (w *world) addKey(tok string, k *softkey.Key, passkey bool) (id, next string) {
	w.Helper()
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: webauthn.Kind, Response: factor.Response{Passkey: passkey}})
	credential, err := k.Create(e.Prompt.(factor.PublicKey).Options)
	if err != nil {
		w.Fatal(err)
	}
	done, err := w.FinishEnrollment(w.Context(), tok, e.ID, "", factor.Response{Credential: credential}, client)
	if err != nil {
		w.Fatal(err)
	}
	return done.Authenticator.ID, done.Next.Token
}

// passkeyOf is a new key with a passkey of a person who holds nothing else.
func (w *world) passkeyOf(user string) (k *softkey.Key, id, tok string) {
	w.Helper()
	k = softkey.New(sharedRandom)
	id, tok = w.addKey(w.withPassword(user), k, true)
	return k, id, tok
}

// nameless begins a sign-in without a name.
func (w *world) nameless() (options json.RawMessage, tok string) {
	w.Helper()
	ch, tok, err := w.BeginPasskey(w.Context(), webauthn.Kind, client)
	if err != nil {
		w.Fatal(err)
	}
	return ch.Prompt.(factor.PublicKey).Options, tok
}

// touch answers options with a key.
func (w *world) touch(k *softkey.Key, options json.RawMessage) json.RawMessage {
	w.Helper()
	credential, err := k.Get(options)
	if err != nil {
		w.Fatal(err)
	}
	return credential
}

// provePasskey answers a challenge of nameless.
func (w *world) provePasskey(tok string, credential json.RawMessage) (nightlatch.Next, error) {
	return w.ProvePasskey(w.Context(), tok, factor.Response{Kind: webauthn.Kind, Credential: credential}, nightlatch.Start{Client: client})
}

// readOnly is a Store that counts what is written.
type readOnly struct {
	nightlatch.Store
	writes int
}

func (s *readOnly) Tx(ctx context.Context, f func(context.Context, nightlatch.Tx) error) error {
	s.writes++
	return s.Store.Tx(ctx, f)
}

// A passkey that verifies its user is the whole sign-in. Asking costs the store nothing.
func TestPasskeySignIn(t *testing.T) {
	t.Parallel()
	store := &readOnly{}
	w := keyed(t, required, func(c *nightlatch.Config) {
		c.Policy.Grace = time.Hour
		store.Store, c.Store = c.Store, store
	})
	k, id, _ := w.passkeyOf("ann")
	before := store.writes
	options, tok := w.nameless()
	if strings.Contains(string(options), "allowCredentials") || strings.Contains(tok, "ann") {
		t.Errorf("options = %s", options)
	}
	if store.writes != before {
		t.Error("who only asks writes to the store")
	}
	at := len(w.events("ann", 0))
	next := w.must(w.provePasskey(tok, w.touch(k, options)))
	if next.Step != nightlatch.StepDone || next.Session.Level != nightlatch.Level2 || next.User != "ann" {
		t.Fatalf("next = %+v", next)
	}
	p := next.Session.Proofs
	if len(p) != 1 || p[0].Kind != webauthn.Kind || p[0].Authenticator != id || len(p[0].Classes) != 2 {
		t.Errorf("proofs = %+v", p)
	}
	if got := w.events("ann", at); len(got) != 2 || got[1] != nightlatch.EventSignedIn {
		t.Errorf("events = %v", got)
	}
	w.want(w.Fresh(t.Context(), next.Token), nil)
	w.verifyTrail("ann")
}

// One challenge is answered once, in one process or in many, and whichever passkey answers.
func TestPasskeyChallengeOnce(t *testing.T) {
	t.Parallel()
	w := keyed(t, func(c *nightlatch.Config) { c.Store = twice{c.Store} })
	anns, _, _ := w.passkeyOf("ann")
	bobs, _, _ := w.passkeyOf("bob")
	options, tok := w.nameless()
	credential := w.touch(anns, options)
	w.must(w.provePasskey(tok, credential))
	_, err := w.provePasskey(tok, credential)
	w.refused(err, factor.Used)
	_, err = w.provePasskey(tok, w.touch(anns, options)) // another assertion
	w.refused(err, factor.Used)
	_, err = w.provePasskey(tok, w.touch(bobs, options)) // another passkey
	w.refused(err, factor.Used)

	options, tok = w.nameless()
	credential, other := w.touch(anns, options), w.touch(bobs, options)
	services := []*nightlatch.Service{w.Service, w.another()}
	got := saidOf(inParallel(20, func(i int) error {
		c := credential
		if i%4 == 3 {
			c = other
		}
		r := factor.Response{Kind: webauthn.Kind, Credential: c}
		_, err := services[i%2].ProvePasskey(t.Context(), tok, r, nightlatch.Start{Client: client})
		return err
	}))
	if got["right"] != 1 || got["used"] != 19 {
		t.Errorf("outcomes = %v", got)
	}
	w.clock.pass(time.Hour)
	must(w.Expire(t.Context(), 100))
	_, err = w.provePasskey(tok, credential)
	w.refused(err, factor.Expired)
}

// Whatever is wrong with an answer, it is refused alike, and writes nothing.
func TestPasskeyRefused(t *testing.T) {
	t.Parallel()
	store := &readOnly{}
	w := keyed(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
	anns, _, _ := w.passkeyOf("ann")
	bobs, _, _ := w.passkeyOf("bob")
	second := softkey.New(sharedRandom)
	w.add("carl")
	w.addKey(w.withPassword("carl"), second, false)
	stranger := softkey.New(sharedRandom) // its credential is known here to nobody
	w.add("dora")
	_, err := stranger.Create(w.begin(w.withPassword("dora"), nightlatch.NewEnrollment{
		Kind: webauthn.Kind, Response: factor.Response{Passkey: true},
	}).Prompt.(factor.PublicKey).Options)
	w.want(err, nil)
	_, elsewhere, err := w.another().BeginPasskey(t.Context(), webauthn.Kind, client)
	w.want(err, nil)

	forged := func(k *softkey.Key, f softkey.Forge) func(json.RawMessage) json.RawMessage {
		return func(options json.RawMessage) json.RawMessage {
			k.Forge = f
			defer func() { k.Forge = softkey.Forge{} }()
			return w.touch(k, options)
		}
	}
	honest := func(k *softkey.Key) func(json.RawMessage) json.RawMessage { return forged(k, softkey.Forge{}) }
	handle := bobs.Credentials[0].UserHandle
	tests := map[string]struct {
		answer func(options json.RawMessage) json.RawMessage
		token  func(tok string) string
	}{
		"an unknown key":             {answer: honest(stranger)},
		"no user verification":       {answer: forged(anns, softkey.Forge{AuthData: func(a *softkey.AuthData) { a.Flags &^= softkey.FlagUV }})},
		"nobody present":             {answer: forged(anns, softkey.Forge{AuthData: func(a *softkey.AuthData) { a.Flags &^= softkey.FlagUP }})},
		"another's user handle":      {answer: forged(anns, softkey.Forge{Response: func(r *softkey.Response) { r.Assertion.UserHandle = handle }})},
		"no user handle":             {answer: forged(anns, softkey.Forge{Response: func(r *softkey.Response) { r.Assertion.UserHandle = nil }})},
		"another's credential":       {answer: forged(anns, softkey.Forge{Response: func(r *softkey.Response) { r.ID, r.RawID = bobs.Credentials[0].ID, bobs.Credentials[0].ID }})},
		"another site":               {answer: forged(anns, softkey.Forge{ClientData: func(c *softkey.ClientData) { c.Origin = "https://example.com.evil.test" }})},
		"a broken signature":         {answer: forged(anns, softkey.Forge{Response: func(r *softkey.Response) { r.Assertion.Signature[9] ^= 1 }})},
		"another challenge":          {answer: func(json.RawMessage) json.RawMessage { o, _ := w.nameless(); return w.touch(anns, o) }},
		"no JSON":                    {answer: func(json.RawMessage) json.RawMessage { return json.RawMessage(`{"id":7}`) }},
		"nothing":                    {answer: func(json.RawMessage) json.RawMessage { return nil }},
		"another challenge of ours":  {answer: honest(anns), token: func(string) string { return elsewhere }},
		"a token that was changed":   {answer: honest(anns), token: func(tok string) string { return tok[:40] + swapped(tok[40]) + tok[41:] }},
		"half a token":               {answer: honest(anns), token: func(tok string) string { return tok[:len(tok)/2] }},
		"no token":                   {answer: honest(anns), token: func(string) string { return "" }},
		"a sign-in's token":          {answer: honest(anns), token: func(string) string { return w.begun("bob") }},
		"a token with something odd": {answer: honest(anns), token: func(tok string) string { return tok + "!" }},
	}
	for name, tc := range tests {
		options, tok := w.nameless()
		if tc.token != nil {
			tok = tc.token(tok)
		}
		answer, writes := tc.answer(options), store.writes
		_, err := w.provePasskey(tok, answer)
		if r := new(factor.Refused); !errors.As(err, &r) || *r != (factor.Refused{Reason: factor.Wrong}) {
			t.Errorf("%s: %v, want wrong and no more", name, err)
		}
		if store.writes != writes {
			t.Errorf("%s: something was written", name)
		}
	}
	// A key that was enrolled as a second step is none, whatever it can do.
	options, tok := w.nameless()
	var challenge struct{ Challenge softkey.Bytes }
	w.want(json.Unmarshal(options, &challenge), nil)
	credential, err := second.Assert(second.Credentials[0], challenge.Challenge, true, "")
	w.want(err, nil)
	_, err = w.provePasskey(tok, credential)
	w.refused(err, factor.Wrong)

	// And what was right all the time is so still.
	options, tok = w.nameless()
	w.must(w.provePasskey(tok, w.touch(anns, options)))
}

func swapped(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

// What belongs to nobody any more opens nothing: a removed passkey, a disabled and a removed user, a late answer.
func TestPasskeyThatIsOver(t *testing.T) {
	t.Parallel()
	w := keyed(t)
	k, id, tok := w.passkeyOf("ann")
	bobs, _, _ := w.passkeyOf("bob")
	try := func(k *softkey.Key) error {
		options, tok := w.nameless()
		_, err := w.provePasskey(tok, w.touch(k, options))
		return err
	}
	w.people.put(nightlatch.User{ID: "bob", Name: "bob", Disabled: true})
	w.refused(try(bobs), factor.Wrong)
	w.people.remove("bob")
	w.refused(try(bobs), factor.Wrong)

	options, late := w.nameless()
	credential := w.touch(k, options)
	w.clock.pass(5 * time.Minute)
	_, err := w.provePasskey(late, credential)
	w.refused(err, factor.Expired)

	w.want(try(k), nil)
	w.want(w.RemoveAuthenticator(t.Context(), tok, id, client), nil)
	w.refused(try(k), factor.Wrong)
}

// A challenge serves one sign-in, one session and one purpose.
func TestKeyChallengeIsBound(t *testing.T) {
	t.Parallel()
	w := keyed(t)
	k, _, session := w.passkeyOf("ann")
	bobs, _, _ := w.passkeyOf("bob")
	ask := func(tok string) json.RawMessage {
		t.Helper()
		return must(w.ask(tok, webauthn.Kind, "")).Prompt.(factor.PublicKey).Options
	}
	prove := func(tok string, credential json.RawMessage) error {
		_, err := w.Verify(t.Context(), tok, factor.Response{Kind: webauthn.Kind, Credential: credential}, client)
		return err
	}
	one, two := w.begun("ann"), w.begun("ann")
	right := w.touch(k, ask(one))
	w.refused(prove(two, right), factor.Wrong) // nothing was asked there
	ask(two)
	w.refused(prove(two, right), factor.Wrong)
	w.refused(prove(session, right), factor.Wrong)
	fresh := w.touch(k, ask(session))
	w.refused(prove(one, fresh), factor.Wrong)
	options, tok := w.nameless()
	w.refused(prove(one, w.touch(k, options)), factor.Wrong)
	_, err := w.provePasskey(tok, right)
	w.refused(err, factor.Wrong)
	bob := w.begun("bob")
	ask(bob)
	w.refused(prove(bob, right), factor.Wrong)
	w.refused(prove(one, w.touch(bobs, ask(bob))), factor.Wrong)
	w.want(prove(one, right), nil)
	w.want(prove(session, fresh), nil)
}

// A key that somebody holds already is refused at once, to two at once too.
func TestOneCredentialOneAccount(t *testing.T) {
	t.Parallel()
	w := keyed(t)
	k := softkey.New(sharedRandom)
	w.addKey(w.withPassword("ann"), k, false)
	stolen := k.Credentials[0].ID
	liar := softkey.New(sharedRandom)
	liar.Forge.AuthData = func(a *softkey.AuthData) { a.CredentialID = stolen }
	liar.Forge.Response = func(r *softkey.Response) { r.ID, r.RawID = stolen, stolen }
	finish := func(user string, k *softkey.Key) error {
		tok := w.withPassword(user)
		e := w.begin(tok, nightlatch.NewEnrollment{Kind: webauthn.Kind})
		credential, err := k.Create(e.Prompt.(factor.PublicKey).Options)
		w.want(err, nil)
		_, err = w.FinishEnrollment(t.Context(), tok, e.ID, "", factor.Response{Credential: credential}, client)
		return err
	}
	err := finish("bob", liar)
	var invalid *nightlatch.InvalidError
	if !asInvalid(err, &invalid) || invalid.Problem != "taken" || !errors.Is(err, nightlatch.ErrConflict) {
		t.Errorf("err = %v", err)
	}
	if held := must(w.HoldingsOf(t.Context(), "bob")); len(held.Authenticators) != 0 {
		t.Errorf("bob holds %+v", held.Authenticators)
	}
	stolen = []byte("a credential that two people want")
	w.add("carl")
	users := []string{"bob", "carl"}
	twins := []*softkey.Key{softkey.New(sharedRandom), softkey.New(sharedRandom)}
	for _, k := range twins {
		k.Forge = liar.Forge
	}
	right := 0
	for _, err := range inParallel(2, func(i int) error { return finish(users[i], twins[i]) }) {
		if err == nil {
			right++
		} else if !errors.Is(err, nightlatch.ErrConflict) {
			t.Errorf("err = %v", err)
		}
	}
	if right != 1 {
		t.Errorf("%d got it", right)
	}
}

// No kind but one that finds its owner by itself begins without a name.
func TestOnlyFindersBeginWithoutAName(t *testing.T) {
	t.Parallel()
	w := keyed(t)
	for _, kind := range []factor.Kind{"knock", "password", "no such kind", ""} {
		if w.HasPasskeys(kind) {
			t.Errorf("%s has passkeys", kind)
		}
		_, _, err := w.BeginPasskey(t.Context(), kind, client)
		w.refused(err, factor.Wrong)
	}
	_, tok := w.nameless()
	if !w.HasPasskeys(webauthn.Kind) || !nightlatch.IsAnonymousChallenge(tok) || nightlatch.IsAnonymousChallenge(w.withPassword("ann")) {
		t.Error("tokens are mistaken for each other")
	}
}

// A store that fails lets nobody in and burns nothing: the same answer is right afterwards.
func TestPasskeyWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	store := &failing{}
	w := keyed(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
	k, _, _ := w.passkeyOf("ann")
	options, tok := w.nameless()
	credential := w.touch(k, options)
	for n := 1; ; n++ {
		store.failAt(n)
		next, err := w.provePasskey(tok, credential)
		if !store.hasFired() {
			w.must(next, err)
			break
		}
		w.want(err, nightlatch.ErrUnavailable)
		if next.Token != "" {
			t.Fatalf("call %d of the store failed, and somebody is in", n)
		}
	}
	_, err := w.provePasskey(tok, credential)
	w.refused(err, factor.Used)
}

// A session says whether its key is bound to one device, from the enrollment on and at each sign-in.
func TestSyncedPasskeyIsToldApart(t *testing.T) {
	t.Parallel()
	for _, synced := range []bool{false, true} {
		w := keyed(t)
		k := softkey.New(sharedRandom)
		k.BackupEligible, k.BackedUp = synced, synced
		_, tok := w.addKey(w.withPassword("ann"), k, true)
		says := func(tok string) bool {
			proofs := must(w.Session(t.Context(), tok)).Proofs
			return proofs[len(proofs)-1].Syncable
		}
		if got := says(tok); got != synced {
			t.Errorf("enrolled: %v, want %v", got, synced)
		}
		options, anonymous := w.nameless()
		next := must(w.provePasskey(anonymous, w.touch(k, options)))
		if got := says(next.Token); got != synced {
			t.Errorf("signed in: %v, want %v", got, synced)
		}
	}
}
