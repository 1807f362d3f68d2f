package nightlatch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// doors are the methods that take a token. in are those that serve an unfinished sign-in that must verify, ses those
// that serve a session.
type door struct {
	in, ses bool
	call    func(w *world, tok string) error
}

var doors = map[string]door{
	"SignIn": {in: true, call: func(w *world, tok string) error { _, err := w.SignIn(w.Context(), tok); return err }},
	"GiveUp": {in: true, call: func(w *world, tok string) error { return w.GiveUp(w.Context(), tok, client) }},
	"Challenge": {in: true, ses: true, call: func(w *world, tok string) error {
		_, err := w.Challenge(w.Context(), tok, "knock", "", client)
		return err
	}},
	"Verify": {in: true, ses: true, call: func(w *world, tok string) error { _, err := w.prove(tok, "knock", "right"); return err }},
	"BeginEnrollment": {ses: true, call: func(w *world, tok string) error {
		_, err := w.BeginEnrollment(w.Context(), tok, nightlatch.NewEnrollment{Kind: totp.ByTime}, client)
		return err
	}},
	"CancelEnrollment": {in: true, ses: true, call: func(w *world, tok string) error { return w.CancelEnrollment(w.Context(), tok, totp.ByTime) }},
	"Holdings":         {ses: true, call: func(w *world, tok string) error { _, err := w.Holdings(w.Context(), tok); return err }},
	"EditAuthenticator": {ses: true, call: func(w *world, tok string) error {
		name := "new name"
		_, err := w.EditAuthenticator(w.Context(), tok, w.idOf("ann", "door"), nightlatch.Edit{Label: &name}, client)
		return err
	}},
	"RemoveAuthenticator": {ses: true, call: func(w *world, tok string) error {
		return w.RemoveAuthenticator(w.Context(), tok, w.idOf("ann", "door"), client)
	}},
	"RenewCodes": {ses: true, call: func(w *world, tok string) error {
		_, err := w.RenewCodes(w.Context(), tok, "paper", client)
		return err
	}},
	"Recoveries": {in: true, ses: true, call: func(w *world, tok string) error { _, err := w.Recoveries(w.Context(), tok); return err }},
	"FirstOffer": {in: true, ses: true, call: func(w *world, tok string) error { _, err := w.FirstOffer(w.Context(), tok); return err }},
	"Fresh":      {ses: true, call: func(w *world, tok string) error { return w.Fresh(w.Context(), tok) }},
	"Session":    {ses: true, call: func(w *world, tok string) error { _, err := w.Session(w.Context(), tok); return err }},
	"SignOut":    {ses: true, call: func(w *world, tok string) error { return w.SignOut(w.Context(), tok, client) }},
	"EndSession": {ses: true, call: func(w *world, tok string) error {
		list, err := w.SessionsOf(w.Context(), "ann")
		if err != nil {
			return err
		}
		return w.EndSession(w.Context(), tok, list[0].ID, client)
	}},
	"EndOtherSessions": {ses: true, call: func(w *world, tok string) error { return w.EndOtherSessions(w.Context(), tok, client) }},
}

func TestTokensOpenTheirOwnDoors(t *testing.T) {
	t.Parallel()
	for name, d := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add("ann")
			w.addKnock("ann", "door")
			session := w.knocked("ann")
			// FinishEnrollment has a test of its own.
			for what, tok := range map[string]string{
				"nothing": "", "no token": "nl_s_short", "a token of nobody": alter(session), "another spelling": session + "\n",
				"a session's as a sign-in's": "nl_i_" + session[5:], "another type": "nl_d_" + session[5:],
			} {
				if err := d.call(w, tok); !errors.Is(err, nightlatch.ErrUnauthenticated) {
					t.Errorf("%s: err = %v", what, err)
				}
			}
			tok := w.begun("ann")
			if err := d.call(w, "nl_s_"+tok[5:]); !errors.Is(err, nightlatch.ErrUnauthenticated) {
				t.Errorf("a sign-in's as a session's: err = %v", err)
			}
			err := d.call(w, tok)
			switch {
			case d.in && err != nil:
				t.Errorf("a sign-in: err = %v", err)
			case !d.in && !errors.Is(err, nightlatch.ErrUnauthenticated) && !errors.Is(err, nightlatch.ErrForbidden):
				t.Errorf("a sign-in opened it: err = %v", err)
			}
			err = d.call(w, session)
			switch {
			case d.ses && err != nil:
				t.Errorf("a session: err = %v", err)
			case !d.ses && !errors.Is(err, nightlatch.ErrUnauthenticated):
				t.Errorf("a session opened it: err = %v", err)
			}
		})
	}
}

// What a token opened it opens no more when it is over, or the user is.
func TestOverIsOver(t *testing.T) {
	t.Parallel()
	ends := map[string]func(w *world){
		"expired":  func(w *world) { w.clock.pass(721 * time.Hour) },
		"disabled": func(w *world) { w.people.put(nightlatch.User{ID: "ann", Disabled: true}) },
		"removed":  func(w *world) { w.people.remove("ann") },
		"changed": func(w *world) {
			err := w.Change(w.Context(), "ann", nightlatch.Event{Name: "changed"}, func(ctx context.Context) error {
				return w.EndSessions(ctx, "ann")
			})
			if err != nil {
				w.Fatal(err)
			}
		},
	}
	// These do not look at the user: Change and EndSessions end what is to end.
	blind := map[string]bool{"Session": true, "SignOut": true, "EndSession": true, "EndOtherSessions": true, "GiveUp": true}
	for what, end := range ends {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add("ann")
			w.addKnock("ann", "door")
			session, tok := w.knocked("ann"), w.begun("ann")
			end(w)
			for name, d := range doors {
				if blind[name] && what != "expired" {
					continue
				}
				if name == "EndSession" {
					continue // its test wants a list
				}
				for _, tok := range []string{session, tok} {
					if err := d.call(w, tok); !errors.Is(err, nightlatch.ErrUnauthenticated) {
						t.Errorf("%s: err = %v", name, err)
					}
				}
			}
			if what == "changed" {
				if _, err := w.Session(t.Context(), session); !errors.Is(err, nightlatch.ErrUnauthenticated) {
					t.Errorf("Session: err = %v", err)
				}
			}
		})
	}
}

func TestWholeSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	phone := w.addPhone("ann", "phone")
	start := nightlatch.Start{Client: client, Stay: true, To: "/inbox", Binding: "b", Token: true}
	first, err := w.ProveFirst(t.Context(), nightlatch.First{
		User: "ann", Name: "ann", Response: factor.Response{Kind: password.Kind, Password: right}, Start: start,
	})
	if err != nil {
		t.Fatal(err)
	}
	if first.Step != nightlatch.StepVerify || len(first.Offers) != 1 || first.Offers[0].ID != phone.id || first.Offers[0].Label != "phone" {
		t.Fatalf("after the password: %+v", first)
	}
	if first.Session.ID != "" || !first.ExpiresAt.Equal(w.clock.Now().Add(15*time.Minute)) {
		t.Errorf("after the password: session %q, expires %v", first.Session.ID, first.ExpiresAt)
	}
	done := w.must(w.prove(first.Token, totp.ByTime, phone.code()))
	if done.Step != nightlatch.StepDone || done.Token == first.Token || done.User != "ann" {
		t.Fatalf("after the code: %+v", done)
	}
	if done.To != "/inbox" || !done.Stay || !done.ByToken || done.Binding != "b" {
		t.Errorf("what travels with the sign-in is lost: %+v", done)
	}
	w.want(doors["SignIn"].call(w, first.Token), nightlatch.ErrUnauthenticated)
	ses, err := w.Session(t.Context(), done.Token)
	if err != nil {
		t.Fatal(err)
	}
	if ses.User != "ann" || ses.Level != nightlatch.Level2 || !ses.Stay || ses.Binding != "b" || ses.Client.Addr != client.Addr || ses.ID != done.Session.ID {
		t.Errorf("session = %+v", ses)
	}
	if len(ses.Proofs) != 2 || ses.Proofs[0].Kind != password.Kind || ses.Proofs[1].Kind != totp.ByTime || ses.Proofs[1].Authenticator != phone.id || ses.Proofs[1].At != w.clock.Now() {
		t.Errorf("proofs = %+v", ses.Proofs)
	}
}

// A token changes at each step and the one before it is dead.
func TestTokenChangesAtEachStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, required)
	w.add("ann")
	first := must(w.first("ann", right))
	e, err := w.BeginEnrollment(t.Context(), first.Token, nightlatch.NewEnrollment{Kind: "knock"}, client)
	if err != nil {
		t.Fatal(err)
	}
	done, err := w.FinishEnrollment(t.Context(), first.Token, e.ID, "", factor.Response{Code: "right"}, client)
	if err != nil {
		t.Fatal(err)
	}
	w.want(doors["SignIn"].call(w, first.Token), nightlatch.ErrUnauthenticated)
	session := done.Next.Token
	if _, err := w.Session(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	risen := w.must(w.prove(session, "knock", "right"))
	if risen.Token == session || risen.Session.ID != done.Next.Session.ID {
		t.Errorf("a fresh proof: token changed %v, id %q, want another token and the same id", risen.Token != session, risen.Session.ID)
	}
	w.want(doors["Session"].call(w, session), nightlatch.ErrUnauthenticated)
	if _, err := w.Session(t.Context(), risen.Token); err != nil {
		t.Error(err)
	}
}

// A wrong code changes no token: the next one is answered in the same sign-in.
func TestTokenStaysWhenRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.begun("ann")
	next, err := w.prove(tok, "knock", "wrong")
	w.refused(err, factor.Wrong)
	if next.Token != "" || next.Step != "" {
		t.Errorf("next = %+v with a refusal", next)
	}
	w.must(w.prove(tok, "knock", "right"))
}

func TestSignInExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.begun("ann")
	w.clock.pass(15*time.Minute - time.Second)
	w.want(doors["SignIn"].call(w, tok), nil)
	w.clock.pass(time.Second)
	_, err := w.prove(tok, "knock", "right")
	w.want(err, nightlatch.ErrUnauthenticated)
}

// A sign-in that expires while a response is judged opens nothing.
func TestSignInExpiresWhileJudged(t *testing.T) {
	t.Parallel()
	slow := knock("slow")
	judge := slow.verify
	w := newWorld(t, withFactors(slow))
	slow.verify = func(c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
		w.clock.pass(15 * time.Minute)
		return judge(c, p, r)
	}
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "slow", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	_, err := w.prove(w.begun("ann"), "slow", "right")
	w.want(err, nightlatch.ErrUnauthenticated)
}

func TestSignInDiesWhenTheAccountChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, user := range []string{"ann", "bob"} {
		w.add(user)
		w.addKnock(user, "door")
	}
	tok, other := w.begun("ann"), w.begun("bob")
	if err := w.Change(t.Context(), "ann", nightlatch.Event{Name: "password_changed"}, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	_, err := w.prove(tok, "knock", "right")
	w.want(err, nightlatch.ErrUnauthenticated)
	w.must(w.prove(other, "knock", "right"))
	w.must(w.prove(w.begun("ann"), "knock", "right"))
}

// A change that comes while a response is judged is not overtaken by it.
func TestAccountChangesWhileJudged(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		slow := knock("slow")
		judge := slow.verify
		w := newWorld(t, withFactors(slow))
		w.add("ann")
		w.install(nightlatch.Installation{User: "ann", Kind: "slow", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
		tok := w.begun("ann")
		once := first
		slow.verify = func(c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
			if !once {
				once = true
				if err := w.Change(t.Context(), "ann", nightlatch.Event{Name: "disabled"}, func(context.Context) error { return nil }); err != nil {
					t.Error(err)
				}
			}
			return judge(c, p, r)
		}
		_, err := w.prove(tok, "slow", "right")
		if first {
			w.want(err, nil)
		} else {
			w.want(err, nightlatch.ErrUnauthenticated)
		}
	}
}

func TestReplacedSessionEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	old, bystander := w.knocked("ann"), w.knocked("ann")
	next, err := w.ProveFirst(t.Context(), nightlatch.First{
		User: "ann", Name: "ann", Response: factor.Response{Kind: password.Kind, Password: right},
		Start: nightlatch.Start{Client: client, Replaces: old},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.want(doors["Session"].call(w, old), nil) // until the new one is done
	w.must(w.prove(next.Token, "knock", "right"))
	w.want(doors["Session"].call(w, old), nightlatch.ErrUnauthenticated)
	w.want(doors["Session"].call(w, bystander), nil)
}

func TestGiveUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok, other := w.begun("ann"), w.begun("ann")
	w.want(w.GiveUp(t.Context(), tok, client), nil)
	w.want(w.GiveUp(t.Context(), tok, client), nightlatch.ErrUnauthenticated)
	_, err := w.prove(tok, "knock", "right")
	w.want(err, nightlatch.ErrUnauthenticated)
	w.must(w.prove(other, "knock", "right"))
	if n := count(w.events("ann", 0), nightlatch.EventSignInGivenUp); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	w.people.put(nightlatch.User{ID: "dan", Disabled: true})
	proof := factor.Proof{Kind: password.Kind, Classes: []factor.Class{factor.Knowledge}, At: w.clock.Now()}
	begin := func(user string) (nightlatch.Next, error) {
		return w.Begin(t.Context(), user, proof, nightlatch.Start{Client: client})
	}
	next := w.must(begin("ann"))
	if next.Step != nightlatch.StepVerify {
		t.Errorf("step = %s: what an application vouches for is not two factors", next.Step)
	}
	w.must(w.prove(next.Token, "knock", "right"))
	_, err := begin("nobody")
	w.want(err, nightlatch.ErrNotFound)
	if next, err = begin("dan"); !errors.Is(err, nightlatch.ErrForbidden) || next.Token != "" {
		t.Errorf("a disabled user: err = %v, token %q", err, next.Token)
	}
}

// must is the answer of a step that went well.
func must[R any](r R, err error) R {
	if err != nil {
		panic(err)
	}
	return r
}
