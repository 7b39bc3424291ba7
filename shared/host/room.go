package host

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/patience"
)

// WaitingRoom is where accounts wait for Exchange, and what it learns is kept over restarts.
type WaitingRoom struct {
	*patience.Room
	// History is what was learned.
	History *patience.History
	engines *Engines
}

// patienceNote is where the ledger keeps what was learned about replication.
const patienceNote = "patience"

// WaitingRoom opens the room with what was learned before, by any process.
func (e *Engines) WaitingRoom(ctx context.Context, eyes patience.Eyes) (*WaitingRoom, error) {
	learned, err := e.Ledger.Note(ctx, patienceNote)
	if err != nil {
		return nil, fmt.Errorf("read what was learned about replication: %w", err)
	}
	history := &patience.History{}
	if learned != nil {
		if err := json.Unmarshal(learned, history); err != nil {
			e.Log.WarnContext(ctx, "what was learned about replication cannot be read; it is learned anew", "error", err)
			history = &patience.History{}
		}
	}
	return &WaitingRoom{patience.NewRoom(eyes, history, e.Now), history, e}, nil
}

// noteTimeout bounds the writing of a note that nobody waits for.
const noteTimeout = 5 * time.Second

// Known reports and keeps how long an account waited. A note that is not written
// costs a few calls more after a restart.
func (r *WaitingRoom) Known(t account.TenantID, m account.Member, waited time.Duration) {
	r.Room.Known(t, m, waited)
	ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
	defer cancel()
	learned, err := json.Marshal(r.History)
	if err == nil {
		err = r.engines.Ledger.SetNote(ctx, patienceNote, learned)
	}
	if err != nil {
		r.engines.Log.WarnContext(ctx, "what was learned about replication was not kept", "error", err)
	}
}
