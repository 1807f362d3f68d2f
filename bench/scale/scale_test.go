package scale

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	sizesFlag = flag.String("accounts", "200,2000", "how many accounts the databases have, the smallest first")
	onFlag    = flag.String("on", "sqlite,postgres", "the databases")
	rounds    = flag.Int("rounds", 30, "how often each thing is asked of each database")
)

// things are what is measured, in the order of the report.
var things = []string{
	"password (cheap hash)", "second step", "forward-auth, session not in the cache", "forward-auth, known session",
	"list page of accounts", "search for a name", "own events", "expiry of 20 sign-ins",
}

// TestScale fills databases and measures. It fails where something is refused; how long things take it only reports.
func TestScale(t *testing.T) {
	for _, what := range strings.Split(*onFlag, ",") {
		t.Run(what, func(t *testing.T) {
			if databases[what] == nil {
				t.Fatalf("there is no database %q", what)
			}
			var houses []*house
			for _, text := range strings.Split(*sizesFlag, ",") {
				n, err := strconv.Atoi(text)
				if err != nil || n < 4*(*rounds) {
					t.Fatalf("-accounts: %q is no number of at least four times -rounds", text)
				}
				h := newHouse(t, what)
				h.fill(t, n)
				h.admin, _, _ = h.signIn(t, 0)
				houses = append(houses, h)
			}
			report(t, what, houses, measure(t, houses))
		})
	}
}

// measure asks the same of all houses in turn, so that what the machine does meanwhile is theirs alike. The first tenth
// is for warming up.
func measure(t *testing.T, houses []*house) map[string][][]time.Duration {
	t.Helper()
	took := map[string][][]time.Duration{}
	for _, thing := range things {
		took[thing] = make([][]time.Duration, len(houses))
	}
	chance := rand.New(rand.NewPCG(2026, 11))
	warm := *rounds / 10
	for round := range *rounds + warm {
		for _, i := range chance.Perm(len(houses)) {
			for thing, d := range houses[i].round(t, chance) {
				if round >= warm {
					took[thing][i] = append(took[thing][i], d)
				}
			}
		}
	}
	return took
}

// round asks for each thing once. Whoever signs in has never done so.
func (h *house) round(t *testing.T, chance *rand.Rand) map[string]time.Duration {
	t.Helper()
	took := map[string]time.Duration{}
	n := h.next
	h.next += 2
	var token string
	token, took["password (cheap hash)"], took["second step"] = h.signIn(t, n)
	took["forward-auth, session not in the cache"] = h.decide(t, token)
	took["forward-auth, known session"] = h.decide(t, token)
	took["list page of accounts"] = h.list(t, nameOf(n))
	took["search for a name"] = h.search(t, nameOf(1+chance.IntN(h.size-1)))
	_, took["own events"] = h.ask(t, "GET", "/api/v1/events", token, nil, 200)
	took["expiry of 20 sign-ins"] = h.expire(t, n+1)
	return took
}

// expire begins sign-ins that nobody finishes, and measures how long their removal takes once they are over.
func (h *house) expire(t *testing.T, n int) time.Duration {
	t.Helper()
	for range 20 {
		h.ask(t, "POST", "/api/v1/sign-in", "", map[string]string{"identifier": nameOf(n), "password": words, "transport": "token"}, 200)
	}
	h.clock.move(20 * time.Minute)
	begun := time.Now()
	gone, err := h.server.Service.Expire(t.Context(), 500)
	took := time.Since(begun)
	if err != nil || gone < 20 {
		t.Fatalf("%d records expired, %v", gone, err)
	}
	h.admin, _, _ = h.signIn(t, 0) // the proof was fresh no more
	return took
}

// report prints a table of medians, and of each size's ratio to the smallest.
func report(t *testing.T, what string, houses []*house, took map[string][][]time.Duration) {
	t.Helper()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s, medians of %d\t", what, *rounds)
	for _, h := range houses {
		fmt.Fprintf(w, "%d\t", h.size)
	}
	for _, h := range houses[1:] {
		fmt.Fprintf(w, "%d:%d\t", h.size, houses[0].size)
	}
	fmt.Fprintln(w)
	for _, thing := range things {
		fmt.Fprintf(w, "%s\t", thing)
		for i := range houses {
			fmt.Fprintf(w, "%.3f ms\t", ms(median(took[thing][i])))
		}
		for i := range houses[1:] {
			fmt.Fprintf(w, "%.2f\t", ms(median(took[thing][i+1]))/ms(median(took[thing][0])))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
	t.Logf("%d processors, %s, %s\n%s", runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH, runtime.Version(), text.String())
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
