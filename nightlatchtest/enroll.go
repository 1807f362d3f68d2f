package nightlatchtest

import (
	"fmt"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/factor/webauthn"
)

// Client is where the kit's requests come from.
func Client() nightlatch.Client {
	return nightlatch.Client{Addr: "192.0.2.7", Agent: "nightlatchtest", Lang: "en"}
}

// EnrollPhone gives a user an authenticator app with a name, as the user would: after a sign-in. The test ends where
// that cannot be.
func (k *Kit) EnrollPhone(user, label string) *Phone {
	k.t.Helper()
	tok := k.SignIn(user).Token
	e, err := k.BeginEnrollment(k.t.Context(), tok, nightlatch.NewEnrollment{Kind: totp.ByTime, Label: label}, Client())
	if err != nil {
		k.t.Fatalf("begin the enrollment of an app for %s: %v", user, err)
	}
	p := NewPhone(k.t, k.Clock, e.Prompt.(factor.Scan).Secret)
	response := factor.Response{Kind: totp.ByTime, Code: p.Code()}
	done := k.finish(tok, e.ID, response)
	p.ID, p.Codes = done.Authenticator.ID, done.Codes
	k.remember(user, func(tok string) (nightlatch.Next, error) {
		return k.Verify(k.t.Context(), tok, factor.Response{Kind: totp.ByTime, Code: p.Next()}, Client())
	})
	return p
}

// EnrollKey gives a user a security key with a name, as the user would: after a sign-in. The test ends where that
// cannot be.
func (k *Kit) EnrollKey(user, label string) *Key {
	k.t.Helper()
	tok := k.SignIn(user).Token
	n := nightlatch.NewEnrollment{Kind: webauthn.Kind, Label: label, Response: factor.Response{Passkey: true}}
	e, err := k.BeginEnrollment(k.t.Context(), tok, n, Client())
	if err != nil {
		k.t.Fatalf("begin the enrollment of a key for %s: %v", user, err)
	}
	key := NewKey()
	credential, err := key.Create(e.Prompt.(factor.PublicKey).Options)
	if err != nil {
		k.t.Fatal(err)
	}
	done := k.finish(tok, e.ID, factor.Response{Kind: webauthn.Kind, Credential: credential})
	key.ID, key.Codes = done.Authenticator.ID, done.Codes
	k.remember(user, func(tok string) (nightlatch.Next, error) { return k.answer(tok, key) })
	return key
}

func (k *Kit) finish(tok, id string, r factor.Response) nightlatch.Enrolled {
	k.t.Helper()
	done, err := k.FinishEnrollment(k.t.Context(), tok, id, "", r, Client())
	if err != nil {
		k.t.Fatalf("finish the enrollment: %v", err)
	}
	return done
}

func (k *Kit) remember(user string, answer func(tok string) (nightlatch.Next, error)) {
	if k.answers[user] == nil {
		k.answers[user] = answer
	}
}

func (k *Kit) answer(tok string, key *Key) (nightlatch.Next, error) {
	ch, err := k.Challenge(k.t.Context(), tok, webauthn.Kind, "", Client())
	if err != nil {
		return nightlatch.Next{}, err
	}
	credential, err := key.Get(ch.Prompt.(factor.PublicKey).Options)
	if err != nil {
		return nightlatch.Next{}, err
	}
	return k.Verify(k.t.Context(), tok, factor.Response{Kind: webauthn.Kind, Credential: credential}, Client())
}

// FirstStep begins a sign-in of a user whose password the application has just checked: level 1, or a second step to take.
func (k *Kit) FirstStep(user string) nightlatch.Next {
	k.t.Helper()
	password := factor.Proof{Kind: "password", Classes: []factor.Class{factor.Knowledge}, At: k.Now()}
	next, err := k.Service.Begin(k.t.Context(), user, password, nightlatch.Start{Client: Client()})
	if err != nil {
		k.t.Fatalf("begin a sign-in of %s: %v", user, err)
	}
	return next
}

// SignIn is FirstStep and then the second step, with the first authenticator that the kit has enrolled for the user. It
// moves the clock by 30 seconds where that is an app. What it returns has the token of the session, or of a sign-in
// that must enroll.
func (k *Kit) SignIn(user string) nightlatch.Next {
	k.t.Helper()
	next := k.FirstStep(user)
	if next.Step != nightlatch.StepVerify {
		return next
	}
	next, err := k.secondStep(user, next.Token)
	if err != nil {
		k.t.Fatalf("the second step of %s: %v", user, err)
	}
	return next
}

func (k *Kit) secondStep(user, tok string) (nightlatch.Next, error) {
	answer := k.answers[user]
	if answer == nil {
		return nightlatch.Next{}, fmt.Errorf("the kit has enrolled nothing for %s", user)
	}
	return answer(tok)
}
