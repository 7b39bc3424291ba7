package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
)

// Migrate brings a component's tables up to date: the *.sql files of dir in the order
// of their names, each once, all in one transaction. A file that was released must not
// change; a new one is added after it. A database that a newer version wrote is refused.
func (d *DB) Migrate(ctx context.Context, component string, dir fs.FS) error {
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return fmt.Errorf("list the migrations of %s: %w", component, err)
	}
	return d.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		version, err := versionOf(ctx, tx, component)
		if err != nil {
			return err
		}
		if version > len(names) {
			return fmt.Errorf("database %s was written by a newer version of usher (%s %d, this one knows %d): use that version",
				d.path, component, version, len(names))
		}
		for _, name := range names[version:] {
			if err := apply(ctx, tx, dir, name); err != nil {
				return fmt.Errorf("migrate %s of database %s: %w", component, d.path, err)
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO schema_versions (component, version) VALUES (?, ?)
			ON CONFLICT (component) DO UPDATE SET version = excluded.version`, component, len(names))
		return err
	})
}

func versionOf(ctx context.Context, tx *sql.Tx, component string) (version int, err error) {
	_, err = tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_versions (component TEXT PRIMARY KEY, version BIGINT NOT NULL)`)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT version FROM schema_versions WHERE component = ?`, component).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return version, err
}

func apply(ctx context.Context, tx *sql.Tx, dir fs.FS, name string) error {
	statements, err := fs.ReadFile(dir, name)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, string(statements)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
