package tables

import (
	"context"
	"crypto/rand"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// BeginInventory begins to store the users of a tenant. Nothing shows until
// FinishInventory; what was stored of an inventory that is never finished goes when
// the next one is.
func (l *Ledger) BeginInventory(ctx context.Context, tenant account.TenantID, run string) (ledger.Inventory, error) {
	inv := ledger.Inventory{Tenant: tenant, Run: run, Generation: rand.Text()}
	err := l.read(ctx, "begin an inventory", func(ctx context.Context, tx Tx) error {
		now, err := complete(ctx, tx, tenant)
		inv.Before, inv.UsersBefore = now.generation, now.users
		if now.run == run {
			inv.UsersBefore = now.usersBefore
		}
		return err
	})
	return inv, err
}

// AddToInventory stores users of an inventory in one transaction, so give it a page and
// not a tenant. Users that it has already are replaced. It fails with
// ledger.ErrOvertaken when another inventory of the tenant was finished meanwhile.
func (l *Ledger) AddToInventory(ctx context.Context, inv ledger.Inventory, users []account.User) error {
	return l.write(ctx, "store an inventory", func(ctx context.Context, tx Tx) error {
		if err := standing(ctx, tx, inv); err != nil {
			return err
		}
		for _, u := range users {
			if err := storeUser(ctx, tx, inv, u); err != nil {
				return err
			}
		}
		return nil
	})
}

func storeUser(ctx context.Context, tx Tx, inv ledger.Inventory, u account.User) error {
	u.DeletedAt = u.DeletedAt.UTC()
	doc, err := encode(u)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `INSERT INTO inventory_users (tenant, generation, object_id, is_licensed, doc)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, generation, object_id) DO UPDATE SET
		is_licensed = excluded.is_licensed, doc = excluded.doc`, inv.Tenant, inv.Generation, u.ObjectID, min(len(u.Licenses), 1), doc)
}

// FinishInventory puts an inventory in the place of the one before, and counts its users
// and those with a licence. Finishing it again changes nothing. It fails with
// ledger.ErrOvertaken as AddToInventory does. Whatever other users lie there are left
// over from runs that ended half-way, or are about to find out that they came second.
func (l *Ledger) FinishInventory(ctx context.Context, inv ledger.Inventory) (count, licensed int, err error) {
	err = l.write(ctx, "finish an inventory", func(ctx context.Context, tx Tx) error {
		if err := standing(ctx, tx, inv); err != nil {
			return err
		}
		_, err := get(ctx, tx, []any{&count, &licensed}, `SELECT count(*), coalesce(sum(is_licensed), 0) FROM inventory_users
			WHERE tenant = $1 AND generation = $2`, inv.Tenant, inv.Generation)
		if err != nil {
			return err
		}
		err = tx.Exec(ctx, `INSERT INTO inventories (tenant, generation, run, users, licensed, users_before) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant) DO UPDATE SET generation = excluded.generation, run = excluded.run, users = excluded.users,
				licensed = excluded.licensed, users_before = excluded.users_before`,
			inv.Tenant, inv.Generation, inv.Run, count, licensed, inv.UsersBefore)
		if err != nil {
			return err
		}
		return tx.Exec(ctx, `DELETE FROM inventory_users WHERE tenant = $1 AND generation <> $2`, inv.Tenant, inv.Generation)
	})
	return count, licensed, err
}

// standing checks that no other inventory was finished since this one began; its users
// may have been swept away with it.
func standing(ctx context.Context, tx Tx, inv ledger.Inventory) error {
	now, err := complete(ctx, tx, inv.Tenant)
	if err == nil && now.generation != inv.Before && now.generation != inv.Generation {
		err = ledger.ErrOvertaken
	}
	return err
}

// finished is the inventory of a tenant; its zero value is none.
type finished struct {
	generation, run    string
	users, usersBefore int
}

func complete(ctx context.Context, tx Tx, tenant account.TenantID) (f finished, err error) {
	_, err = get(ctx, tx, []any{&f.generation, &f.run, &f.users, &f.usersBefore},
		`SELECT generation, run, users, coalesce(users_before, users) FROM inventories WHERE tenant = $1`, tenant)
	return f, err
}
