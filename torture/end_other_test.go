//go:build !linux

package torture

import "os/exec"

func endWithUs(*exec.Cmd) {}
