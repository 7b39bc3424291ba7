package fullsync

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// errLater says that the time of this delivery is over, and the sync is not.
var errLater = errors.New("goes on in the next delivery")

// place is where a sync stands between two deliveries. The users that were read lie in
// the unfinished inventory; of them it holds only those that we know.
type place struct {
	// StartedAt is when the run began; zero when it has not.
	StartedAt time.Time
	// Inventory is what the users are stored in; without a generation before that is begun.
	Inventory ledger.Inventory
	// Users and Assignments are how far the two listings are read.
	Users, Assignments listing
	// Finished is true when Inventory is; Count and Licensed are then its users.
	Finished        bool
	Count, Licensed int
	Seen            Observed
	// Restarts counts how often the sync began again because a listing had expired.
	Restarts int
}

// listing is how far a listing is read.
type listing struct {
	// Next is the cursor of the next page; empty before the first one.
	Next string
	// Read counts the objects so far.
	Read int
	Done bool
}

// placeOf is where the attempt before ended. One that cannot be read was left by another
// version, and costs a beginning from the start.
func placeOf(t step.Task[events.FullSyncArgs]) (p place) {
	if err := json.Unmarshal(t.Step.Checkpoint, &p); err != nil || p.StartedAt.IsZero() || p.Seen.Owners == nil {
		p = place{StartedAt: t.Now, Seen: nothingSeen()}
	}
	return p
}

func (p *place) checkpoint() json.RawMessage {
	b, err := json.Marshal(p)
	if err != nil {
		panic("fullsync: a place cannot be written: " + err.Error()) // strings, numbers and times
	}
	return b
}

// restart goes back to the beginning of the same run.
func (p *place) restart() {
	*p = place{StartedAt: p.StartedAt, Seen: nothingSeen(), Restarts: p.Restarts + 1}
}

// cursor is that of the listing that is being read; empty at the start and between listings.
func (p *place) cursor() string { return p.Users.Next + p.Assignments.Next }

// progress is the line of the timeline while the sync is on its way.
func (p *place) progress() string {
	s := fmt.Sprintf("%d users read so far", p.Users.Read)
	if p.Users.Done {
		s = fmt.Sprintf("%d users and %d role assignments read so far", p.Users.Read, p.Assignments.Read)
	}
	return s
}

// read reads a listing on from where it stands. Each page is kept before the place moves
// on, so that a page is never missing. After each page it may be time to go on later.
func (l *listing) read(timeLeft func() bool, page func(cursor string) (read int, next string, err error)) error {
	for !l.Done {
		n, next, err := page(l.Next)
		if err != nil {
			return err
		}
		l.Read, l.Next, l.Done = l.Read+n, next, next == ""
		if !timeLeft() {
			return errLater
		}
	}
	return nil
}
