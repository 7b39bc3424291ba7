package simulation

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
)

// TestARoleEndsByItself has a tenant with the licence for it, and nobody at work when
// the end date comes.
func TestARoleEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := quiet(t, onSQLite)
		s.tenant.SetPremiumP2(true)
		p := s.boot()
		answer := s.sendSample("onboard-practice-protect-federation.json")
		s.approve(answer.RequestID)
		time.Sleep(2 * time.Hour)
		s.expect(p, answer, account.Succeeded)

		request, err := p.ledger.Request(s.ctx, answer.RequestID)
		require.NoError(t, err)
		acc, err := p.ledger.Account(s.ctx, request.AccountID)
		require.NoError(t, err)
		require.Len(t, acc.Grants, 1)
		assert.WithinDuration(t, acc.ExpiresAt, acc.Grants[0].Until, time.Second)
		assert.Equal(t, []string{"Global Administrator"}, s.tenant.RolesOf(acc.ObjectID))
		p.bury()
		time.Sleep(time.Until(acc.ExpiresAt) + time.Second)
		assert.Empty(t, s.tenant.RolesOf(acc.ObjectID), "the tenant ended it")

		p = s.boot()
		s.sync()
		time.Sleep(2 * time.Hour)
		_, still := s.tenant.User(acc.UserPrincipalName)
		assert.False(t, still, "and the sync the account")
		p.bury()
		synctest.Wait()
		s.close()
	})
}

// TestATimeBoundRoleIsTakenAwayEarly offboards moments after the onboarding: an
// assignment of this kind lasts five minutes at least.
func TestATimeBoundRoleIsTakenAwayEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := quiet(t, onSQLite)
		s.tenant.SetPremiumP2(true)
		p := s.boot()
		onboarding := s.sendSample("onboard-practice-protect-federation.json")
		s.approve(onboarding.RequestID)
		time.Sleep(2 * time.Minute)
		s.expect(p, onboarding, account.Succeeded)
		offboarding := s.sendSample("offboard-practice-protect-federation.json")
		time.Sleep(2 * time.Hour)
		s.expect(p, offboarding, account.Succeeded)
		p.bury()
		synctest.Wait()
		s.check()
		s.close()
	})
}
