//go:build !unix

package server

import (
	"errors"
	"syscall"
)

// identity is whom the server runs as.
type identity struct{}

func unprivileged() (*identity, error) {
	return nil, errors.New("PostgreSQL is started on Unix only")
}

func (*identity) own(string) error { return nil }

func (*identity) attributes() *syscall.SysProcAttr { return nil }
