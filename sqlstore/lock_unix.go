//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package sqlstore

import (
	"errors"
	"os"
	"syscall"
)

// lockDir locks a directory for all that use the databases in it, or for one that nobody may be beside (ErrInUse). The
// kernel takes the lock back when the process ends. It is the directory's and not the file's, since SQLite has locks of
// its own there, and since a file that is replaced takes its lock along. Where it cannot be locked (a directory that
// cannot be read, a file system without locks) nothing is, and SQLite's own locks are what is left.
func lockDir(dir string, only bool) (release func(), err error) {
	f, err := os.Open(dir) //nolint:gosec // the directory of the database
	if err != nil {
		return func() {}, nil //nolint:nilerr // see above
	}
	how := syscall.LOCK_SH
	if only {
		how = syscall.LOCK_EX
	}
	for {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return nil, ErrInUse
	}
	return func() { _ = f.Close() }, nil
}
