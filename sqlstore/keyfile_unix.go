//go:build unix

package sqlstore

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner of the one that it replaces: root may rotate the key of a server that is not root. Where
// that is refused, the file is ours, and the server says that it cannot read it.
func keepOwner(f *os.File, old fs.FileInfo) {
	if was, ok := old.Sys().(*syscall.Stat_t); ok && int(was.Uid) != os.Geteuid() {
		_ = f.Chown(int(was.Uid), int(was.Gid))
	}
}
