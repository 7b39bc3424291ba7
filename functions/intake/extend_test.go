package intake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/lifetime"
)

const renewed = "contract renewed"

// living is an account with an end in 30 days and a review in 10, of which the owner was told.
func (o *office) living(sample string) account.Account {
	o.t.Helper()
	req := request(o.t, sample)
	req.Lifetime = events.Lifetime{ExpiresAt: start.AddDate(0, 0, 30), ReviewAt: start.AddDate(0, 0, 10)}
	answer := o.post(req)
	require.NotEmpty(o.t, answer.RequestID)
	r, err := o.ledger.Request(o.t.Context(), answer.RequestID)
	require.NoError(o.t, err)
	require.NoError(o.t, o.ledger.Update(o.t.Context(), r.ID, func(rec *ledger.Record) error {
		rec.Account.State, rec.Account.ObjectID = account.AccountActive, "oid"
		for kind, about := range map[lifetime.Notice]time.Time{lifetime.ExpiryNear: rec.Account.ExpiresAt, lifetime.ReviewDue: rec.Account.Life.ReviewAt} {
			rec.Account.Life.Told = append(rec.Account.Life.Told, account.LifeNotice{Notice: kind, For: about})
			rec.Raise = append(rec.Raise, ledger.Notice{
				Key: ledger.LifeKey(rec.Account, kind), Tenant: rec.Account.Tenant, AccountID: rec.Account.ID, Kind: string(kind), Text: "soon", RaisedAt: start,
			})
		}
		return nil
	}))
	return o.account(r.AccountID)
}

func (o *office) openNotices() (kinds []string) {
	o.t.Helper()
	found, err := o.ledger.Notices(o.t.Context(), ledger.NoticeFilter{Open: true})
	require.NoError(o.t, err)
	for _, n := range found {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

func TestExtend(t *testing.T) {
	o := open(t)
	acc := o.living("onboard-sam360")
	until := start.AddDate(0, 0, 80)
	r, err := o.Extend(t.Context(), acc, "Olga", renewed, account.Extension{Until: until})
	require.NoError(t, err)
	assert.Equal(t, account.Succeeded, account.StateOf(r))
	assert.Equal(t, renewed, r.Reason)
	after := o.account(acc.ID)
	assert.Equal(t, until, after.ExpiresAt)
	assert.Equal(t, acc.Life.ReviewAt, after.Life.ReviewAt)
	assert.Equal(t, acc.Grants, after.Grants)
	assert.Equal(t, []string{"review.due"}, o.openNotices(), "the old end is forgotten, the review stands")
	lines, err := o.ledger.Timeline(t.Context(), r.ID)
	require.NoError(t, err)
	var audited []string
	for _, l := range lines {
		audited = append(audited, l.Kind)
	}
	assert.Contains(t, audited, "lifetime.extended")

	r, err = o.Extend(t.Context(), after, "Olga", renewed, account.Extension{Review: start.AddDate(0, 0, 40)})
	require.NoError(t, err)
	assert.Equal(t, account.Succeeded, account.StateOf(r))
	assert.Equal(t, start.AddDate(0, 0, 40), o.account(acc.ID).Life.ReviewAt)
	assert.Empty(t, o.openNotices())
}

func TestAnExtensionWaitsForItsApprovals(t *testing.T) {
	o := open(t)
	acc := o.living("onboard-kaspersky-new")
	x := account.Extension{Until: start.AddDate(0, 0, 60)}
	r, err := o.Extend(t.Context(), acc, "olga@contoso.com", renewed, x)
	require.NoError(t, err)
	require.Equal(t, account.Parked, account.StateOf(r))
	assert.Equal(t, acc.ExpiresAt, o.account(acc.ID).ExpiresAt, "nothing has changed yet")
	assert.Len(t, o.openNotices(), 2)

	again, err := o.Extend(t.Context(), acc, "Jane", renewed, x)
	require.NoError(t, err)
	assert.Equal(t, r.ID, again.ID)
	_, err = o.Extend(t.Context(), acc, "Jane", renewed, account.Extension{Until: start.AddDate(0, 0, 50)})
	assert.ErrorContains(t, err, r.ID+" would change its dates and waits for approval")

	_, err = o.Approve(t.Context(), r.ID, account.Approval{By: "olga@contoso.com"})
	assert.True(t, fault.Is(err, fault.ApprovalMissing), "never who asked: %v", err)
	o.now = start.AddDate(0, 0, 2)
	r, err = o.Approve(t.Context(), r.ID, account.Approval{By: "sven@contoso.com"})
	require.NoError(t, err)
	assert.Equal(t, account.Succeeded, account.StateOf(r))
	assert.Equal(t, x.Until, o.account(acc.ID).ExpiresAt)
	assert.Equal(t, []string{"review.due"}, o.openNotices())
}

func TestAnApprovalThatComesTooLateChangesNothing(t *testing.T) {
	o := open(t)
	acc := o.living("onboard-kaspersky-new")
	r, err := o.Extend(t.Context(), acc, "Otto", renewed, account.Extension{Until: start.AddDate(0, 0, 31)})
	require.NoError(t, err)
	o.now = start.AddDate(0, 0, 32)
	_, err = o.Approve(t.Context(), r.ID, account.Approval{By: "sven@contoso.com"})
	require.ErrorContains(t, err, "has passed")
	assert.Equal(t, acc.ExpiresAt, o.account(acc.ID).ExpiresAt)
}

func TestARevocationOvertakesAnExtension(t *testing.T) {
	o := open(t)
	acc := o.living("onboard-kaspersky-new")
	r, err := o.Extend(t.Context(), acc, "Otto", renewed, account.Extension{Until: start.AddDate(0, 0, 60)})
	require.NoError(t, err)
	_, err = o.Revoke(t.Context(), acc, "Otto", "over", events.Offboard{})
	require.NoError(t, err)
	assert.Empty(t, o.openNotices(), "who leaves does not expire any more")
	_, err = o.Approve(t.Context(), r.ID, account.Approval{By: "sven@contoso.com"})
	assert.True(t, fault.Is(err, fault.RequestInvalid), err)
}

func TestExtendRefuses(t *testing.T) {
	o := open(t)
	acc := o.living("onboard-sam360")
	until := start.AddDate(0, 0, 60)
	for name, tt := range map[string]struct {
		by, reason string
		x          account.Extension
		want       string
	}{
		"NoName":    {"", renewed, account.Extension{Until: until}, "say who"},
		"NoReason":  {"Olga", " ", account.Extension{Until: until}, "say why"},
		"Nothing":   {"Olga", renewed, account.Extension{}, "say until when"},
		"Both":      {"Olga", renewed, account.Extension{Until: until, Forever: true}, "cannot live until"},
		"Earlier":   {"Olga", renewed, account.Extension{Until: start.AddDate(0, 0, 20)}, "is no later than the end that holds"},
		"InThePast": {"Olga", renewed, account.Extension{Until: start.AddDate(0, 0, -1)}, "has passed"},
		"Review":    {"Olga", renewed, account.Extension{Until: until, Review: until}, "is not before"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := o.Extend(t.Context(), acc, tt.by, tt.reason, tt.x)
			require.ErrorContains(t, err, tt.want)
			assert.Equal(t, acc.ExpiresAt, o.account(acc.ID).ExpiresAt)
		})
	}
	stranger := acc
	stranger.ID = "acc-other"
	_, err := o.Extend(t.Context(), stranger, "Olga", renewed, account.Extension{Until: until})
	assert.True(t, fault.Is(err, fault.AccountUnknown), err)
	_, err = o.Revoke(t.Context(), acc, "Otto", "over", events.Offboard{})
	require.NoError(t, err)
	_, err = o.Extend(t.Context(), acc, "Olga", renewed, account.Extension{Until: until})
	assert.ErrorContains(t, err, "usher undo")
}
