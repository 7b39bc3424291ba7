package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/usher365/usher/shared/ledger/tables"
)

// migrationLock is the key of the advisory lock under which the tables are changed: any
// number that nobody else uses.
const migrationLock = 0x7573686572 // "usher"

// migration is one file: number counts those of its component from 1.
type migration struct {
	component  string
	number     int
	name       string
	statements string
}

// known lists our migrations in the order in which they are applied.
func known() (all []migration, err error) {
	for _, part := range []struct {
		component string
		files     func() (fs.FS, error)
	}{{"ledger", tables.Migrations}, {"outbox", tables.OutboxMigrations}} {
		dir, err := part.files()
		if err != nil {
			return nil, fmt.Errorf("read the migrations of %s: %w", part.component, err)
		}
		some, err := filesOf(part.component, dir)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func filesOf(component string, dir fs.FS) (all []migration, err error) {
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the migrations of %s: %w", component, err)
	}
	for i, name := range names {
		statements, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("read a migration of %s: %w", component, err)
		}
		all = append(all, migration{component, i + 1, component + "/" + name, string(statements)})
	}
	return all, nil
}

// Migrate brings the tables up to date and names the migrations it applied, in one
// transaction under an advisory lock: of several processes, one applies them and the
// others find nothing to do. With check it changes nothing and names what is missing.
//
// A database of a newer version is left as it is, and Open takes it: a migration must
// leave the tables usable for the version before, so that one can go back.
func Migrate(ctx context.Context, url string, check bool) (names []string, err error) {
	pool, err := connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("migrate the ledger: %w", err)
	}
	defer pool.Close()
	if check {
		names, err = pending(ctx, pool)
	} else {
		err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			names, err = migrate(ctx, tx)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("migrate the ledger: %w", classify(err))
	}
	return names, nil
}

func migrate(ctx context.Context, tx pgx.Tx) (names []string, err error) {
	for _, statement := range []string{
		fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, int64(migrationLock)),
		`CREATE TABLE IF NOT EXISTS schema_versions (component TEXT PRIMARY KEY, version BIGINT NOT NULL)`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	all, err := missing(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if _, err := tx.Exec(ctx, m.statements); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		_, err := tx.Exec(ctx, `INSERT INTO schema_versions (component, version) VALUES ($1, $2)
			ON CONFLICT (component) DO UPDATE SET version = excluded.version`, m.component, m.number)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		names = append(names, m.name)
	}
	return names, nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// pending names the migrations that a database lacks.
func pending(ctx context.Context, db querier) (names []string, err error) {
	all, err := missing(ctx, db)
	if foreign, ok := errors.AsType[*pgconn.PgError](err); ok && foreign.Code == "42P01" {
		all, err = known() // there is no table of versions yet
	}
	if err != nil {
		return nil, classify(err)
	}
	for _, m := range all {
		names = append(names, m.name)
	}
	return names, nil
}

func missing(ctx context.Context, db querier) (lacking []migration, err error) {
	all, err := known()
	if err != nil {
		return nil, err
	}
	versions := map[string]int{}
	rows, err := db.Query(ctx, `SELECT component, version FROM schema_versions`)
	if err != nil {
		return nil, err
	}
	var (
		component string
		version   int
	)
	if _, err := pgx.ForEachRow(rows, []any{&component, &version}, func() error {
		versions[component] = version
		return nil
	}); err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.number > versions[m.component] {
			lacking = append(lacking, m)
		}
	}
	return lacking, nil
}
