package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"iter"

	"github.com/usher365/usher/shared/account"
)

// inventoryBatch is how many users are stored in one transaction.
const inventoryBatch = 500

// generation is one attempt at an inventory: invisible until it is complete.
type generation struct {
	tenant account.TenantID
	id     string
}

// SaveInventory streams the users of a tenant into its inventory and counts them, and
// those with a licence. The older inventory is replaced only when the stream came to its
// end without an error; else it stays as it was, and the stream's error is returned.
func (l *Ledger) SaveInventory(ctx context.Context, tenant account.TenantID, run string, users iter.Seq2[account.User, error]) (count, licensed int, err error) {
	g := generation{tenant, rand.Text()}
	if err := l.fill(ctx, g, users); err != nil {
		return 0, 0, errors.Join(err, l.drop(ctx, g))
	}
	err = l.write(ctx, "finish an inventory", func(ctx context.Context, tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(is_licensed), 0) FROM inventory_users
			WHERE tenant = ? AND generation = ?`, tenant, g.id).Scan(&count, &licensed)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO inventories (tenant, generation, run, users, licensed) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (tenant) DO UPDATE SET generation = excluded.generation, run = excluded.run,
				users = excluded.users, licensed = excluded.licensed`, tenant, g.id, run, count, licensed)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM inventory_users WHERE tenant = ? AND generation <> ?`, tenant, g.id)
		return err
	})
	return count, licensed, err
}

// fill stores the stream in batches, so that neither memory nor a transaction grows with it.
func (l *Ledger) fill(ctx context.Context, g generation, users iter.Seq2[account.User, error]) error {
	batch := make([]account.User, 0, inventoryBatch)
	for u, err := range users {
		if err != nil {
			return err
		}
		if batch = append(batch, u); len(batch) < inventoryBatch {
			continue
		}
		if err := l.storeUsers(ctx, g, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	return l.storeUsers(ctx, g, batch)
}

func (l *Ledger) storeUsers(ctx context.Context, g generation, users []account.User) error {
	return l.write(ctx, "store an inventory", func(ctx context.Context, tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO inventory_users (tenant, generation, object_id, is_licensed, doc)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, generation, object_id) DO UPDATE SET
			is_licensed = excluded.is_licensed, doc = excluded.doc`)
		if err != nil {
			return err
		}
		defer insert.Close() // it ends with the transaction anyway
		for _, u := range users {
			u.DeletedAt = u.DeletedAt.UTC()
			doc, err := encode(u)
			if err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, g.tenant, g.id, u.ObjectID, min(len(u.Licenses), 1), doc); err != nil {
				return err
			}
		}
		return nil
	})
}

// drop removes what an unfinished attempt stored.
func (l *Ledger) drop(ctx context.Context, g generation) error {
	return l.write(context.WithoutCancel(ctx), "drop an unfinished inventory", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM inventory_users WHERE tenant = ? AND generation = ?`, g.tenant, g.id)
		return err
	})
}

// InventoryCount gives the number of users in a tenant's latest complete inventory, 0 when there is none.
func (l *Ledger) InventoryCount(ctx context.Context, tenant account.TenantID) (count int, err error) {
	err = l.read(ctx, "count an inventory", func(ctx context.Context, tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT users FROM inventories WHERE tenant = ?`, tenant).Scan(&count)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return count, err
}
