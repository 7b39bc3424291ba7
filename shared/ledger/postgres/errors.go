package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// Codes of PostgreSQL (PostgreSQL, appendix A) that we treat by themselves.
const (
	serializationFailure = "40001" // also what CockroachDB and Aurora DSQL answer to a conflict
	deadlockDetected     = "40P01"
)

// again reports whether a transaction is to be tried again: it lost a conflict, or it
// never reached the server.
func again(err error) bool {
	if foreign, ok := errors.AsType[*pgconn.PgError](err); ok {
		return foreign.Code == serializationFailure || foreign.Code == deadlockDetected
	}
	return err != nil && pgconn.SafeToRetry(err)
}

// causes say what to do about an error of the server, by its code or by its class.
var causes = map[string]struct {
	class fault.Class
	text  string
}{
	serializationFailure: {fault.Transient, "too many transactions at once on the same rows"},
	deadlockDetected:     {fault.Transient, "too many transactions at once on the same rows"},
	"28":                 {fault.Permanent, "the server does not let this user in: check user, password and the server's pg_hba.conf"},
	"3D000":              {fault.Permanent, "there is no such database: create it, or correct the name in the URL"},
	"42501":              {fault.Permanent, "the database user lacks a permission: 'usher migrate' needs CREATE on the schema, every other command SELECT, INSERT, UPDATE and DELETE on the tables"},
	"42P01":              {fault.Permanent, "a table is missing: run 'usher migrate'"},
	"42703":              {fault.Permanent, "a column is missing: run 'usher migrate'"},
	"3F000":              {fault.Permanent, "there is no schema to use: create it, or correct search_path"},
	"25006":              {fault.Transient, "the server only reads: it is a standby, or about to become the primary"},
	"53100":              {fault.Transient, "the server's disk is full, free some space"},
	"53":                 {fault.Transient, "the server is out of resources or connections: raise max_connections or lower pool_max_conns"},
	"25P03":              {fault.Transient, "this process stood still in a transaction, which the server ended"},
	"57":                 {fault.Transient, "the server stops or starts, or ended the connection"},
	"58":                 {fault.Transient, "the server has trouble with its disk"},
	"08":                 {fault.Transient, "the connection broke"},
	"XX001":              {fault.Permanent, "the database is damaged: restore a backup"},
	"XX002":              {fault.Permanent, "an index of the database is damaged: rebuild it with REINDEX"},
}

// classify says what an error of the driver means; every other error goes through as it is.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if _, done := errors.AsType[*fault.Error](err); done {
		return err
	}
	if foreign, ok := errors.AsType[*pgconn.PgError](err); ok {
		return ofServer(foreign, err)
	}
	if isConnection(err) {
		return fault.Retry(fault.LedgerUnavailable, 0, fmt.Errorf(
			"the database cannot be reached: check host and port of the URL, that the server runs, and the network: %w", err))
	}
	return err
}

func ofServer(foreign *pgconn.PgError, err error) error {
	cause, known := causes[foreign.Code]
	if !known && len(foreign.Code) == 5 {
		cause, known = causes[foreign.Code[:2]]
	}
	if !known {
		return err
	}
	if foreign.Code == "XX001" {
		err = fmt.Errorf("%w: %w", ledger.ErrCorrupt, err)
	}
	return &fault.Error{Class: cause.class, Code: fault.LedgerUnavailable, Err: fmt.Errorf("%s: %w", cause.text, err)}
}

// isConnection reports whether the way to the server is at fault.
func isConnection(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgconn.SafeToRetry(err) || pgconn.Timeout(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded)
}
