package torture

import (
	"os/exec"
	"syscall"
)

// endWithUs lets a process die with the thread that starts it, so that nothing outlives a test that is killed.
func endWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
