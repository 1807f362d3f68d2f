package password

import (
	"context"
	"crypto/pbkdf2"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// The units that work is counted in. Amounts of the same unit add up: two bcrypt hashes of cost 10 take as long as
// one of cost 11.
const (
	unitArgon2 = "argon2"  // a KiB of memory, b lanes; the amount is passes
	unitBcrypt = "bcrypt"  // the amount is 2 to the cost
	unitScrypt = "scrypt"  // r is a, p is b; the amount is N
	unitPBKDF2 = "pbkdf2-" // and the digest; the amount is rounds
)

type unit struct {
	scheme string
	a, b   uint64
}

// Work is what computing a hash takes: so much of a unit.
type Work struct {
	unit   unit
	amount uint64
}

// String is Work as it is kept: "argon2 65536 4 3". It says nothing about a password.
func (w Work) String() string {
	return fmt.Sprintf("%s %d %d %d", w.unit.scheme, w.unit.a, w.unit.b, w.amount)
}

// ParseWork reads what String has written. It fails for what no hash that FromHash takes would need.
func ParseWork(s string) (Work, error) {
	words := strings.Split(s, " ")
	if len(words) != 4 {
		return Work{}, errors.New("the work of a password's hash cannot be read")
	}
	w := Work{unit: unit{scheme: words[0]}}
	for i, into := range []*uint64{&w.unit.a, &w.unit.b, &w.amount} {
		n, err := number(words[i+1], 32)
		if err != nil {
			return Work{}, fmt.Errorf("the work of a password's hash: %w", err)
		}
		*into = n
	}
	digest, isPBKDF2 := strings.CutPrefix(w.unit.scheme, unitPBKDF2)
	f, _ := digestOf(digest)
	known := isPBKDF2 && f != nil || w.unit.scheme == unitBcrypt ||
		w.unit.scheme == unitArgon2 && w.unit.a <= maxMemory && w.unit.b >= 1 && w.unit.b <= maxLanes && w.unit.a >= 8*w.unit.b ||
		w.unit.scheme == unitScrypt && w.unit.a >= 1 && w.unit.a <= maxScryptR && w.unit.b >= 1 && w.unit.b <= maxScryptP
	if !known {
		return Work{}, errors.New("the work of a password's hash is of no kind that is known")
	}
	return w, w.bearable()
}

// The most that a hash from elsewhere may take: about half a second on a processor of today, estimated, and 1 GiB.
const (
	mostMicroseconds = 600_000
	answerWithin     = 500_000 // what all kinds in use together may take while each of them is computed for every answer
)

// estimate is how long the work takes on a processor of today, in microseconds. It decides what is refused and, where
// many kinds are in use at once, how long answers take; nowhere is it what makes two answers alike.
func (w Work) estimate() uint64 {
	n := float64(w.amount)
	switch w.unit.scheme {
	case unitArgon2:
		n *= float64(w.unit.a) * 0.55
	case unitBcrypt:
		n *= 68
	case unitScrypt:
		n *= float64(w.unit.a) * float64(w.unit.b) * 0.32
	case unitPBKDF2 + "sha512":
		n *= 0.75
	default:
		n *= 0.25
	}
	if n > math.MaxUint32 {
		return math.MaxUint32
	}
	return uint64(n)
}

// memory is in KiB.
func (w Work) memory() uint64 {
	switch w.unit.scheme {
	case unitArgon2:
		return w.unit.a
	case unitScrypt:
		return w.amount * w.unit.a / 8
	}
	return 0
}

// bearable says why a hash is too costly to be taken in, or nil.
func (w Work) bearable() error {
	switch {
	case w.memory() > maxMemory:
		return errors.New("the hash takes more than 1 GiB of memory, which is not allowed")
	case w.estimate() > mostMicroseconds:
		return fmt.Errorf("the hash takes about %d ms, more than half a second is not allowed", w.estimate()/1000)
	}
	return nil
}

// do takes as long as hashes of that work, in a turn of the limiter.
func (w Work) do(in *Limiter) {
	nothing := make([]byte, saltSize)
	switch w.unit.scheme {
	case unitArgon2:
		if w.amount > 0 {
			in.derive(false, "", nothing, Cost{Memory: uint32(w.unit.a), Passes: uint32(w.amount), Lanes: uint8(w.unit.b)}, tagSize) //nolint:gosec // ParseWork has bounded them
		}
	case unitBcrypt:
		powers(w.amount, func(exponent int) {
			if exponent >= bcrypt.MinCost && exponent <= bcrypt.MaxCost {
				_ = bcrypt.CompareHashAndPassword(fmt.Appendf(nil, "$2b$%02d$%s", exponent, strings.Repeat(".", 53)), nil)
			}
		})
	case unitScrypt:
		powers(w.amount, func(exponent int) {
			if exponent > 0 {
				_, _ = scrypt.Key(nil, nothing, 1<<exponent, int(w.unit.a), int(w.unit.b), tagSize) //nolint:gosec // ParseWork has bounded them
			}
		})
	default:
		digest, size := digestOf(strings.TrimPrefix(w.unit.scheme, unitPBKDF2))
		if digest != nil && w.amount > 0 {
			_, _ = pbkdf2.Key(digest, "", nothing, int(w.amount), size) //nolint:gosec // ParseWork has bounded it
		}
	}
}

// ledger is the work that one answer has taken so far, and what it must come to whoever is asked about.
type ledger struct {
	f      *Factor
	inUse  []Work
	tries  uint64 // how often a password is hashed: once for each spelling
	done   map[unit]uint64
	worked func(Work) // tests count
}

// account makes the ledger of an answer.
func (f *Factor) account(ctx context.Context, spellings int) (*ledger, error) {
	l := &ledger{f: f, tries: 1, done: map[unit]uint64{}, worked: f.worked}
	if f.foreign != nil {
		var err error
		if l.inUse, err = f.foreign(ctx); err != nil {
			return nil, fmt.Errorf("read which password hashes are in use: %w", err)
		}
	}
	if len(l.inUse) > 0 {
		l.tries = uint64(spellings) //nolint:gosec // 1 to 3
	}
	l.inUse = append(slices.Clone(l.inUse), f.cost.work())
	return l, nil
}

// matches judges, and notes the work.
func (l *ledger) matches(ctx context.Context, h hashed, text string) (bool, error) {
	w := h.work()
	var right bool
	err := l.run(ctx, w, func() { right = h.matches(text, l.f.limiter) })
	return right, err
}

// run does work that takes much memory alone.
func (l *ledger) run(ctx context.Context, w Work, do func()) error {
	if w.memory() > max(large, uint64(l.f.cost.Memory)) {
		select {
		case l.f.alone <- struct{}{}:
			defer func() { <-l.f.alone }()
		case <-ctx.Done():
			return fmt.Errorf("wait to hash: %w", ctx.Err())
		}
	}
	l.done[w.unit] += w.amount
	if l.worked != nil {
		l.worked(w)
	}
	do()
	return nil
}

// level does what is missing, so that every answer has taken the same work: of each unit in use the most that a hash
// needs. That is exact, and within half a second for what one program leaves behind, which is one unit or two beside
// ours. Where so many are in use that it would be more, an answer takes about as long as the slowest alone.
func (l *ledger) level(ctx context.Context) error {
	for _, w := range l.missing() {
		if err := l.run(ctx, w, func() { w.do(l.f.limiter) }); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) missing() (missing []Work) {
	want := l.most()
	var total uint64
	for _, w := range want {
		total += w.estimate()
	}
	if len(want) > 1 && total > answerWithin {
		want = l.slowest(want)
	}
	for _, w := range want {
		if w.amount*l.tries > l.done[w.unit] {
			w.amount = w.amount*l.tries - l.done[w.unit]
			missing = append(missing, w)
		}
	}
	return missing
}

// most is the largest work of each unit in use, in an order that is always the same.
func (l *ledger) most() (want []Work) {
	for _, w := range l.inUse {
		if i := slices.IndexFunc(want, func(o Work) bool { return o.unit == w.unit }); i >= 0 {
			want[i].amount = max(want[i].amount, w.amount)
		} else {
			want = append(want, w)
		}
	}
	slices.SortFunc(want, func(a, b Work) int { return strings.Compare(a.String(), b.String()) })
	return want
}

// slowest is the one that takes longest, without the share of it that other work has taken already.
func (l *ledger) slowest(want []Work) []Work {
	w := slices.MaxFunc(want, func(a, b Work) int { return int(a.estimate()) - int(b.estimate()) }) //nolint:gosec // 32 bits each
	var others uint64
	for u, amount := range l.done {
		if u != w.unit {
			others += Work{u, amount}.estimate() / l.tries
		}
	}
	whole := w.estimate()
	w.amount -= w.amount * min(others, whole) / max(whole, 1)
	return []Work{w}
}
