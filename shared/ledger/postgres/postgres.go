// Package postgres is the ledger for many processes at once, on PostgreSQL. Nothing in
// it is held in memory: every process may die or freeze at any moment.
//
// Writing transactions are SERIALIZABLE; whoever loses a conflict tries again. What a
// transaction writes goes to the server together with the commit, in one message, so
// that a process that freezes holds up nobody. Messages leave by an outbox (see
// tables.Outbox): any queue may stand behind it.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger/tables"
)

// Options say which database to use, and how messages leave it.
type Options struct {
	// URL is postgres://user:password@host:5432/database with the parameters of libpq
	// (PostgreSQL 34.1.1) and those of pgxpool (pool_max_conns). Required.
	URL string
	// Sender and Observe are those of tables.OutboxOptions.
	Sender  tables.Sender
	Observe func(error)
	// Random gives a number in [0,1), for pauses after conflicts; nil means math/rand.
	Random func() float64
}

const (
	connectTimeout = 10 * time.Second
	// patience bounds one transaction, from its begin to its commit.
	patience = 30 * time.Second
)

// Ledger implements the contract of package ledger: close it. It does not touch
// leases when it opens, for other processes hold them.
type Ledger struct {
	*tables.OutboxLedger
	engine *engine
}

// Open connects to a database whose tables exist (see Migrate). Its errors are of code
// fault.LedgerUnavailable, say what to do, and never contain the URL.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	if o.Random == nil {
		o.Random = rand.Float64
	}
	pool, err := connect(ctx, o.URL)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	missing, err := pending(ctx, pool)
	if err == nil && len(missing) > 0 {
		err = fault.Stopf(fault.LedgerUnavailable,
			"the database lacks %s: run 'usher migrate' as a user that may create tables", strings.Join(missing, ", "))
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	e := &engine{pool: pool, random: o.Random, lane: make(chan struct{}, 1)}
	return &Ledger{tables.NewWithOutbox(e, tables.OutboxOptions{Sender: o.Sender, Observe: o.Observe}), e}, nil
}

// Close ends every connection; it waits for transactions that run.
func (l *Ledger) Close() error {
	l.engine.pool.Close()
	return nil
}

// connect opens a pool and tries it.
func connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil || !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		// The driver's text would repeat the URL, which may hold a password.
		return nil, fault.Stop(fault.LedgerUnavailable, errURL)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "usher"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, classify(err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, classify(err)
	}
	return pool, nil
}

var errURL = errors.New("the database URL cannot be read: it looks like " +
	"postgres://user:password@host:5432/database?sslmode=verify-full, with special characters in the password as %40 and the like")
