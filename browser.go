package nightlatch

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/internal/token"
)

// maxBrowsers is how many are known of a user; the one that was not seen for longest is forgotten.
const maxBrowsers = 20

// browsersTold is how many new browsers of a user are mailed about in an hour: whoever has the password can make up as
// many as there are sign-ins.
const browsersTold = 10

// browser is one that finished a sign-in.
type browser struct {
	Mark string    `json:"mark"` // a MAC of what it keeps
	At   time.Time `json:"at"`   // when it was last seen
}

// NewBrowser makes a value for a browser to keep, by which it is known again (Start.Browser): 128 random bits. It opens
// nothing.
func (s *Service) NewBrowser() string { return token.NewID(s.rand) }

// browserMark is what is kept of a browser. The oldest key serves, since it stays when the ring grows. Where a client
// keeps nothing, it goes by what it says it is.
func (s *Service) browserMark(user string, start Start) (string, error) {
	keeps, value := "value", start.Browser
	if start.Token || value == "" {
		keeps, value = "agent", start.Client.Agent
	}
	mac, err := s.lastingMAC("browser", []byte(user), []byte(keeps), []byte(value))
	return base64.RawURLEncoding.EncodeToString(mac), err
}

// seen puts a browser first, and says whether it is new to a user who has been seen with others.
func (st *standing) seen(mark string, now time.Time) (isNew bool) {
	i := slices.IndexFunc(st.Browsers, func(b browser) bool { return b.Mark == mark })
	isNew = i < 0 && len(st.Browsers) > 0
	others := slices.DeleteFunc(slices.Clone(st.Browsers), func(b browser) bool { return b.Mark == mark })
	st.Browsers = append([]browser{{Mark: mark, At: now}}, others[:min(len(others), maxBrowsers-1)]...)
	return isNew
}

// forget makes all browsers unknown that were seen since a time: the one that is disowned is among them. Something
// stays, so that the next sign-in is not taken for the first one of all.
func (st *standing) forget(since, now time.Time) {
	st.Browsers = slices.DeleteFunc(slices.Clone(st.Browsers), func(b browser) bool { return !b.At.Before(since) })
	if len(st.Browsers) == 0 {
		st.Browsers = []browser{{Mark: "none", At: now}}
	}
}

// language is what to write to a user in: the user's own, and not that of whoever does something to the account. It is
// lang where the user's is not known.
func (st *standing) language(lang string) string { return cmp.Or(st.Lang, lang) }

// noteBrowser tells of a sign-in from a browser that was not seen before. Beyond browsersTold only the trail does. One
// that is known, or the first of all, says what language the owner reads; a program says none.
func (s *Service) noteBrowser(ctx context.Context, tx *change, h *holder, lang string) error {
	if h.in.Browser == "" {
		return nil
	}
	if !h.standing.seen(h.in.Browser, tx.now) {
		if lang != "" && !h.in.Start.Token {
			h.standing.Lang = lang
		}
		return nil
	}
	if err := tx.event(ctx, h.user.ID, Event{Name: EventNewBrowser, Client: h.in.Start.Client}); err != nil {
		return err
	}
	wait, err := s.spend(ctx, tx, "browsers:"+userSubject(h.user.ID), mailKind, browsersTold)
	if wait > 0 {
		tx.logged[len(tx.logged)-1].mailed = true // enough were
	}
	return err
}

// tellSignedIn writes that a sign-in is done, by which remembered device, and whether its browser is a new one.
func (s *Service) tellSignedIn(ctx context.Context, tx *change, h *holder, c Client) error {
	e := Event{Name: EventSignedIn, Client: c}
	for _, p := range h.in.Proofs {
		if p.Device != "" {
			e.Detail = map[string]string{"device": p.Device}
		}
	}
	if err := tx.event(ctx, h.user.ID, e); err != nil {
		return err
	}
	return s.noteBrowser(ctx, tx, h, c.Lang)
}
