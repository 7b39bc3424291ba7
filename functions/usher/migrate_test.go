package main

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/postgrestest"
)

const databasePassword = "hunter2-correct-horse"

// database gives the shell the URL of a ledger with a password in it.
func (s *shell) database(address string) {
	u, err := url.Parse(address)
	require.NoError(s, err)
	u.User = url.UserPassword(u.User.Username(), databasePassword)
	s.env["USHER_DATABASE_URL"], s.env["USHER_SERVICEBUS_NAMESPACE"] = u.String(), "usher.servicebus.windows.net"
}

func TestMigrate(t *testing.T) {
	s := newShell(t)
	s.database(postgrestest.Schema(t))
	migrate := func(code int, args ...string) result {
		t.Helper()
		r := s.run(append([]string{"migrate"}, args...)...)
		require.Equal(t, code, r.code, "%v\n%s%s", args, r.out, r.err)
		assert.NotContains(t, r.out+r.err, databasePassword)
		return r
	}
	missing := migrate(exitFailed, "--check")
	assert.Contains(t, missing.out, ".sql\n")
	assert.Contains(t, missing.err, "run 'usher migrate' as a user that may create tables")
	assert.Equal(t, missing.out, migrate(exitFailed, "--check").out, "a check changes nothing")
	assert.Equal(t, missing.out, migrate(exitOK).out, "what was missing is made")
	for _, args := range [][]string{nil, {"--check"}} {
		assert.Equal(t, "The ledger is up to date.\n", migrate(exitOK, args...).out)
	}
	assert.NoDirExists(t, s.dir)
}

// The secrets of the functions need not be there yet when the ledger is made.
func TestPreparingAsksForNoFunctionsSecrets(t *testing.T) {
	s := newShell(t)
	path := filepath.Join(t.TempDir(), "usher.yaml")
	require.NoError(t, os.WriteFile(path, []byte("apiToken: env:NOT_YET\n"), 0o600))
	for _, args := range [][]string{{"policy", "show"}, {"profiles"}, {"migrate"}, {"bootstrap"}} {
		r := s.run(append([]string{"--config", path}, args...)...)
		assert.NotContains(t, r.err, "NOT_YET", args)
	}
	assert.Contains(t, s.run("--config", path, "list").err, "NOT_YET")
}

func TestMigrateRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*shell)
		code  int
		says  string
	}{
		"NoDatabase":     {func(s *shell) { s.env = map[string]string{} }, exitConfig, "USHER_DATABASE_URL"},
		"Embedded":       {func(s *shell) { s.env = map[string]string{"USHER_DATABASE_URL": "sqlite:usher.db"} }, exitConfig, "the embedded ledger makes its tables by itself"},
		"NoQueue":        {func(s *shell) { delete(s.env, "USHER_SERVICEBUS_NAMESPACE") }, exitConfig, "USHER_SERVICEBUS_NAMESPACE"},
		"NotAURL":        {func(s *shell) { s.env["USHER_DATABASE_URL"] += ":%zz" }, exitConfig, "is not a URL"},
		"UnknownSetting": {func(s *shell) { s.env["USHER_DATABASE_URL"] += "?sslmode=perhaps" }, exitFailed, "cannot be read"},
		"Unreachable":    {func(*shell) {}, exitFailed, "put that right and run it again; nothing was changed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			s.database("postgres://usher@127.0.0.1:1/usher")
			c.spoil(s)
			for _, args := range [][]string{{"migrate"}, {"migrate", "--check"}} {
				r := s.run(args...)
				assert.Equal(t, c.code, r.code, r.err)
				assert.Contains(t, r.err, c.says)
				assert.Empty(t, r.out)
				assert.NotContains(t, r.err, databasePassword)
			}
		})
	}
}
