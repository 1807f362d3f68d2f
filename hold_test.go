package nightlatch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// The whole way: the mailbox is proven, the hold waits, the code leads to an enrollment and nothing else, and that takes
// everything else away.
func TestRecoveryByMail(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	w.addPhone("ann", "phone")
	codes := w.addPaper("ann")
	session := w.knocked("ann")
	tok := w.begun("ann")
	w.want(w.AskRecovery(t.Context(), tok, nightlatch.WayEmail, client), nil)
	asked := w.mailed(box, nightlatch.EventRecoveryAsked)
	if asked.To != "ann@example.org" || asked.Purpose != "recovery" || asked.Link == "" {
		t.Fatalf("the mail is %+v", asked)
	}
	w.want(w.BeginHold(t.Context(), asked.Link, client), nil)
	for _, holder := range []string{tok, session} { // the sign-in that asked goes on
		r := must(w.Recoveries(t.Context(), holder))
		want := &nightlatch.Hold{Begun: start, Until: start.Add(24 * time.Hour)}
		if diff := cmp.Diff(want, r.Hold); diff != "" || slices.ContainsFunc(r.Ways, func(o nightlatch.WayOpen) bool { return o.Way == nightlatch.WayEmail }) {
			t.Errorf("%s ways %+v", diff, r.Ways)
		}
	}
	w.clock.pass(24*time.Hour - time.Second)
	if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 0 {
		t.Fatal("the code is out before the hold is over")
	}
	w.clock.pass(time.Second)
	code := w.mailed(box, nightlatch.EventRecoveryCode).Code
	if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 1 {
		t.Errorf("%d codes were mailed", n)
	}
	next := w.must(w.prove(w.begun("ann"), "paper", code))
	if next.Step != nightlatch.StepEnroll {
		t.Fatalf("step = %s", next.Step)
	}
	done := must(w.enroll(next.Token, "door")) // named as the one that is lost
	if done.Next.Step != nightlatch.StepDone || done.Next.Session.Level != nightlatch.Level2 || len(done.Codes) != 3 {
		t.Errorf("it ended with %+v", done)
	}
	h := must(w.HoldingsOf(t.Context(), "ann"))
	if len(h.Authenticators) != 1 || len(h.Codes) != 1 || h.Codes[0].Left != 3 {
		t.Errorf("holds %+v", h)
	}
	w.want(doors["Session"].call(w, session), nightlatch.ErrUnauthenticated)
	for _, old := range []string{codes[0], code} {
		_, err := w.prove(w.begun("ann"), "paper", old)
		w.refused(err, factor.Wrong)
	}
	if n := count(w.events("ann", 0), nightlatch.EventRecovered); n != 1 {
		t.Errorf("%d events say so", n)
	}
	if _, held := w.ways(done.Next.Token); held {
		t.Error("the hold is still there")
	}
}

// What is found out by a code stands nowhere: not in the trail, not in what is kept.
func TestHoldCodeIsNoEvent(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	code := w.holdCode(box, "ann")
	for _, e := range must(w.EventsOf(t.Context(), "ann", 0, 1000)) {
		for _, v := range e.Detail {
			if strings.Contains(v+e.Reason+e.Label, code) {
				t.Errorf("%s holds the code", e.Name)
			}
		}
	}
}

// The accounts and times for which a recovery by mail is none.
func TestMayRecover(t *testing.T) {
	t.Parallel()
	user := func(f func(u *nightlatch.User)) func(w *world) {
		return func(w *world) {
			u := nightlatch.User{ID: "ann", Name: "ann", Email: "ann@example.org", EmailConfirmedAt: start}
			f(&u)
			w.people.put(u)
		}
	}
	for name, refuse := range map[string]func(w *world){
		"not confirmed":    user(func(u *nightlatch.User) { u.EmailConfirmedAt = time.Time{} }),
		"no address":       user(func(u *nightlatch.User) { u.Email = "" }),
		"an administrator": user(func(u *nightlatch.User) { u.Admin = true }),
		"after a reset":    func(w *world) { w.reset("ann") },
		"a password reset lately": func(w *world) {
			w.change("ann", "password_reset", func(ctx context.Context) error { return w.NotePasswordReset(ctx, "ann", "ann@example.org") })
			w.clock.pass(7*24*time.Hour - time.Second)
		},
		"an address changed lately": func(w *world) {
			w.change("ann", "address_changed", func(ctx context.Context) error { return w.NoteAddressChange(ctx, "ann") })
			w.clock.pass(7*24*time.Hour - time.Second)
		},
		"a hold waits":  func(w *world) { w.hold(w.box(), "ann") },
		"a code is out": func(w *world) { w.holdCode(w.box(), "ann") },
		"switched off": func(w *world) {
			w.Service = w.another(func(c *nightlatch.Config) { c.Recovery.Email = false })
		},
		"nobody writes mails": func(w *world) { w.Service = w.another(func(c *nightlatch.Config) { c.Notices = nil }) },
		"no mail":             func(w *world) { w.Service = w.another(func(c *nightlatch.Config) { c.Senders = nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, box := lost(t)
			refuse(w)
			tok := w.begun("ann")
			if w.hasWay(tok, nightlatch.WayEmail) {
				t.Error("the way is shown")
			}
			before := box.count()
			w.want(w.AskRecovery(t.Context(), tok, nightlatch.WayEmail, client), nightlatch.ErrForbidden)
			if box.count() != before {
				t.Error("something was sent")
			}
		})
		t.Run(name+", after the link", func(t *testing.T) {
			t.Parallel()
			w, box := lost(t)
			link := w.link(box, "ann")
			refuse(w)
			err := w.BeginHold(t.Context(), link, client)
			if err == nil {
				t.Fatal("a hold was begun")
			}
			if !errors.Is(err, nightlatch.ErrForbidden) && !errors.Is(err, factor.ErrRefused) {
				t.Errorf("err = %v", err)
			}
		})
		if strings.HasPrefix(name, "a hold") || strings.HasPrefix(name, "a code") {
			continue // during a hold it is what is asked for
		}
		t.Run(name+", during the hold", func(t *testing.T) {
			t.Parallel()
			w, box := lost(t)
			w.hold(box, "ann")
			refuse(w)
			w.clock.pass(24 * time.Hour)
			if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 0 {
				t.Error("a code was mailed")
			}
		})
	}
	t.Run("a week later", func(t *testing.T) {
		t.Parallel()
		w, _ := lost(t)
		w.change("ann", "address_changed", func(ctx context.Context) error { return w.NoteAddressChange(ctx, "ann") })
		w.clock.pass(7 * 24 * time.Hour)
		if !w.hasWay(w.begun("ann"), nightlatch.WayEmail) {
			t.Error("the way is shut for good")
		}
	})
	t.Run("another address meanwhile", func(t *testing.T) {
		t.Parallel()
		w, box := lost(t)
		w.hold(box, "ann")
		w.people.put(nightlatch.User{ID: "ann", Name: "ann", Email: "eve@example.org", EmailConfirmedAt: start})
		w.clock.pass(24 * time.Hour)
		if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 0 {
			t.Error("a code was mailed to an address that was not proven")
		}
	})
	t.Run("removed meanwhile", func(t *testing.T) {
		t.Parallel()
		w, box := lost(t)
		w.hold(box, "ann")
		w.people.remove("ann")
		w.clock.pass(24 * time.Hour)
		if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 0 {
			t.Error("a code was mailed")
		}
	})
	t.Run("nothing held", func(t *testing.T) {
		t.Parallel()
		w, _ := lost(t)
		w.add("eve")
		w.confirmed("eve", false)
		if w.hasWay(w.withPassword("eve"), nightlatch.WayEmail) {
			t.Error("who has no second factor has lost none")
		}
	})
}

// box is where the mails of the world go.
func (w *world) box() *mailbox { return w.config.Senders["email"].(*mailbox) }

// What ends a hold, while it waits and when its code is out.
func TestEndOfHold(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, session string){
		"a right second factor": func(w *world, _ string) { w.knocked("ann") },
		"a fresh proof":         func(w *world, session string) { w.must(w.prove(session, "knock", "right")) },
		"a recovery code": func(w *world, _ string) {
			w.must(w.prove(w.begun("ann"), "paper", w.codes[0]))
		},
		"a session": func(w *world, session string) { w.want(w.CancelHold(w.Context(), session, client), nil) },
		"a sign-in": func(w *world, _ string) { w.want(w.CancelHold(w.Context(), w.begun("ann"), client), nil) },
		"a new password": func(w *world, _ string) {
			w.change("ann", "password_reset", func(ctx context.Context) error { return w.NotePasswordReset(ctx, "ann", "x@example.org") })
		},
		"another password": func(w *world, _ string) {
			w.change("ann", "password_changed", func(ctx context.Context) error { return w.NotePasswordChange(ctx, "ann") })
		},
		"a new address": func(w *world, _ string) {
			w.change("ann", "address_changed", func(ctx context.Context) error { return w.NoteAddressChange(ctx, "ann") })
		},
		"a reset": func(w *world, _ string) { w.reset("ann") },
		"an enrollment": func(w *world, session string) {
			must(w.enroll(w.must(w.prove(session, "knock", "right")).Token, "new"))
		},
	} {
		t.Run(name+" while it waits", func(t *testing.T) {
			t.Parallel()
			w, box := lost(t)
			w.codes = w.addPaper("ann")
			session := w.knocked("ann")
			w.hold(box, "ann")
			end(w, session)
			w.clock.pass(24 * time.Hour)
			if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 0 {
				t.Error("a code was mailed")
			}
			w.toldEnd(box, name)
		})
		t.Run(name+" when the code is out", func(t *testing.T) {
			t.Parallel()
			w, box := lost(t)
			w.codes = w.addPaper("ann")
			session := w.knocked("ann")
			code := w.holdCode(box, "ann")
			enrolling := w.must(w.prove(w.begun("ann"), "paper", code)) // somebody has used it already
			e := w.begin(enrolling.Token, nightlatch.NewEnrollment{Kind: "knock"})
			end(w, session)
			_, err := w.finish(enrolling.Token, e.ID, "", "right")
			w.want(err, nightlatch.ErrUnauthenticated)
			_, err = w.prove(w.begun("ann"), "paper", code)
			w.refused(err, factor.Wrong)
			w.toldEnd(box, name)
		})
	}
}

// toldEnd checks that the owner hears of the end of a hold; of a reset he hears by itself.
func (w *world) toldEnd(box *mailbox, how string) {
	w.Helper()
	want := 1
	if how == "a reset" {
		want = 0
	}
	if n := count(w.events("ann", 0), nightlatch.EventRecoveryCanceled); n != want {
		w.Errorf("%d events say that it was canceled", n)
	}
	if n := len(w.mails(box, nightlatch.EventRecoveryCanceled)); n != want {
		w.Errorf("%d mails say that it was canceled", n)
	}
}
