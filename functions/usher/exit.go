package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/usher/embedded"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// The exit codes; exitCodes tells what they mean.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitConfig      = 3
	exitUnreachable = 4
	exitRefused     = 5
	exitWaiting     = 6
)

const exitCodes = `usher gives these exit codes:

  0  ok              what was asked for is done
  1  failed          a request failed, an audit chain is broken, or something unforeseen happened
  2  usage           an unknown command or flag, or a missing argument
  3  configuration   a setting is missing or wrong, or the data directory cannot be used
  4  not reachable   the server, the tenant or the network did not answer
  5  refused         a rule refuses it (hold, protected account, unknown profile …), or something
                     is missing in the tenant that 'usher doctor' names
  6  waiting         the request still waits: for replication, a grace, or an approval
`

// failure is an error with its exit code and what to do next.
type failure struct {
	code   int
	err    error
	remedy string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func failed(code int, remedy, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...), remedy}
}

// report writes an error with its remedy, and gives the exit code.
func (p *program) report(err error) int {
	if err == nil {
		return exitOK
	}
	f := p.explain(err)
	fmt.Fprintf(p.stderr, "usher: %s\n", strings.TrimSpace(f.Error()))
	if f.remedy != "" {
		fmt.Fprintf(p.stderr, "       %s\n", strings.ReplaceAll(f.remedy, "\n", "\n       "))
	}
	return f.code
}

// explain finds the exit code and the remedy of any error.
func (p *program) explain(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if !p.started {
		return &failure{exitUsage, err, "'usher --help' shows the commands, 'usher COMMAND --help' its flags"}
	}
	if _, wrong := errors.AsType[config.Problems](err); wrong {
		return &failure{exitConfig, err, "usher.example.yaml documents every setting and its environment variable"}
	}
	if f := ofSystem(err); f != nil {
		return f
	}
	if problem, ok := errors.AsType[*console.Problem](err); ok {
		return &failure{codeOf(problem.Code), err, problem.Remedy}
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return &failure{codeOf(f.Code), err, fault.Remedy(f.Code)}
	}
	return &failure{exitFailed, err, ""}
}

// codeOf gives the exit code of a fault code.
func codeOf(code fault.Code) int {
	switch code {
	case fault.Unreachable, fault.ServiceUnavailable, fault.Throttled:
		return exitUnreachable
	case fault.CredentialInvalid, fault.TenantNotFound, console.CodeUnauthorized:
		return exitConfig
	case console.CodeBadRequest:
		return exitUsage
	case fault.Unexpected, fault.LedgerUnavailable, fault.SecretUnavailable:
		return exitFailed
	}
	return exitRefused
}

// ofSystem explains what the system and the database say; nil for anything else.
func ofSystem(err error) *failure {
	switch {
	case errors.Is(err, ledger.ErrLocked), errors.Is(err, embedded.ErrLocked):
		return &failure{exitConfig, err, "another usher works on this data directory: stop it, or give another with --data"}
	case errors.Is(err, ledger.ErrCorrupt):
		return &failure{exitConfig, err, "restore the file from a backup, or move it away to begin with an empty ledger; nothing was changed in it"}
	case errors.Is(err, syscall.EADDRINUSE):
		return &failure{exitConfig, err, "another program listens there: choose another address with --listen or USHER_LISTEN"}
	case isListening(err):
		return &failure{exitConfig, err, "give HOST:PORT with --listen or USHER_LISTEN"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrNotExist):
		return &failure{exitConfig, err, "check the path and its permissions; the data directory is given with --data"}
	case errors.Is(err, syscall.ENOSPC):
		return &failure{exitFailed, err, "the disk is full: make room and start again; nothing was lost"}
	case errors.Is(err, context.Canceled):
		return &failure{exitFailed, errors.New("stopped"), ""}
	}
	return nil
}

// isListening reports whether an address could not be listened on.
func isListening(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && failed.Op == "listen"
}
