package simulation

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/domainfake"
	"github.com/usher365/usher/shared/fault"
)

// synchronise gives the world an on-premises domain, and Entra Connect, which brings it to
// the tenant every half hour and reads some time before it writes.
func (w *world) synchronise() {
	w.domain = domainfake.New()
	w.domain.Before = func(op, about string) error { return w.domainFate("before", op, about) }
	w.domain.After = func(op, about string) error { return w.domainFate("after", op, about) }
	connect := w.tenant.Connect(w.domain)
	connect.Lag = w.random.within(20*time.Minute, "lag of Entra Connect")
	ctx, cancel := context.WithCancel(w.ctx)
	var running sync.WaitGroup
	running.Go(func() { connect.Run(ctx, 0) })
	w.stop = func() { cancel(); running.Wait() }
}

var errCut = errors.New("the connection was cut")

// domainFate decides what happens to a read or write of the domain, and whether the
// process dies of it.
func (w *world) domainFate(when, op, about string) error {
	switch {
	case w.calm.Load():
		return nil
	case w.random.chance(w.deathOdds, "death", "domain", when, op, about):
		w.current().die()
		return errCut
	case w.random.chance(w.faultOdds, "fault", "domain", when, op, about):
		return fault.Retry(fault.ADConnectionLost, 0, errCut)
	}
	return nil
}

// everyAccountInTheDomainIsOnRecord: what is in the domain is alive, or a person was told
// that it is still to go; and no request made two.
func (s *story) everyAccountInTheDomainIsOnRecord(accounts []account.Account) {
	rows, seen := map[string]account.Account{}, map[string]bool{}
	for _, a := range accounts {
		rows[account.StampOf(a.RequestID)] = a
	}
	for _, u := range s.domain.Users() {
		if !strings.HasPrefix(u.Stamp, account.StampPrefix) {
			continue
		}
		a := rows[u.Stamp]
		assert.True(s, s.lives(a) || a.State == account.AccountLeaving, "%s is in the domain without a live row: %s", u.UserPrincipalName, a.State)
		assert.False(s, seen[u.Stamp], "two accounts in the domain for %s", u.Stamp)
		seen[u.Stamp] = true
		if s.lives(a) {
			assert.True(s, u.Enabled, "%s is active and disabled in the domain", u.UserPrincipalName)
			assert.Equal(s, []string{a.OnPremises.GUID, a.OnPremises.ImmutableID}, []string{u.GUID, u.ImmutableID})
		}
	}
}
