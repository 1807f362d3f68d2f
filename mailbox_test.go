package nightlatch_test

import (
	"context"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
)

// byMail sets a person's password by a link that was mailed to an address.
func (w *world) byMail(user, to string) {
	w.Helper()
	w.change(user, "password_reset", func(ctx context.Context) error { return w.NotePasswordReset(ctx, user, to) })
}

func kinds(offers []nightlatch.Offer) (all []factor.Kind) {
	for _, o := range offers {
		all = append(all, o.Kind)
	}
	return all
}

// A password set by a mailed link and a code mailed to the same box, however it is written, do not make two.
func TestOneMailboxIsOneProof(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"ann@example.org", "ANN@Example.org", "ann+nightlatch@example.org"} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			w, box := postal(t)
			id := w.addDestination("ann", sentcode.Email, "ann@example.org")
			w.byMail("ann", to)
			next := must(w.first("ann", right))
			if next.Step != nightlatch.StepVerify || len(next.Offers) != 0 || !next.SameMailbox {
				t.Fatalf("the sign-in stands at %+v", next)
			}
			for _, chosen := range []string{"", id} {
				_, err := w.ask(next.Token, sentcode.Email, chosen)
				w.refused(err, factor.Wrong)
				_, err = w.Show(t.Context(), next.Token, sentcode.Email, chosen, client)
				w.refused(err, factor.Wrong)
			}
			if box.count() != 0 {
				t.Error("a code was sent")
			}
			if h := must(w.HoldingsOf(t.Context(), "ann")); len(h.Authenticators) != 1 {
				t.Errorf("holds %+v", h)
			}
			w.change("ann", "password_changed", func(ctx context.Context) error { return w.NotePasswordChange(ctx, "ann") })
			next = must(w.first("ann", right))
			must(w.ask(next.Token, sentcode.Email, id))
			w.must(w.prove(next.Token, sentcode.Email, box.code()))
		})
	}
}

// What goes elsewhere proves what it proved, and a challenge of before is over.
func TestOtherMailboxes(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	w.addDestination("ann", sentcode.Email, "ann@example.org")
	other := w.addDestination("ann", sentcode.Email, "ann@elsewhere.example")
	sms := w.addDestination("ann", sentcode.SMS, "+4915123456789")
	before := w.begun("ann")
	must(w.ask(before, sentcode.Email, ""))
	session := w.sentSession(box)
	w.byMail("ann", "ann@example.org")
	w.want(doors["Session"].call(w, session), nightlatch.ErrUnauthenticated)
	_, err := w.prove(before, sentcode.Email, box.code())
	w.want(err, nightlatch.ErrUnauthenticated)

	next := must(w.first("ann", right))
	if got := kinds(next.Offers); len(got) != 2 || !next.SameMailbox {
		t.Errorf("on offer are %v", got)
	}
	must(w.ask(next.Token, sentcode.Email, other))
	if to := box.all()[box.count()-1].To; to != "ann@elsewhere.example" {
		t.Errorf("sent to %s", to)
	}
	// In the session the same holds for a fresh proof.
	must(w.ask(next.Token, sentcode.SMS, sms))
	session = w.must(w.prove(next.Token, sentcode.SMS, box.code())).Token
	must(w.ask(session, sentcode.Email, ""))
	if to := box.all()[box.count()-1].To; to != "ann@elsewhere.example" {
		t.Errorf("for a fresh proof it was sent to %s", to)
	}
}

// sentSession is a session of ann by a code that was sent.
func (w *world) sentSession(box *mailbox) string {
	w.Helper()
	tok := w.begun("ann")
	must(w.ask(tok, sentcode.Email, ""))
	return w.must(w.prove(tok, sentcode.Email, box.code())).Token
}

// Of an authenticator that was enrolled before it was noted where its codes go nobody can say that it is another box.
func TestUnknownMailbox(t *testing.T) {
	t.Parallel()
	w, _ := postal(t)
	enrolled := must(sentcode.NewEmail(sentcode.Options{}).NewState("ann@elsewhere.example"))
	enrolled.To = ""
	w.install(nightlatch.Installation{User: "ann", Kind: sentcode.Email, Label: "old", Enrolled: enrolled})
	w.byMail("ann", "ann@example.org")
	if next := must(w.first("ann", right)); len(next.Offers) != 0 || next.Step != nightlatch.StepVerify {
		t.Errorf("the sign-in stands at %+v", next)
	}
}
