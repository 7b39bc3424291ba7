package fullsync_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
)

func TestConnectionsWithChosenUsersAreSynchronised(t *testing.T) {
	b := setup(t)
	as := func(mode account.TargetMode) func(*account.Account) {
		return func(a *account.Account) { a.AppID, a.Targets.Mode = "app", mode }
	}
	b.onboarded(t, "chosen", as(account.TargetsChosen))
	b.onboarded(t, "all", as(account.TargetsAll))
	b.onboarded(t, "user", func(*account.Account) {})
	b.onboarded(t, "leaving", func(a *account.Account) { as(account.TargetsChosen)(a); a.State = account.AccountLeaving })
	_, err := b.run(t)
	require.NoError(t, err)
	assert.Equal(t, []string{"acc-chosen"}, b.desk.synced)
}
