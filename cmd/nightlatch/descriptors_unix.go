//go:build unix

package main

import "syscall"

// descriptors is how many files and connections the process may have open. The runtime of Go has raised it to what the
// system allows at most.
func descriptors() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	return uint64(l.Cur) //nolint:unconvert // it is signed on some systems
}
