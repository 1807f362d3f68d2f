package storetest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/nightlatch/nightlatch"
)

// durableDir tells a child of Durable where its store is.
const durableDir = "NIGHTLATCH_STORETEST_DIR"

// Durable tests that what a Tx has committed survives the death of the process. It runs the calling test again in
// a child process, kills that in the middle of its work, and reads what it had acknowledged. open opens the store
// that is kept in a directory. The test that calls Durable does nothing else.
func Durable(t *testing.T, open func(t *testing.T, dir string) nightlatch.Store) {
	if dir := os.Getenv(durableDir); dir != "" {
		commitForever(t, open(t, dir))
		return
	}
	dir := t.TempDir()
	acknowledged := 0
	for _, more := range []int{1, 40, 7} { // killed at several moments; each child goes on where the last one died
		acknowledged = runChild(t, dir, acknowledged+more)
		s := open(t, dir)
		for i := range acknowledged {
			if !isThere(t, s, numbered(i)) {
				t.Fatalf("commit %d of %d was acknowledged and is lost", i, acknowledged)
			}
		}
	}
}

func numbered(i int) string { return fmt.Sprintf("user %d", i) }

// commitForever puts one user after the other, and says so on standard output when each is committed.
func commitForever(t *testing.T, s nightlatch.Store) {
	for i := 0; ; i++ {
		if isThere(t, s, numbered(i)) {
			continue
		}
		put(t, s, user(numbered(i)))
		if _, err := fmt.Printf("committed %d\n", i); err != nil {
			return // nobody listens
		}
	}
}

// runChild runs a child until it has acknowledged the commits below n, kills it without warning, and returns how
// many it had acknowledged by then.
func runChild(t *testing.T, dir string, n int) int {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.count=1")
	child.Env = append(os.Environ(), durableDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	acknowledged := 0
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var i int
		if _, err := fmt.Sscanf(lines.Text(), "committed %d", &i); err != nil {
			said = append(said, lines.Text())
			continue
		}
		acknowledged = max(acknowledged, i+1)
		if acknowledged >= n && !killed {
			killed = true
			if err := child.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	exit := (*exec.ExitError)(nil)
	if err := child.Wait(); !killed || !errors.As(err, &exit) {
		t.Fatalf("the child ended by itself: %v\n%s", err, said)
	}
	return acknowledged
}
