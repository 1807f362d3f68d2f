package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nightlatch/nightlatch/internal/pgtest"
)

// shotsDir is where TestPagesFit saves pictures of the pages.
var shotsDir = flag.String("shots", "", "save a picture of every page in this directory")

// built is the program under test, chromium the browser. Both are set once, by TestMain.
var built, chromium string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	chromium = findChromium()
	dir, err := os.MkdirTemp("", "nightlatch-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	built = filepath.Join(dir, "nightlatch")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", built, "./cmd/nightlatch")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: build the program: %v\n%s", err, out)
		return 1
	}
	return pgtest.Main(m)
}

// findChromium returns "" where there is none.
func findChromium() string {
	for _, name := range []string{os.Getenv("NIGHTLATCH_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

// noSkip says whether what is missing must fail the test.
func noSkip() bool { return os.Getenv("CI") == "true" || os.Getenv("NIGHTLATCH_NO_SKIP") != "" }

// missing skips the test for want of a tool, or fails it where nothing may be skipped.
func missing(t *testing.T, tool string) {
	t.Helper()
	if noSkip() {
		t.Fatalf("%s is missing, and nothing may be skipped here", tool)
	}
	t.Skipf("%s is missing", tool)
}
