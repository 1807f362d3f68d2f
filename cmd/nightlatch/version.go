package main

import (
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

// Run prints the version of the module that was built, and with what.
func (versionCommand) Run(c *console) error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	return c.print("nightlatch %s %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
