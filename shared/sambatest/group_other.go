//go:build !unix

package sambatest

import "syscall"

// ownGroup has nothing to do where Samba does not run.
func ownGroup() *syscall.SysProcAttr { return nil }
