package ledgertest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
)

// Post is a queue at the other end of an outbox: it keeps messages in the order of
// sending, and drops ids that it had before. The zero value is ready.
type Post struct {
	mu     sync.Mutex
	had    []queue.Message
	calls  int
	refuse func(id string) error
	after  func()
}

// Enqueue implements tables.Sender.
func (p *Post) Enqueue(_ context.Context, _ string, msgs ...queue.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	for _, m := range msgs {
		if p.refuse == nil {
			break
		}
		if err := p.refuse(m.ID); err != nil {
			return err
		}
	}
	for _, m := range msgs {
		if !slices.ContainsFunc(p.had, func(had queue.Message) bool { return had.ID == m.ID }) {
			p.had = append(p.had, m)
		}
	}
	if p.after != nil {
		p.after()
	}
	return nil
}

// Sent lists the ids that were taken.
func (p *Post) Sent() (ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.had {
		ids = append(ids, m.ID)
	}
	return ids
}

// Full is a database whose outbox takes no message while Err is set.
type Full struct {
	tables.Database
	Err error
}

// Write implements tables.Database.
func (f *Full) Write(ctx context.Context, change func(context.Context, tables.Statements) error) error {
	return f.Database.Write(ctx, func(ctx context.Context, tx tables.Statements) error { return change(ctx, full{tx, f.Err}) })
}

// full is a transaction of such a database.
type full struct {
	tables.Statements
	err error
}

func (f full) Exec(ctx context.Context, statement string, args ...any) error {
	if f.err != nil && strings.HasPrefix(statement, "INSERT INTO outbox") {
		return f.err
	}
	return f.Statements.Exec(ctx, statement, args...)
}
