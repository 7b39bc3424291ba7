//go:build unix

package sambatest

import "syscall"

// ownGroup puts the controller into a process group of its own, so that Ctrl-C reaches
// the test alone.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
