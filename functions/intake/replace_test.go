package intake_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

// wanting asks for delegated permissions of the sample's application.
func wanting(t *testing.T, revision string, permissions ...string) events.Request {
	req := signingIn(t)
	req.Access.AppConsents = []events.AppConsent{{AppID: "3a6c1f52-0d84-4e7b-9c15-7b20e4d9a002", Permissions: permissions, Type: "delegated"}}
	req.Ticket.Revision = revision
	return req
}

// replaced is a connection that stands, and the answer to a second onboarding.
func replaced(t *testing.T, second func(*events.Request), permissions ...string) (*office, account.Account, intake.Answer) {
	o := open(t)
	first := o.post(wanting(t, "1", "User.Read", "offline_access"))
	require.Equal(t, intake.Accepted, first.Status, first.Reason)
	o.run(first.RequestID)
	acc := o.account(o.request(first.RequestID).AccountID)
	require.Equal(t, account.AccountActive, acc.State)
	req := wanting(t, "2", permissions...)
	second(&req)
	return o, acc, o.post(req)
}

func sameName(*events.Request) {}

// titles are the steps of a request, the withdrawals by what they withdraw.
func titles(t *testing.T, steps []account.Step) (all []string) {
	for _, s := range steps {
		var args events.RevokeArgs
		require.NoError(t, json.Unmarshal(s.Args, &args))
		all = append(all, s.Function+args.Name)
	}
	return all
}

func TestASecondOnboardingIsARequestOnTheSameRow(t *testing.T) {
	for name, second := range map[string]func(*events.Request){
		"same name": sameName, "another name": func(r *events.Request) { r.Account.UserName = "mediafly-two" },
	} {
		t.Run(name, func(t *testing.T) {
			o, acc, a := replaced(t, func(r *events.Request) { second(r); r.Owner.Email = "new@contoso.com" }, "User.Read", "openid")
			require.Equal(t, intake.Accepted, a.Status, a.Reason)
			r := o.request(a.RequestID)
			assert.Equal(t, acc.ID, r.AccountID)
			assert.Equal(t, []string{"grantconsent", "assigntargets", "revokeoffline_access (delegated)"}, titles(t, r.Steps), "what is new comes first")
			require.Len(t, r.Reconnects.Gives, 1)
			row := o.account(acc.ID)
			assert.Equal(t, account.AccountActive, row.State, "it works on meanwhile")
			assert.Equal(t, acc.Owner, row.Owner, "until all is done")
			assert.Len(t, row.Grants, len(acc.Grants)+1)

			undo := profile.Compensation(r, allGiven(row))
			assert.Equal(t, []string{"revokeopenid (delegated)"}, titles(t, undo), "a failure takes back only what it gave")
		})
	}
}

// allGiven is the row when everything planned was given.
func allGiven(a account.Account) account.Account {
	for i := range a.Grants {
		a.Grants[i].State = account.GrantGiven
	}
	return a
}

func TestOnlyWhatIsNewIsAgreedTo(t *testing.T) {
	o, acc, a := replaced(t, sameName, "User.Read", "offline_access", "Mail.ReadWrite")
	require.Equal(t, intake.Parked, a.Status)
	r := o.request(a.RequestID)
	require.Len(t, r.Question.Grants, 1)
	assert.Equal(t, "Mail.ReadWrite (delegated)", r.Question.Grants[0].Name)
	assert.Equal(t, acc.Grants, o.account(acc.ID).Grants, "nothing is on the row before they agree")
	_, err := o.Approve(t.Context(), r.ID, account.Approval{By: "sven@contoso.com"})
	require.NoError(t, err)
	assert.Len(t, o.account(acc.ID).Grants, len(acc.Grants)+1)
}

func TestATicketAgreesToAReconnectionLater(t *testing.T) {
	o, acc, a := replaced(t, sameName, "User.Read", "offline_access", "Mail.ReadWrite")
	require.Equal(t, intake.Parked, a.Status)
	req := wanting(t, "2", "User.Read", "offline_access", "Mail.ReadWrite")
	req.Approval = &events.Approval{ApprovedBy: "sven@contoso.com", ApprovedAt: start}
	again := o.from("approvingdesk", req)
	require.Equal(t, intake.Accepted, again.Status, again.Reason)
	assert.Equal(t, a.RequestID, again.RequestID)
	assert.Len(t, o.account(acc.ID).Grants, len(acc.Grants)+1, "what is given is on the row, so that a revocation finds it")
}

func TestSomebodyHearsOfWhatAReconnectionGives(t *testing.T) {
	o, acc, a := replaced(t, func(r *events.Request) {
		r.Access.AppConsents[0].Type, r.Lifetime.ExpiresAt = "application", start.AddDate(0, 0, 30)
	}, "Directory.ReadWrite.All")
	require.Equal(t, intake.Parked, a.Status, a.Reason)
	o.agree(a.RequestID)
	g := o.account(acc.ID).Grants[len(acc.Grants)]
	require.Equal(t, account.AppRole, g.Kind)
	assert.True(t, g.Alert)
}

func TestAReconnectionWaitsForItsTurn(t *testing.T) {
	o, _, a := replaced(t, sameName, "User.Read")
	require.Equal(t, intake.Accepted, a.Status)
	third := o.post(wanting(t, "3", "User.Read"))
	assert.Equal(t, fault.AlreadyManaged, third.Code)
	assert.Contains(t, third.Reason, a.RequestID)
}

// A connection whose onboarding failed, and was left to a person, takes the corrected ticket.
func TestACorrectedOnboardingGoesOnWhereTheFirstFailed(t *testing.T) {
	o := open(t)
	first := o.post(wanting(t, "1", "Mail.ReadWrite", "offline_access"))
	o.agree(first.RequestID)
	early := o.post(wanting(t, "2", "Mail.ReadWrite"))
	assert.Equal(t, fault.AlreadyManaged, early.Code, "while it is at work it is not overtaken")
	require.NoError(t, o.ledger.Update(t.Context(), first.RequestID, func(rec *ledger.Record) error {
		rec.Request.Steps[0].State, rec.Request.Steps[0].FinishedAt = account.StepDone, o.now
		for i := range rec.Account.Grants {
			rec.Account.Grants[i].State, rec.Account.Grants[i].Ours = account.GrantGiven, true
		}
		last := &rec.Request.Steps[len(rec.Request.Steps)-1]
		last.State, last.FinishedAt, last.FaultCode = account.StepFailed, o.now, string(fault.UserNotFound)
		return nil
	}))
	require.Equal(t, account.Failed, account.StateOf(o.request(first.RequestID)))

	a := o.post(wanting(t, "3", "Mail.ReadWrite"))
	require.Equal(t, intake.Parked, a.Status, a.Reason)
	r := o.request(a.RequestID)
	require.NotEmpty(t, r.Question.Grants)
	assert.Equal(t, "Mail.ReadWrite (delegated)", r.Question.Grants[1].Name, "who agreed to the first has not seen this one")
	assert.Equal(t, o.request(first.RequestID).AccountID, r.AccountID)
	assert.Equal(t, []string{"grantconsent", "assigntargets", "revokeoffline_access (delegated)"}, titles(t, r.Steps), "what it no longer asks for goes")
	failed := o.request(first.RequestID)
	assert.Equal(t, account.Failed, account.StateOf(failed))
	assert.Equal(t, "overtaken by "+r.ID, failed.Cancelled, "a replay of it does nothing any more")

	require.NoError(t, o.ledger.Update(t.Context(), r.ID, func(rec *ledger.Record) error {
		rec.Request.Parked = ""
		for i := range rec.Request.Steps {
			rec.Request.Steps[i].State, rec.Request.Steps[i].FinishedAt = account.StepFailed, o.now
		}
		return nil
	}))
	third := o.post(wanting(t, "4", "Mail.ReadWrite"))
	require.Equal(t, intake.Parked, third.Status, third.Reason)
	assert.Equal(t, "overtaken by "+third.RequestID, o.request(r.ID).Cancelled, "the correction that failed too is not replayed either")
}

func TestAnotherApplicationOfTheNameIsRefused(t *testing.T) {
	_, _, a := replaced(t, func(r *events.Request) { r.Access.AppConsents[0].AppID = "77777777-aaaa-4bbb-8ccc-dddddddddddd" }, "User.Read")
	assert.Equal(t, fault.AlreadyManaged, a.Code)
}
