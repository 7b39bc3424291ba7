package patience

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/usher365/usher/shared/account"
)

// Eyes see which accounts Exchange knows, several with one call. The answer is keyed
// by object id; an account may be missing in it.
type Eyes interface {
	Visible(ctx context.Context, tenant account.TenantID, members ...account.Member) (map[string]bool, error)
}

const (
	// staleAfter is how many tries come due, by the history, before "not visible" is old.
	staleAfter = 0.25
	// maxSkips is how many tries in a row may be spared on the word of the shared call.
	maxSkips = 5
	// maxLies is how often the shared call may miss accounts that are there before it is not believed.
	maxLies = 2
	// distrust is how long it is not believed.
	distrust = time.Hour
	// forgetAfter is when an account that is not heard of any more counts as gone.
	forgetAfter = 2 * MaxPause
)

// Room is where the accounts of a tenant wait together. One call (Eyes) answers for
// all of them: who is seen is tried for real, who is not spares its own call. It is
// safe for concurrent use. It lives in memory; after a restart, or in another process,
// accounts only share less.
//
// A handler asks ShouldTry before the real operation, and says Known after it worked:
//
//	try, err := room.ShouldTry(ctx, tenant, member, waited)
//	if err == nil && !try { return a wait }
//	err = realOperation()
//	if err == nil { room.Known(tenant, member, waited) }
//
// The shared call is a hint. After a few tries spared on its word, and whenever it
// fails, the real operation is tried all the same; and when it misses accounts
// that are known to be there, it is not asked for an hour.
type Room struct {
	eyes    Eyes
	history *History
	now     func() time.Time

	mu    sync.Mutex
	halls map[account.TenantID]*hall
}

// NewRoom makes a Room that reports to the history. now is the clock.
func NewRoom(eyes Eyes, history *History, now func() time.Time) *Room {
	return &Room{eyes: eyes, history: history, now: now, halls: map[account.TenantID]*hall{}}
}

// hall is one tenant's part of the room.
type hall struct {
	mu     sync.Mutex
	guests map[string]*guest
	// looking is closed when the shared call under way has been answered; nil without one.
	looking chan struct{}
	// lies counts the answers "not visible" about accounts known to be there, in a row.
	lies      int
	distrusts time.Time
}

// guest is one account that waits.
type guest struct {
	member account.Member
	heard  time.Time
	// looked is when a shared call last looked for it in vain; zero for never.
	looked  time.Time
	visible bool
	// known is set when the real operation has worked.
	known bool
	// skips counts the tries spared since the last real one.
	skips int
}

// ShouldTry reports whether the account, which has waited this long, should try the
// real operation now. It is true for the first try, for one that waits alone, and for
// one that is visible. An error comes with true, and tells why nothing was shared.
func (r *Room) ShouldTry(ctx context.Context, tenant account.TenantID, m account.Member, waited time.Duration) (bool, error) {
	if m.ObjectID == "" {
		return true, nil
	}
	h := r.hall(tenant)
	stale := func(age time.Duration) bool {
		return r.history.due(tenant, max(0, waited-age), waited) > staleAfter
	}
	if try, decided := h.decide(m, r.now(), stale); decided {
		return try, nil
	}
	if err := h.look(ctx, r.eyes, tenant, r.now); err != nil {
		return true, fmt.Errorf("look for all that wait: %w", err)
	}
	if try, decided := h.decide(m, r.now(), stale); decided {
		return try, nil
	}
	return true, nil // the look did not answer for this one
}

// Known reports that the real operation worked for an account that had waited this
// long. The history learns from it, once an account.
func (r *Room) Known(tenant account.TenantID, m account.Member, waited time.Duration) {
	if m.ObjectID != "" && r.hall(tenant).welcome(m, r.now()) {
		r.history.Observe(tenant, waited)
	}
}

func (r *Room) hall(tenant account.TenantID) *hall {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.halls[tenant]
	if h == nil {
		h = &hall{guests: map[string]*guest{}}
		r.halls[tenant] = h
	}
	return h
}

// decide answers from what is known; decided is false when it takes a look to tell.
func (h *hall) decide(m account.Member, now time.Time, stale func(age time.Duration) bool) (try, decided bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(now)
	g := h.guests[m.ObjectID]
	if g == nil {
		h.guests[m.ObjectID] = &guest{member: m, heard: now}
		return true, true
	}
	g.heard = now
	switch {
	case g.visible, g.known, now.Before(h.distrusts), h.alone():
		return true, true
	case g.skips >= maxSkips:
		g.skips = 0
		return true, true
	case g.looked.IsZero() || stale(now.Sub(g.looked)):
		return false, false
	}
	g.skips++
	return false, true
}

// forget lets go of those not heard of any more.
func (h *hall) forget(now time.Time) {
	for id, g := range h.guests {
		if now.Sub(g.heard) > forgetAfter {
			delete(h.guests, id)
		}
	}
}

// alone reports whether fewer than two wait.
func (h *hall) alone() bool {
	waiting := 0
	for _, g := range h.guests {
		if !g.visible && !g.known {
			waiting++
		}
	}
	return waiting < 2
}

// unseen lists whom a look asks for. Those that it denied and that are known to be
// there all the same are asked for again, as its test.
func (h *hall) unseen() []account.Member {
	var members []account.Member
	for _, g := range h.guests {
		if !g.visible && (!g.known || !g.looked.IsZero()) {
			members = append(members, g.member)
		}
	}
	return members
}

// look makes the shared call, or waits for the answer to the one under way.
func (h *hall) look(ctx context.Context, eyes Eyes, tenant account.TenantID, now func() time.Time) (err error) {
	h.mu.Lock()
	if under := h.looking; under != nil {
		h.mu.Unlock()
		select {
		case <-under:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	done := make(chan struct{})
	h.looking = done
	members := h.unseen()
	h.mu.Unlock()

	var seen map[string]bool
	defer func() { // deferred, so that a panic in eyes locks nobody in
		h.mu.Lock()
		defer h.mu.Unlock()
		h.looking = nil
		close(done)
		if err == nil {
			h.note(seen, now())
		}
	}()
	seen, err = eyes.Visible(ctx, tenant, members...)
	return err
}

func (h *hall) note(seen map[string]bool, now time.Time) {
	for id, visible := range seen {
		g := h.guests[id]
		switch {
		case g == nil:
		case visible:
			g.visible = true
			h.lies = 0
		case g.known:
			h.lies++
		default:
			g.looked = now
		}
	}
	if h.lies >= maxLies {
		h.lies, h.distrusts = 0, now.Add(distrust)
	}
}

// welcome notes that the account is known, and reports whether that is news.
func (h *hall) welcome(m account.Member, now time.Time) (news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.guests[m.ObjectID]
	if g == nil {
		return true
	}
	news = !g.known
	g.heard, g.known = now, true
	return news
}
