// Package postgrestest is a real PostgreSQL server for tests, one for each test binary.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usher365/usher/shared/postgrestest/server"
)

// theServer ends with the test binary.
var theServer = sync.OnceValues(func() (*server.Server, error) { return server.Start(context.Background()) })

// made counts the databases and schemas of this process.
var made atomic.Int64

// Schema makes an empty schema for one test and gives the URL of the database around
// it, with a search_path that shows only this schema. It is twenty times as quick as
// Database. The first call starts the server. Without PostgreSQL on the machine the
// test is skipped, and fails where the environment says CI=true.
func Schema(t testing.TB) string {
	t.Helper()
	return fresh(t, "SCHEMA", "CASCADE", func(s *server.Server, name string) string {
		return s.URL("postgres") + "&search_path=" + name
	})
}

// Database makes an empty database for one test and gives its URL. All else is as with Schema.
func Database(t testing.TB) string {
	t.Helper()
	return fresh(t, "DATABASE", "WITH (FORCE)", (*server.Server).URL)
}

func fresh(t testing.TB, what, whatever string, url func(*server.Server, string) string) string {
	t.Helper()
	s, err := theServer()
	if errors.Is(err, server.ErrNotInstalled) {
		missing(t)
	}
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := fmt.Sprint("test", made.Add(1))
	// The context of the test is over when the test is cleaned up.
	ctx := context.WithoutCancel(t.Context())
	if err := s.Execute(ctx, "CREATE "+what+" "+name); err != nil {
		t.Fatalf("make %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := s.Execute(ctx, "DROP "+what+" "+name+" "+whatever); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
	})
	return url(s, name)
}

func missing(t testing.TB) {
	t.Helper()
	text := "NOT TESTED here: " + server.ErrNotInstalled.Error()
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	t.Skip(text)
}
