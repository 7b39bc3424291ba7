package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

var errDisk = errors.New("the disk is full")

// flaky is the ledger of a process that can die, on a disk that can fail: before a
// change, or after it, so that the change is made and nobody knows.
type flaky struct{ p *process }

func (f flaky) chaos(change ...any) error {
	if f.p.dead.Load() || (!f.p.calm.Load() && f.p.random.chance(f.p.ledgerOdds, change...)) {
		return errDisk
	}
	return nil
}

func (f flaky) change(name string, do func() error) error {
	if err := f.chaos(name); err != nil {
		return err
	}
	return errors.Join(do(), f.chaos(name))
}

func (f flaky) Accept(ctx context.Context, keys ledger.Keys, decide func(ledger.Situation) (ledger.Draft, error)) (v ledger.Verdict, err error) {
	if err := f.chaos("accept", keys.Business); err != nil {
		return v, err
	}
	if v, err = f.p.ledger.Accept(ctx, keys, decide); err != nil {
		return v, err
	}
	return v, f.chaos("accept", keys.Business)
}

func (f flaky) Update(ctx context.Context, id string, change func(*ledger.Record) error) error {
	if err := f.chaos("update", id); err != nil {
		return err
	}
	if err := f.p.ledger.Update(ctx, id, change); err != nil {
		return err
	}
	return f.chaos("update", id)
}

func (f flaky) UpdateNotice(ctx context.Context, key string, change func(*ledger.Notice) error) error {
	return f.change("update a notice", func() error { return f.p.ledger.UpdateNotice(ctx, key, change) })
}

func (f flaky) Request(ctx context.Context, id string) (account.Request, error) {
	return f.p.ledger.Request(ctx, id)
}

func (f flaky) Accounts(ctx context.Context, filter ledger.Filter) ([]account.Account, error) {
	return f.p.ledger.Accounts(ctx, filter)
}

func (f flaky) Requests(ctx context.Context, filter ledger.Filter) ([]account.Request, error) {
	return f.p.ledger.Requests(ctx, filter)
}

func (f flaky) Append(ctx context.Context, entries ...ledger.Entry) error {
	return f.change("append", func() error { return f.p.ledger.Append(ctx, entries...) })
}

func (f flaky) SaveRun(ctx context.Context, run ledger.SyncRun) error {
	return f.change("run", func() error { return f.p.ledger.SaveRun(ctx, run) })
}

func (f flaky) BeginInventory(ctx context.Context, t account.TenantID, run string) (inv ledger.Inventory, err error) {
	return f.p.ledger.BeginInventory(ctx, t, run)
}

func (f flaky) AddToInventory(ctx context.Context, inv ledger.Inventory, users []account.User) error {
	return f.change("inventory", func() error { return f.p.ledger.AddToInventory(ctx, inv, users) })
}

func (f flaky) FinishInventory(ctx context.Context, inv ledger.Inventory) (count, licensed int, err error) {
	err = f.change("inventory finished", func() (err error) {
		count, licensed, err = f.p.ledger.FinishInventory(ctx, inv)
		return err
	})
	return count, licensed, err
}

func (f flaky) Account(ctx context.Context, id string) (account.Account, error) {
	return f.p.ledger.Account(ctx, id)
}

func (f flaky) Note(ctx context.Context, key string) ([]byte, error) {
	return f.p.ledger.Note(ctx, key)
}

func (f flaky) SwapNote(ctx context.Context, key string, old, value []byte) (swapped bool, err error) {
	err = f.change("swap", func() (err error) {
		swapped, err = f.p.ledger.SwapNote(ctx, key, old, value)
		return err
	})
	return swapped, err
}

func (f flaky) Notices(ctx context.Context, filter ledger.NoticeFilter) ([]ledger.Notice, error) {
	return f.p.ledger.Notices(ctx, filter)
}

func (f flaky) Clear(ctx context.Context, key string, at time.Time) (cleared bool, err error) {
	err = f.change("clear", func() (err error) {
		cleared, err = f.p.ledger.Clear(ctx, key, at)
		return err
	})
	return cleared, err
}

func (f flaky) Raise(ctx context.Context, notices ...ledger.Notice) (fresh int, err error) {
	err = f.change("raise", func() (err error) {
		fresh, err = f.p.ledger.Raise(ctx, notices...)
		return err
	})
	return fresh, err
}
