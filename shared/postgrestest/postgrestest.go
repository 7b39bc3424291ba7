// Package postgrestest starts a real PostgreSQL server for tests: one for each test
// binary, in a temporary directory, on a Unix socket only, without fsync. It ends, and
// its directory goes, when the test binary does, in whatever way that ends.
package postgrestest

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// superuser is the one user of the server. It needs no password.
const superuser = "usher"

// startTimeout is how long a server may take to answer.
const startTimeout = time.Minute

// made counts the databases and schemas of this process.
var made atomic.Int64

// Schema makes an empty schema for one test and gives the URL of the database around
// it, with a search_path that shows only this schema. It is twenty times as quick as
// Database. The first call starts the server. Without PostgreSQL on the machine the
// test is skipped, and fails where the environment says CI=true.
func Schema(t testing.TB) string {
	t.Helper()
	return fresh(t, "SCHEMA", "CASCADE", func(s *server, name string) string {
		return s.url("postgres") + "&search_path=" + name
	})
}

// Database makes an empty database for one test and gives its URL. All else is as with Schema.
func Database(t testing.TB) string {
	t.Helper()
	return fresh(t, "DATABASE", "WITH (FORCE)", (*server).url)
}

func fresh(t testing.TB, what, whatever string, url func(*server, string) string) string {
	t.Helper()
	if binaries() == "" {
		missing(t)
	}
	s, err := theServer()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := fmt.Sprint("test", made.Add(1))
	// The context of the test is over when the test is cleaned up.
	ctx := context.WithoutCancel(t.Context())
	if err := s.execute(ctx, "CREATE "+what+" "+name); err != nil {
		t.Fatalf("make %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := s.execute(ctx, "DROP "+what+" "+name+" "+whatever); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
	})
	return url(s, name)
}

func missing(t testing.TB) {
	t.Helper()
	const text = "PostgreSQL IS NOT INSTALLED, so this is NOT TESTED here: apt-get install postgresql, or put initdb and postgres in the PATH"
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	t.Skip(text)
}

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

// server is a running one.
type server struct{ socket string }

var theServer = sync.OnceValues(start)

// script makes the database cluster $2 with the programs in $1 and runs a server on
// it until standard input ends, which it does when the test binary is gone.
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

func start() (*server, error) {
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
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s := &server{dir}
	return s, s.await(ended)
}

// await waits until the server answers.
func (s *server) await(ended <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := s.execute(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case status := <-ended:
			return fmt.Errorf("the server ended: %v", status)
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.socket, "log"))
			return fmt.Errorf("%w; its log: %s", err, strings.TrimSpace(string(log)))
		}
	}
}

func (s *server) url(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(superuser), Path: "/" + database,
		RawQuery: url.Values{"host": {s.socket}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// execute runs one statement in the server's own database.
func (s *server) execute(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) // the statement has answered
	_, err = conn.Exec(ctx, statement)
	return err
}
