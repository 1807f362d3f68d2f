package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkStart starts the program as it is released on a data directory that is there, and stops it: start-ms is the
// median from its beginning to the line that says it is ready, idle-MiB its memory a second later (VmRSS), own-MiB what of that is not
// the program's own file (RssAnon), binary-MiB its size.
func BenchmarkStart(b *testing.B) {
	program := filepath.Join(b.TempDir(), "nightlatch")
	build := exec.CommandContext(b.Context(), "go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", program, "./cmd/nightlatch")
	build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the program: %v\n%s", err, out)
	}
	info, err := os.Stat(program)
	must(b, err)
	dir := b.TempDir()
	must(b, os.WriteFile(filepath.Join(dir, "nightlatch.toml"), []byte("[log]\nlevel = \"error\"\n"), 0o600))
	serve := func() (took time.Duration, idle, own float64) {
		cmd := exec.CommandContext(b.Context(), program, "serve", "--listen", "localhost:0")
		begun := time.Now()
		p := started(b, dir, cmd)
		took = time.Since(begun)
		time.Sleep(time.Second) // at rest
		idle, own = p.memory(b, "VmRSS"), p.memory(b, "RssAnon")
		must(b, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait()
		return took, idle, own
	}
	serve() // it makes the key and the database
	var took []time.Duration
	var idle, own []float64
	for b.Loop() {
		for range 5 {
			d, all, ours := serve()
			took, idle, own = append(took, d), append(idle, all), append(own, ours)
		}
	}
	slices.Sort(took)
	slices.Sort(idle)
	slices.Sort(own)
	b.ReportMetric(ms(took[len(took)/2]), "start-ms")
	b.ReportMetric(idle[len(idle)/2]*1e6/(1<<20), "idle-MiB")
	b.ReportMetric(own[len(own)/2]*1e6/(1<<20), "own-MiB")
	b.ReportMetric(float64(info.Size())/(1<<20), "binary-MiB")
}
