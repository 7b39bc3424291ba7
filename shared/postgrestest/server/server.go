// Package server starts a real PostgreSQL server for the life of this process: in a
// temporary directory, on a Unix socket only, without fsync. It ends, and its directory
// goes, when the process does, in whatever way that ends.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNotInstalled says how to get what is missing.
var ErrNotInstalled = errors.New("PostgreSQL is not installed: apt-get install postgresql, or put initdb and postgres in the PATH")

// superuser is the one user of the server. It needs no password.
const superuser = "usher"

// startTimeout is how long a server may take to answer.
const startTimeout = time.Minute

// binaries finds the directory of initdb and postgres: that of the PATH first, then the
// newest of Debian's, which are not in the PATH. Empty when there is none.
var binaries = sync.OnceValue(func() string {
	if found, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(found)
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return ""
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(release(a), release(b)) }))
})

// release is the number in /usr/lib/postgresql/15/bin/initdb.
func release(path string) float64 {
	number, err := strconv.ParseFloat(filepath.Base(filepath.Dir(filepath.Dir(path))), 64)
	if err != nil {
		return 0
	}
	return number
}

// Server is a running one.
type Server struct {
	socket string
	stdin  io.Closer
	ended  chan error
}

// script makes the database cluster $2 with the programs in $1 and runs a server on
// it until standard input ends, which it does when this process is gone.
const script = `
set -eu
trap 'rm -rf "$2"' EXIT
"$1/initdb" -D "$2/data" -U "$3" -A trust -E UTF8 --no-locale --no-sync --no-instructions >"$2/log" 2>&1
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off \
	-c synchronous_commit=off -c max_connections=200 >>"$2/log" 2>&1 </dev/null &
cat >/dev/null
kill -QUIT $!
wait $! || true
`

// Start starts a server, or fails with ErrNotInstalled. As root it runs as another user.
func Start(ctx context.Context) (*Server, error) {
	if binaries() == "" {
		return nil, ErrNotInstalled
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// The path of a socket has 107 bytes at most, which longer temporary directories exceed.
	dir, err := os.MkdirTemp("/tmp", "usher-postgres-")
	if err != nil {
		return nil, err
	}
	if err := as.own(dir); err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", script, "sh", binaries(), dir, superuser)
	cmd.Dir, cmd.SysProcAttr = dir, as.attributes()
	s := &Server{socket: dir, ended: make(chan error, 1)}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- cmd.Wait() }()
	return s, s.await(ctx)
}

// Close stops the server and removes its directory.
func (s *Server) Close() error {
	if err := s.stdin.Close(); err != nil {
		return err
	}
	<-s.ended
	return nil
}

// await waits until the server answers.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.Execute(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case status := <-s.ended:
			return fmt.Errorf("the server ended (%v); its log: %s", status, s.log())
		case <-ctx.Done():
			return fmt.Errorf("%w; its log: %s", err, s.log())
		}
	}
}

// log is what the server wrote; without it the error says less.
func (s *Server) log() string {
	text, _ := os.ReadFile(filepath.Join(s.socket, "log"))
	return strings.TrimSpace(string(text))
}

// URL is the URL of a database; postgres is there from the start.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(superuser), Path: "/" + database,
		RawQuery: url.Values{"host": {s.socket}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// Execute runs one statement in the server's own database.
func (s *Server) Execute(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) // the statement has answered
	_, err = conn.Exec(ctx, statement)
	return err
}
