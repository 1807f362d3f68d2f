package server

import (
	"context"
	"errors"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/web"
)

func ptr[T any](v T) *T { return &v }

// TestActIsJudgedWhenItIsWritten: whoever is no administrator any more, or is gone, does nothing, whatever web let pass.
func TestActIsJudgedWhenItIsWritten(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna := add(t, s, Account{Username: "anna"})
	boss := add(t, s, Account{Username: "boss", Admin: true})
	add(t, s, Account{Username: "plain"})
	off := add(t, s, Account{Username: "off", Admin: true})
	if err := s.SetDisabled(t.Context(), off, true, "test"); err != nil {
		t.Fatal(err)
	}
	acts := []web.Act{
		{Do: web.ActEdit, Edit: web.AccountEdit{Groups: ptr([]string{"ops"})}},
		{Do: web.ActEdit, Edit: web.AccountEdit{Admin: ptr(true)}},
		{Do: web.ActEdit, Edit: web.AccountEdit{Disabled: ptr(true)}},
		{Do: web.ActReset, Reason: "lost"},
		{Do: web.ActGiveCode, Reason: "lost"},
		{Do: web.ActEndSessions},
	}
	for _, by := range []string{find(t, s, "plain").ID, off.ID, "nobody"} {
		for _, act := range acts {
			act.By, act.Account = by, anna.ID
			before := eventsOf(t, s, anna.ID)
			if _, err := (administration{s}).Act(t.Context(), act); !errors.Is(err, nightlatch.ErrForbidden) {
				t.Errorf("%s by %s: %v", act.Do, by, err)
			}
			if after := eventsOf(t, s, anna.ID); len(after) != len(before) {
				t.Errorf("%s by %s left %v", act.Do, by, after)
			}
		}
	}
	for _, act := range append(acts, web.Act{Do: "nothing"}) {
		act.By, act.Account = boss.ID, "nobody"
		if _, err := (administration{s}).Act(t.Context(), act); !errors.Is(err, nightlatch.ErrNotFound) {
			t.Errorf("%s to nobody: %v", act.Do, err)
		}
	}
	if _, err := (administration{s}).Act(t.Context(), web.Act{Do: "nothing", By: boss.ID, Account: anna.ID}); !errors.Is(err, nightlatch.ErrForbidden) {
		t.Errorf("an unknown act: %v", err)
	}
}

// TestActOnARemovedAccount: between reading and writing an account may go; nothing is written for it then.
func TestActOnARemovedAccount(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	boss := add(t, s, Account{Username: "boss", Admin: true})
	gone := Account{ID: "gone", Username: "gone"}
	for _, d := range []doer{{by: byAdministrator, admin: boss.ID}, {by: "test"}} {
		err := s.manage(t.Context(), d, gone, nightlatch.Event{Name: eventChanged}, func(context.Context) error {
			t.Error("it was changed")
			return nil
		})
		if !errors.Is(err, nightlatch.ErrNotFound) || len(eventsOf(t, s, "gone")) > 0 {
			t.Errorf("%s: %v, %v", d.by, err, eventsOf(t, s, "gone"))
		}
	}
	if hasEvent(t, s, boss.ID, eventActed) {
		t.Error("the administrator's trail tells of what did not happen")
	}
}

// TestSettingsAccountStaysAsTheySay: groups, role and state are the settings' to say; all else can be done.
func TestSettingsAccountStaysAsTheySay(t *testing.T) {
	t.Parallel()
	s := newSite(t).mustStart(ada(t))
	boss := add(t, s, Account{Username: "boss", Admin: true})
	defined := find(t, s, "ada")
	for _, edit := range []web.AccountEdit{{Groups: ptr([]string{"x"})}, {Admin: ptr(!defined.Admin)}, {Disabled: ptr(true)}} {
		_, err := administration{s}.Act(t.Context(), web.Act{Do: web.ActEdit, By: boss.ID, Account: defined.ID, Edit: edit})
		if !errors.Is(err, web.ErrDefined) {
			t.Errorf("%+v: %v", edit, err)
		}
	}
	for _, act := range []web.Act{{Do: web.ActGiveCode, Reason: "lost"}, {Do: web.ActReset, Reason: "lost"}, {Do: web.ActEndSessions}} {
		act.By, act.Account = boss.ID, defined.ID
		if _, err := (administration{s}).Act(t.Context(), act); err != nil {
			t.Errorf("%s: %v", act.Do, err)
		}
	}
}
