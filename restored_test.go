package nightlatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/totp"
)

func (w *world) restored() nightlatch.RestoreReport {
	w.Helper()
	r, err := w.AfterRestore(w.Context(), "test")
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// What was given to come back with is over, and each trail says why.
func TestAfterRestoreEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	session, device, begun := w.knocked("ann"), w.remembered("ann"), w.begun("ann")
	r := w.restored()
	if r.Users != 1 || r.Sessions != 2 || r.Devices != 1 || r.Authenticators != 0 {
		t.Errorf("report = %+v", r)
	}
	_, err := w.Session(t.Context(), session)
	w.want(err, nightlatch.ErrUnauthenticated)
	_, err = w.SignIn(t.Context(), begun)
	w.want(err, nightlatch.ErrUnauthenticated)
	_, err = w.prove(begun, "knock", "right")
	w.want(err, nightlatch.ErrUnauthenticated)
	w.step(w.with("ann", device), nightlatch.StepVerify)
	if list := w.devices("ann"); len(list) != 0 {
		t.Errorf("devices = %+v", list)
	}
	if e := w.last("ann", nightlatch.EventRestored); e.By != "test" {
		t.Errorf("event = %+v", e)
	}
	w.verifyTrail("ann")
	w.knocked("ann") // and can sign in again
}

// A code that was used after the backup was made is not good once more.
func TestAfterRestoreUsesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	app := w.addPhone("ann", "phone")
	shown := app.next()
	if r := w.restored(); r.Authenticators != 1 {
		t.Errorf("report = %+v", r)
	}
	_, err := w.prove(w.begun("ann"), totp.ByTime, shown)
	w.refused(err, factor.Used)
	_, err = w.prove(w.begun("ann"), totp.ByTime, app.next())
	w.want(err, nil)
}

// A link that was used since the backup opens nothing once more, a hold that was stopped since does not go on, and the
// code of one that was used since is used.
func TestAfterRestoreLinksAndHolds(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	link := w.link(box, "ann")
	w.restored()
	w.refused(w.BeginHold(t.Context(), link, client), factor.Wrong)

	w.hold(box, "ann")
	w.restored()
	w.clock.pass(25 * time.Hour)
	if mails := w.mails(box, nightlatch.EventRecoveryCode); len(mails) != 0 {
		t.Errorf("a hold went on: %+v", mails)
	}
	if len(w.linksOf("ann")) != 0 {
		t.Errorf("links = %+v", w.linksOf("ann"))
	}
}

// The link of somebody of whom there is no record, as who signs up and has not confirmed the address, opens nothing once
// more either: however many there are.
func TestAfterRestoreLinksOfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var links []string
	for i := range 120 {
		link, err := w.NewLink(t.Context(), fmt.Sprint("nobody", i), "sign_up", nil, time.Hour)
		w.want(err, nil)
		links = append(links, link)
	}
	w.restored()
	for _, link := range links {
		_, err := w.FindLink(t.Context(), "sign_up", link)
		w.refused(err, factor.Wrong)
	}
}

// A passkey's answer that was taken since the backup is not taken once more.
func TestAfterRestorePasskey(t *testing.T) {
	t.Parallel()
	w := keyed(t)
	k, _, _ := w.passkeyOf("ann")
	options, tok := w.nameless()
	answer := w.touch(k, options)
	w.restored()
	_, err := w.provePasskey(tok, answer)
	w.refused(err, factor.Expired)
	w.clock.pass(time.Second)
	options, tok = w.nameless()
	w.must(w.provePasskey(tok, w.touch(k, options)))
}

// More users than fit a transaction are all done, and one state that cannot be read is named.
func TestAfterRestoreMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 120 {
		w.change(strings.Repeat("u", 1+i%3)+string(rune('a'+i%26))+string(rune('a'+i/26)), "made", func(context.Context) error { return nil })
	}
	if r := w.restored(); r.Users != 120 {
		t.Errorf("users = %d", r.Users)
	}
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: totp.ByTime, Label: "odd", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	id := w.idOf("ann", "odd")
	_, err := w.AfterRestore(t.Context(), "test")
	if !errors.Is(err, nightlatch.ErrUnavailable) || !strings.Contains(err.Error(), id) {
		t.Errorf("%v", err)
	}
}
