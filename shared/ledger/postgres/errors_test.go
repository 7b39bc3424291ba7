package postgres

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/postgrestest"
)

func TestBadURLIsExplainedWithoutIt(t *testing.T) {
	for _, url := range []string{
		"", "usher.db", "mysql://u:geheim@h/d", "postgres://u:geheim@h:port/d", "postgres://u:ge%heim@h/d",
		"host=h password=geheim", "postgres://u:geheim@h/d?sslmode=perhaps",
	} {
		_, err := Open(t.Context(), Options{URL: url})
		require.ErrorContains(t, err, "postgres://user:password@host:5432/database", url)
		require.NotContains(t, err.Error(), "heim")
		require.True(t, fault.Is(err, fault.LedgerUnavailable))
		require.Equal(t, fault.Permanent, fault.ClassOf(err))
		_, err = Migrate(t.Context(), url, true)
		require.ErrorContains(t, err, "postgres://user:password@host:5432/database", url)
	}
}

// closedPort gives an address at which nobody listens.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// nameOf gives the name of the database in an URL.
func nameOf(url string) string {
	url, _, _ = strings.Cut(url, "?")
	return url[strings.LastIndex(url, "/")+1:]
}

func TestWhatAPersonIsToldAtTheStart(t *testing.T) {
	url := migrated(t, postgrestest.Database(t))
	name := nameOf(url)
	execute(t, url, `CREATE ROLE role_`+name+` LOGIN`)
	for what, tt := range map[string]struct {
		url, text string
		class     fault.Class
	}{
		"no server":     {"postgres://u:geheim@" + closedPort(t) + "/d?sslmode=disable", "cannot be reached: check host and port", fault.Transient},
		"no socket":     {"postgres://u:geheim@/d?host=/nonexistent", "cannot be reached", fault.Transient},
		"no database":   {strings.Replace(url, name, "nowhere", 1), "there is no such database", fault.Permanent},
		"no user":       {strings.Replace(url, "usher@", "stranger:geheim@", 1), "check user, password", fault.Permanent},
		"no permission": {strings.Replace(url, "usher@", "role_"+name+"@", 1), "lacks a permission", fault.Permanent},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := Open(t.Context(), Options{URL: tt.url})
			require.ErrorContains(t, err, tt.text)
			require.NotContains(t, err.Error(), "geheim")
			require.True(t, fault.Is(err, fault.LedgerUnavailable))
			require.Equal(t, tt.class, fault.ClassOf(err))
		})
	}
}

func TestMigrateWithoutPermission(t *testing.T) {
	url := postgrestest.Database(t)
	role := "role_" + nameOf(url)
	execute(t, url, `CREATE ROLE `+role+` LOGIN`)
	_, err := Migrate(t.Context(), strings.Replace(url, "usher@", role+"@", 1), false)
	require.ErrorContains(t, err, "needs CREATE on the schema")
	require.Equal(t, fault.Permanent, fault.ClassOf(err))
}

func TestStandbyIsSomethingToWaitFor(t *testing.T) {
	url := fresh(t)
	l := process(t, url+"&default_transaction_read_only=on", nil)
	err := l.Append(t.Context(), ledger.Entry{Tenant: "t"})
	require.ErrorContains(t, err, "only reads")
	require.True(t, fault.Is(err, fault.LedgerUnavailable))
	require.Equal(t, fault.Transient, fault.ClassOf(err))
}

func TestMissingTable(t *testing.T) {
	url := fresh(t)
	l := process(t, url, nil)
	execute(t, url, `DROP TABLE notes`)
	_, err := l.Note(t.Context(), "n")
	require.ErrorContains(t, err, "run 'usher migrate'")
	require.Equal(t, fault.Permanent, fault.ClassOf(err))
}

func TestConnectionBreaksInATransaction(t *testing.T) {
	url := fresh(t)
	l := process(t, url, nil)
	accept(t, l, "r1")
	err := l.Update(t.Context(), "r1", func(*ledger.Record) error {
		execute(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'usher' AND pid <> pg_backend_pid()`)
		return nil
	})
	require.True(t, fault.Is(err, fault.LedgerUnavailable), err)
	require.Equal(t, fault.Transient, fault.ClassOf(err))
	accept(t, l, "r2") // on a new connection
}

func TestConflictThatNeverEnds(t *testing.T) {
	url := fresh(t)
	unlucky, lucky := process(t, url, nil), process(t, url, nil)
	unlucky.engine.random = func() float64 { return 0 }
	accept(t, lucky, "r1")
	tries := 0
	err := unlucky.Update(t.Context(), "r1", func(*ledger.Record) error {
		tries++
		return lucky.Update(t.Context(), "r1", func(rec *ledger.Record) error { rec.Request.Notices++; return nil })
	})
	require.ErrorContains(t, err, "too many transactions")
	require.Equal(t, fault.Transient, fault.ClassOf(err))
	require.True(t, fault.Is(err, fault.LedgerUnavailable))
	require.Equal(t, maxTries, tries)
}

func TestCallerGivesUpBetweenTries(t *testing.T) {
	url := fresh(t)
	unlucky, lucky := process(t, url, nil), process(t, url, nil)
	accept(t, lucky, "r1")
	ctx, cancel := context.WithCancel(t.Context())
	err := unlucky.Update(ctx, "r1", func(*ledger.Record) error {
		cancel()
		return lucky.Update(t.Context(), "r1", func(rec *ledger.Record) error { rec.Request.Notices++; return nil })
	})
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, fault.Is(err, fault.LedgerUnavailable))
}

func TestCallerGivesUpTooLate(t *testing.T) {
	l := process(t, fresh(t), nil)
	accept(t, l, "r1")
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, l.Update(ctx, "r1", func(rec *ledger.Record) error {
		cancel()
		rec.Request.Notices++
		return nil
	}), "a transaction that runs is not interrupted")
	require.ErrorIs(t, l.Update(ctx, "r1", func(*ledger.Record) error { return nil }), context.Canceled)
}

func TestClassify(t *testing.T) {
	require.NoError(t, classify(nil))
	own := errors.New("own")
	require.Same(t, own, classify(own))
	for code, want := range map[string]fault.Class{
		"53300": fault.Transient, "57P01": fault.Transient, "08006": fault.Transient, "28P01": fault.Permanent, "XX002": fault.Permanent,
	} {
		err := classify(&pgconn.PgError{Code: code})
		assert.Equal(t, want, fault.ClassOf(err), code)
		assert.Same(t, err, classify(err), "classified once")
	}
	require.ErrorIs(t, classify(&pgconn.PgError{Code: "XX001"}), ledger.ErrCorrupt)
	require.Equal(t, fault.Unexpected, fault.CodeOf(classify(&pgconn.PgError{Code: "23505"})))
}
