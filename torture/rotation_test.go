package torture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"runtime"
)

// rotation is "nightlatch key rotate" beside the nodes: it is started, goes on while they are killed, and is killed itself.
type rotation struct {
	w     *world
	cmd   *exec.Cmd
	ended chan struct{}
	said  bytes.Buffer
}

func (w *world) newRotation(share int) victim {
	r := &rotation{w: w}
	w.t.Cleanup(func() { r.kill() })
	return victim{"a rotation of keys", share, func(*rand.Rand) error {
		if r.running() {
			r.kill()
			return nil
		}
		return r.start()
	}, func() error { return nil }}
}

func (r *rotation) running() bool {
	if r.cmd == nil {
		return false
	}
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

// start starts one. It may fail when the database is killed; what it leaves must be whole all the same.
func (r *rotation) start() error {
	r.said.Reset()
	cmd, ended, started := r.w.rotate(), make(chan struct{}), make(chan error, 1)
	cmd.Stdout, cmd.Stderr = &r.said, &r.said
	endWithUs(cmd)
	go func() {
		runtime.LockOSThread() // with which it ends
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			if cmd.Wait() == nil {
				r.w.did("rotation of keys")
			}
			close(ended)
		}
	}()
	r.cmd, r.ended = cmd, ended
	return <-started
}

func (r *rotation) kill() {
	if r.running() {
		_ = r.cmd.Process.Kill()
		<-r.ended
	}
}

func (w *world) rotate() *exec.Cmd {
	cmd := exec.Command(w.nodes[0].program, "key", "rotate", "--wait", "5m") //nolint:gosec,noctx // the program that is tested
	cmd.Dir, cmd.Env = w.dir, plainEnv()
	return cmd
}

// rotatesAtLast demands that a rotation, after all that were broken off, finishes.
func (w *world) rotatesAtLast() {
	if out, err := w.rotate().CombinedOutput(); err != nil {
		w.fault(fmt.Errorf("a rotation of keys at the end: %w: %s", err, out))
	}
}
