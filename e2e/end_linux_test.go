package e2e

import (
	"os/exec"
	"syscall"
)

// endWithUs lets the kernel end the program when the tests are killed.
func endWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
