package simulation

import (
	"context"

	"github.com/stretchr/testify/require"

	ledgersql "github.com/usher365/usher/shared/ledger/sqlite"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
	queuesql "github.com/usher365/usher/shared/queue/sqlite"
)

// engines are what a world's messages and books lie on. They outlive the process.
type engines interface {
	// open gives a process that starts its queue and its ledger.
	open(p *process) (messages, *tables.Ledger)
	// sever takes a dying process the way to what outlives it.
	sever()
	// trouble has faults of the engines' own, as the dice say, until stop; then none.
	trouble(stop <-chan struct{})
	// left counts the messages on a queue that are not dead letters.
	left(function string) int
	close()
}

// messages are the queue as a process uses it.
type messages interface {
	Run(ctx context.Context, name string, o queue.Options, h queue.Handler) error
	Dead(ctx context.Context, name string) ([]queue.DeadMessage, error)
	Close() error
}

// embedded is queue and ledger in one database, and in one transaction.
type embedded struct {
	*world
	queue *queuesql.Queue
}

func onSQLite(w *world) engines { return &embedded{world: w} }

func (e *embedded) open(p *process) (messages, *tables.Ledger) {
	var err error
	e.queue, err = queuesql.New(e.ctx, e.db, queuesql.Options{Observe: func(queue.Incident) {}})
	require.NoError(e, err)
	books, err := ledgersql.New(e.ctx, e.db, e.queue)
	require.NoError(e, err)
	return e.queue, books.Ledger
}

func (*embedded) sever() {}

func (*embedded) trouble(<-chan struct{}) {}

func (e *embedded) left(function string) int {
	depth, err := e.queue.Depth(e.ctx, function)
	require.NoError(e, err)
	return depth.Active + depth.Planned + depth.Locked
}

func (*embedded) close() {}
