package pgtest

import (
	"os"
	"os/exec"
	osuser "os/user"
	"strconv"
	"syscall"
)

// asOther lets a program run as the user postgres where this is root, as which PostgreSQL refuses to run, and lets it die with
// the thread that starts it.
func asOther(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := postgres()
	if err == nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{}} //nolint:gosec // the system's own numbers
	}
	return err
}

// giveAway makes a directory the user's as whom programs run.
func giveAway(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := postgres()
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, gid)
}

func postgres() (uid, gid int, err error) {
	u, err := osuser.Lookup("postgres")
	if err != nil {
		return 0, 0, err
	}
	if uid, err = strconv.Atoi(u.Uid); err == nil {
		gid, err = strconv.Atoi(u.Gid)
	}
	return uid, gid, err
}

func alive(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }
