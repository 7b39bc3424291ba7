//go:build unix

package server

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// identity is whom the server runs as; nil is ourselves.
type identity struct{ uid, gid int }

// unprivileged gives another user for root, as whom PostgreSQL refuses to run.
func unprivileged() (*identity, error) {
	if os.Geteuid() != 0 {
		return nil, nil // nil is an identity
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(found.Uid)
		gid, errGID := strconv.Atoi(found.Gid)
		return &identity{uid, gid}, errors.Join(errUID, errGID)
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

func (i *identity) own(dir string) error {
	if i == nil {
		return nil
	}
	return os.Chown(dir, i.uid, i.gid)
}

// attributes put the server into a process group of its own, so that Ctrl-C reaches the
// process alone.
func (i *identity) attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if i != nil {
		a.Credential = &syscall.Credential{Uid: uint32(i.uid), Gid: uint32(i.gid)}
	}
	return a
}
