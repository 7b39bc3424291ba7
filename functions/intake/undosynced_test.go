package intake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// mastered makes the account of an offboarding one of Active Directory.
func mastered(t *testing.T, o *office, off account.Request) {
	t.Helper()
	require.NoError(t, o.ledger.Update(t.Context(), off.ID, func(rec *ledger.Record) error {
		rec.Account.OnPremises = account.OnPremises{Domain: "DC=corp,DC=example", GUID: "01234567-89ab-cdef-0123-456789abcdef"}
		return nil
	}))
}

func TestADeletionInActiveDirectoryIsNotTakenBack(t *testing.T) {
	o, off := left(t)
	mastered(t, o, off)
	_, err := o.Undo(t.Context(), off.ID, "Olga")
	assert.Equal(t, fault.UserSynced, fault.CodeOf(err))
	require.ErrorContains(t, err, "01234567-89ab-cdef-0123-456789abcdef")
	assert.Empty(t, o.sent.take(), "nothing is begun")
}

func TestASyncedAccountThatIsOnlyDisabledIsTakenBack(t *testing.T) {
	o, off := left(t, "delete")
	mastered(t, o, off)
	r, err := o.Undo(t.Context(), off.ID, "Olga")
	require.NoError(t, err)
	assert.Equal(t, "enable", r.Steps[0].Name)
}
