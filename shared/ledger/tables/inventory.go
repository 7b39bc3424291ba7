package tables

import (
	"context"
	"crypto/rand"
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
	// before is the inventory that this one is to replace.
	before string
}

// errOvertaken ends an attempt whose rows the other one may have swept away.
var errOvertaken = errors.New("another sync stored an inventory of the tenant meanwhile")

// SaveInventory streams the users of a tenant into its inventory and counts them, and
// those with a licence. The older inventory is replaced only when the stream came to its
// end without an error, and no other call replaced it meanwhile; else it stays as it
// was, and the error is returned.
func (l *Ledger) SaveInventory(ctx context.Context, tenant account.TenantID, run string, users iter.Seq2[account.User, error]) (count, licensed int, err error) {
	g := generation{tenant: tenant, id: rand.Text()}
	err = l.read(ctx, "begin an inventory", func(ctx context.Context, tx Tx) error {
		g.before, _, err = complete(ctx, tx, tenant)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	if err := l.fill(ctx, g, users); err != nil {
		return 0, 0, errors.Join(err, l.drop(ctx, g))
	}
	if count, licensed, err = l.finish(ctx, g, run); err != nil {
		return 0, 0, errors.Join(err, l.drop(ctx, g))
	}
	return count, licensed, nil
}

// finish makes an attempt the inventory. Whatever else lies there is left over from
// processes that died, or about to find out that it came second.
func (l *Ledger) finish(ctx context.Context, g generation, run string) (count, licensed int, err error) {
	err = l.write(ctx, "finish an inventory", func(ctx context.Context, tx Tx) error {
		switch now, _, err := complete(ctx, tx, g.tenant); {
		case err != nil:
			return err
		case now != g.before:
			return errOvertaken
		}
		_, err := get(ctx, tx, []any{&count, &licensed}, `SELECT count(*), coalesce(sum(is_licensed), 0) FROM inventory_users
			WHERE tenant = $1 AND generation = $2`, g.tenant, g.id)
		if err != nil {
			return err
		}
		err = tx.Exec(ctx, `INSERT INTO inventories (tenant, generation, run, users, licensed) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (tenant) DO UPDATE SET generation = excluded.generation, run = excluded.run,
				users = excluded.users, licensed = excluded.licensed`, g.tenant, g.id, run, count, licensed)
		if err != nil {
			return err
		}
		return tx.Exec(ctx, `DELETE FROM inventory_users WHERE tenant = $1 AND generation <> $2`, g.tenant, g.id)
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
	return l.write(ctx, "store an inventory", func(ctx context.Context, tx Tx) error {
		for _, u := range users {
			u.DeletedAt = u.DeletedAt.UTC()
			doc, err := encode(u)
			if err != nil {
				return err
			}
			err = tx.Exec(ctx, `INSERT INTO inventory_users (tenant, generation, object_id, is_licensed, doc)
				VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, generation, object_id) DO UPDATE SET
				is_licensed = excluded.is_licensed, doc = excluded.doc`, g.tenant, g.id, u.ObjectID, min(len(u.Licenses), 1), doc)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// drop removes what an unfinished attempt stored.
func (l *Ledger) drop(ctx context.Context, g generation) error {
	return l.write(context.WithoutCancel(ctx), "drop an unfinished inventory", func(ctx context.Context, tx Tx) error {
		return tx.Exec(ctx, `DELETE FROM inventory_users WHERE tenant = $1 AND generation = $2`, g.tenant, g.id)
	})
}

// InventoryCount gives the number of users in a tenant's latest complete inventory, 0 when there is none.
func (l *Ledger) InventoryCount(ctx context.Context, tenant account.TenantID) (count int, err error) {
	err = l.read(ctx, "count an inventory", func(ctx context.Context, tx Tx) error {
		_, count, err = complete(ctx, tx, tenant)
		return err
	})
	return count, err
}

// complete gives the generation that is a tenant's inventory, and its users.
func complete(ctx context.Context, tx Tx, tenant account.TenantID) (id string, users int, err error) {
	_, err = get(ctx, tx, []any{&id, &users}, `SELECT generation, users FROM inventories WHERE tenant = $1`, tenant)
	return id, users, err
}
