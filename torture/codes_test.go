package torture

import (
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// fate is what a client knows of a code.
type fate int

const (
	unsent fate = iota
	maybe       // sent, and no answer came
	used
)

// code is one that is good once.
type code struct {
	id   string // of the authenticator; "" = a recovery code
	kind string
	text string
	fate fate
	dead bool // a recovery code whose set was replaced: good no more
	// until is when it would be refused for its age alone; zero: never
	until time.Time
}

func (c *code) String() string { return fmt.Sprintf("%s code %s of %q", c.kind, c.text, c.id) }

func (c *code) response() object {
	r := object{"kind": c.kind, "code": c.text}
	if c.id != "" {
		r["id"] = c.id
	}
	return r
}

// learn takes in what came back for one sending of a code. It returns the fault that it shows, if any.
func (c *code) learn(a answer) error {
	switch {
	case a.unknown:
		if c.fate == unsent {
			c.fate = maybe
		}
		return nil
	case a.status == 200 && c.dead:
		return fmt.Errorf("%v of a set that was replaced is good: %w", c, a.unexpected())
	case a.status == 200 && c.fate == used:
		return fmt.Errorf("%v is good twice: %w", c, a.unexpected())
	case a.status == 200:
		c.fate = used
		return nil
	case a.status == 401 && a.body["code"] == "refused":
		if c.fate == unsent && !c.dead && (c.until.IsZero() || time.Now().Before(c.until)) {
			return fmt.Errorf("%v, which was never sent before, is refused: %w", c, a.unexpected())
		}
		c.fate = used // or too old, which is the same from now on
		return nil
	}
	return a.unexpected()
}

// app is an authenticator app or a counter token.
type app struct {
	id     string // "" while nobody knows whether it was enrolled
	kind   string // "totp" or "hotp"
	label  string
	labels []string // others that it may have, since a change was not answered
	gone   bool     // it may be removed: that was asked, and not answered
	from   totp.Generator
	next   uint64 // the counter, or the step, from which on no code was made
}

// The settings that the codes need: see settingsText.
const (
	period = 10
	window = 2
)

// fresh makes a code that was never sent, or returns nil where there is none now.
func (a *app) fresh(now time.Time) (*code, error) {
	c := &code{id: a.id, kind: a.kind}
	if a.kind == "totp" {
		step := now.Unix() / period
		a.next = max(a.next, uint64(step)) //nolint:gosec // after 1970
		if a.next > uint64(step)+1 {       //nolint:gosec // after 1970
			return nil, nil
		}
		c.until = time.Unix(int64(a.next+window)*period, 0) //nolint:gosec // a step of our time
	}
	var err error
	c.text, err = a.from.Code(a.next)
	a.next++
	return c, err
}

// mayBe says whether a label is one that it may have.
func (a *app) mayBe(label string) bool {
	for _, l := range append(a.labels, a.label) {
		if l == label {
			return true
		}
	}
	return false
}
