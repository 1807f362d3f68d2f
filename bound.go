package nightlatch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// CutOff is what the settings have cut off: authenticators of a kind that are held, asked for, and cannot answer.
type CutOff struct {
	Authenticators int
	Users          int         // who hold them
	Stranded       int         // of these users: hold no other second factor that works
	WithCodes      int         // of the stranded: have recovery codes left, of which each lets them in once
	Names          []BoundName // to which most of the authenticators are bound, the most first; at most three
	Unread         int         // could not be read, and count for nothing
}

// BoundName is how many authenticators are bound to a name.
type BoundName struct {
	Name  string
	Count int
}

const (
	cutOffStep = 500  // how many users are looked at at once
	boundNames = 3    // how many names are told
	namesApart = 1000 // how many names are told apart, since an import may bring as many as it has lines
)

// CutOff counts the authenticators of a kind whose factor is a factor.Binder that are bound to another name than the
// factor is now, or cannot answer under its settings for another reason; where the Config lacks the kind, none of them
// can. Users who are disabled or no more are left out. It goes through all users, a page at a time, and writes nothing:
// made with settings that no server runs with yet, a Service says what these would do. What is opened is of this kind and,
// of who is stranded, the recovery codes. Errors: ErrUnavailable.
func (s *Service) CutOff(ctx context.Context, kind factor.Kind) (CutOff, error) {
	t := cutOffTally{s: s, kind: kind, now: s.time(), names: map[string]int{}}
	f, known := s.factors[kind]
	if t.binder, _ = f.(factor.Binder); known && t.binder == nil {
		return CutOff{}, nil
	}
	for last := ""; ; {
		var page []UserRecord
		var part cutOffTally
		err := s.store.View(ctx, func(r Reader) (err error) {
			part = t // it may run again
			part.names = maps.Clone(t.names)
			if page, err = r.UsersAfter(ctx, last, cutOffStep); err != nil {
				return err
			}
			return part.page(ctx, r, page)
		})
		if err != nil {
			return CutOff{}, s.outer(err)
		}
		t = part
		if len(page) < cutOffStep {
			return t.report(), nil
		}
		last = page[len(page)-1].User
	}
}

type cutOffTally struct {
	CutOff
	s      *Service
	kind   factor.Kind
	binder factor.Binder // nil: nothing of the kind works
	now    time.Time
	names  map[string]int
}

// page asks once who of a page holds the kind; of nobody else is anything read.
func (t *cutOffTally) page(ctx context.Context, r Reader, page []UserRecord) error {
	ids := make([]string, len(page))
	for i, u := range page {
		ids[i] = u.User
	}
	all, err := r.HoldingsOf(ctx, ids)
	if err != nil {
		return err
	}
	holders := map[string]bool{}
	for _, h := range all {
		if h.Kind == t.kind && !isOver(h.ExpiresAt, t.now) {
			holders[h.User] = true
		}
	}
	for _, user := range ids {
		if !holders[user] {
			continue
		}
		switch u, err := t.s.users.FindUser(within(ctx, r), user); {
		case errors.Is(err, ErrNotFound) || err == nil && u.Disabled:
			continue
		case err != nil:
			return err
		}
		records, err := r.AuthenticatorsOf(ctx, user)
		if err != nil {
			return err
		}
		t.user(records)
	}
	return nil
}

func isOver(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// user counts what one user holds.
func (t *cutOffTally) user(records []AuthenticatorRecord) {
	cut, others, codes := 0, 0, 0
	for _, r := range records {
		switch {
		case isOver(r.ExpiresAt, t.now):
		case r.Kind == t.kind && r.Allows == factor.AllowsAll:
			switch works, read := t.works(r); {
			case works:
				others++
			case read:
				cut++
			}
		case t.s.policy.works(r.Kind, r.Allows):
			others++
		}
	}
	if cut == 0 {
		return
	}
	t.Authenticators += cut
	t.Users++
	if others > 0 {
		return
	}
	t.Stranded++
	for _, r := range records {
		if t.s.policy.info(r.Kind).Backup && r.Allows == factor.AllowsAll && !isOver(r.ExpiresAt, t.now) {
			held, _ := t.s.openAuthenticator(r) // what cannot be read lets nobody in
			codes += held.Left
		}
	}
	if codes > 0 {
		t.WithCodes++
	}
}

// works says whether an authenticator can answer, and whether that could be read. It counts the name of one that cannot.
func (t *cutOffTally) works(r AuthenticatorRecord) (works, read bool) {
	if t.binder == nil {
		return false, true
	}
	held, err := t.s.openAuthenticator(r)
	var name string
	if err == nil {
		name, works, err = t.binder.BoundTo(held.State)
	}
	if err != nil {
		t.Unread++
		return false, false
	}
	if _, met := t.names[name]; !works && (met || len(t.names) < namesApart) {
		t.names[name]++
	}
	return works, true
}

func (t *cutOffTally) report() CutOff {
	out := t.CutOff
	for name, n := range t.names {
		out.Names = append(out.Names, BoundName{name, n})
	}
	slices.SortFunc(out.Names, func(a, b BoundName) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Name, b.Name))
	})
	out.Names = out.Names[:min(len(out.Names), boundNames)]
	return out
}
