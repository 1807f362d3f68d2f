package torture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// settingsText are the nodes' settings. Codes are long, so that none is right by chance; a code by time lasts a short time,
// so that there are many; wrong ones hardly wait, since codes of sets that were replaced are sent on purpose.
const settingsText = `public_url = "http://localhost:8080"
database_url = %q
[policy]
factors = ["totp", "hotp", "recovery"]
fresh = "24h"
[sign_up]
enabled = true
per_address_per_hour = 10000
[totp]
digits = 8
period = 10
window = 2
[throttle]
free_tries = 1000
day_limit = 100000
[log]
level = "warn"
`

const (
	clients      = 8 // at once
	peopleOfEach = 2 // accounts of each client
)

// victim is something that is killed and comes back.
type victim struct {
	name  string
	share int
	kill  func(random *rand.Rand) error
	back  func() error
}

// world is the nodes, those who use them, and what was seen.
type world struct {
	t      *testing.T
	dir    string
	nodes  []*node
	http   *http.Client
	people []*person

	known, unknown atomic.Int64

	mu     sync.Mutex
	random *rand.Rand
	done   map[string]int
	faults []error
}

// newWorld makes nodes that share one directory, with its key, and starts them, one program after the other.
func newWorld(t *testing.T, seed uint64, databaseURL string, programs ...string) *world {
	t.Helper()
	w := &world{
		t: t, dir: t.TempDir(), done: map[string]int{}, random: newRandom(seed, 0),
		http: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * clients}},
	}
	if err := os.WriteFile(filepath.Join(w.dir, "nightlatch.toml"), fmt.Appendf(nil, settingsText, databaseURL), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, program := range programs {
		n := &node{name: fmt.Sprintf("node %d", i+1), dir: w.dir, program: program}
		t.Cleanup(func() { _ = n.kill() })
		if err := n.start(); err != nil {
			t.Fatal(err)
		}
		w.nodes = append(w.nodes, n)
	}
	for i := range clients * peopleOfEach {
		w.people = append(w.people, newPerson(w, fmt.Sprintf("person-%d", i), newRandom(seed, uint64(i)+1))) //nolint:gosec // few
	}
	return w
}

func newRandom(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // the same choices for the same seed
}

// any is a number below n.
func (w *world) any(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(n)
}

// did counts what was acknowledged.
func (w *world) did(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[what]++
}

// fault notes what was found. The first one ends the test.
func (w *world) fault(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, err)
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.faults) > 0
}

// torture lets people live while victims are killed, so many times.
func (w *world) torture(kills int, victims []victim) {
	stop := make(chan struct{}) // people finish what they are at: each answer counts
	var wg sync.WaitGroup
	for i := range clients {
		mine := w.people[i*peopleOfEach : (i+1)*peopleOfEach]
		wg.Go(func() { w.client(w.t.Context(), stop, mine) })
	}
	begun := time.Now()
	for i := range kills {
		if err := w.strike(victims); err != nil {
			w.fault(fmt.Errorf("kill %d: %w", i+1, err))
		}
		if w.failed() {
			break
		}
		if (i+1)%50 == 0 {
			w.t.Logf("%d kills after %s: %d answers, %d requests without one", i+1, time.Since(begun).Round(time.Second), w.known.Load(), w.unknown.Load())
		}
	}
	_ = w.progress(20) // what the last kill has broken off
	close(stop)
	wg.Wait()
}

// client lets some people live in turn.
func (w *world) client(ctx context.Context, stop <-chan struct{}, mine []*person) {
	for !w.failed() {
		select {
		case <-stop:
			return
		default:
		}
		p := mine[w.any(len(mine))]
		unknown := w.unknown.Load()
		if err := p.live(ctx); err != nil && !errors.Is(err, errOver) {
			w.fault(err)
			return
		}
		pause := time.Duration(w.any(20)) * time.Millisecond
		if w.unknown.Load() != unknown {
			pause += 50 * time.Millisecond // the database may be away: there is no use in asking at once
		}
		_ = rest(ctx, pause)
	}
}

// strike waits until people get on, and then kills one of the victims in the midst of what comes next.
func (w *world) strike(victims []victim) error {
	if err := w.progress(5 + w.any(30)); err != nil {
		return err
	}
	time.Sleep(time.Duration(w.any(50_000)) * time.Microsecond)
	all := 0
	for _, v := range victims {
		all += v.share
	}
	n := w.any(all)
	for _, v := range victims {
		if n -= v.share; n >= 0 {
			continue
		}
		if err := v.kill(newRandom(uint64(w.any(1<<30)), 0)); err != nil { //nolint:gosec // positive
			return fmt.Errorf("%s: %w", v.name, err)
		}
		w.did("kill of " + v.name)
		time.Sleep(time.Duration(w.any(300)) * time.Millisecond)
		if err := v.back(); err != nil {
			return fmt.Errorf("%s does not come back: %w", v.name, err)
		}
		return nil
	}
	return nil
}

// progress waits for some answers. Where there are none for a long time, everybody is locked out.
func (w *world) progress(answers int) error {
	for until, end := w.known.Load()+int64(answers), time.Now().Add(patience); w.known.Load() < until && !w.failed(); {
		if time.Now().After(end) {
			return fmt.Errorf("nobody gets on: %d answers, %d requests without one", w.known.Load(), w.unknown.Load())
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}

// report says what was seen.
func (w *world) report() {
	for _, err := range w.faults {
		w.t.Error(err)
	}
	for _, n := range w.nodes {
		if len(w.faults) > 0 {
			w.t.Log(n.said())
		}
	}
	for _, what := range slices.Sorted(maps.Keys(w.done)) {
		w.t.Logf("%6d %s", w.done[what], what)
	}
	w.t.Logf("%6d answers, %d requests without one", w.known.Load(), w.unknown.Load())
}
