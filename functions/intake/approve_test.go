package intake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/step"
)

func parked(o *office, change func(*events.Request)) account.Request {
	o.t.Helper()
	req := request(o.t, "onboard-practice-protect-federation")
	change(&req)
	a := o.post(req)
	require.Equal(o.t, intake.Parked, a.Status, a.Reason)
	return o.request(a.RequestID)
}

func (o *office) approve(id, by string) (account.Request, error) {
	o.t.Helper()
	return o.Approve(o.t.Context(), id, account.Approval{By: by, Via: "cli"})
}

func TestApprove(t *testing.T) {
	o := open(t)
	id := parked(o, func(*events.Request) {}).ID
	o.sent.take()
	r, err := o.approve(id, "sven@contoso.com")
	require.NoError(t, err)
	assert.Equal(t, account.Parked, account.StateOf(r), "it takes two")
	assert.Equal(t, []string{"notify " + id + "/notice-2/1"}, o.sent.take())
	_, err = o.approve(id, "Sven@Contoso.com")
	require.ErrorContains(t, err, "approved it already")

	r, err = o.approve(id, " bea@contoso.com ")
	require.NoError(t, err)
	require.Len(t, r.Approvals, 2)
	assert.Equal(t, "bea@contoso.com", r.Approvals[1].By, "as who is told of it is written to")
	assert.Equal(t, start, r.ApprovedAt)
	assert.Equal(t, []string{"notify " + id + "/notice-3/1", "checkfitness " + id + "/checkfitness/1"}, o.sent.take())
	assert.Equal(t, []string{"request.parked", "approval.given", "approval.refused", "request.approved"}, o.kinds(id))
	assert.Equal(t, account.Accepted, account.StateOf(o.request(id)))
	assert.True(t, o.account(r.AccountID).Grants[0].Alert, "somebody is to hear of it when it is given")
	_, err = o.approve(id, "olga@contoso.com")
	require.ErrorContains(t, err, "waits for no approval")
}

func TestWhoMayNotApprove(t *testing.T) {
	o := open(t)
	id := parked(o, func(r *events.Request) { r.SentBy = "olga@contoso.com" }).ID
	for by, why := range map[string]string{
		"jane@contoso.com": "asked for the request", "JANE@contoso.com": "asked for the request",
		"olga@contoso.com": "asked for the request", "eve@contoso.com": "not one of the approvers",
		"Sven Security": "not one of the approvers",
	} {
		_, err := o.approve(id, by)
		assert.Equal(t, fault.ApprovalMissing, fault.CodeOf(err), by)
		assert.ErrorContains(t, err, why, by)
	}
	_, err := o.approve(id, " ")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
	assert.Equal(t, account.Parked, account.StateOf(o.request(id)))
	assert.Empty(t, o.request(id).Approvals)
	assert.Len(t, o.kinds(id), 1+5, "each attempt is in the audit log")
}

func TestARequesterWithoutANameIsApprovedByNobody(t *testing.T) {
	o := open(t)
	id := parked(o, func(r *events.Request) { r.Ticket.Requester = events.Person{} }).ID
	_, err := o.approve(id, "sven@contoso.com")
	require.ErrorContains(t, err, "ticket.requester")
}

func TestAnApprovalIsForWhatWasShown(t *testing.T) {
	o := open(t)
	r := parked(o, func(*events.Request) {})
	c, err := o.Case(r)
	require.NoError(t, err)
	assert.Equal(t, r.Question.Digest, c.Digest)
	_, err = o.Approve(t.Context(), r.ID, account.Approval{By: "sven@contoso.com", Digest: "sha256:0"})
	require.ErrorContains(t, err, "another content")
	_, err = o.Approve(t.Context(), r.ID, account.Approval{By: "sven@contoso.com", Digest: c.Digest})
	require.NoError(t, err)
}

func TestApprovalsLapse(t *testing.T) {
	o := open(t)
	id := parked(o, func(*events.Request) {}).ID
	_, err := o.approve(id, "sven@contoso.com")
	require.NoError(t, err)
	o.now = start.AddDate(0, 0, 7)
	r, err := o.approve(id, "bea@contoso.com")
	require.NoError(t, err)
	assert.Equal(t, account.Parked, account.StateOf(r), "the first one lapsed after a week")
	r, err = o.approve(id, "sven@contoso.com")
	require.NoError(t, err)
	assert.Equal(t, account.Accepted, account.StateOf(r))
}

func TestApproveOnlyWhatIsParked(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-sam360")
	_, err := o.approve(on.ID, "sven@contoso.com")
	require.ErrorContains(t, err, "waits for no approval")
	_, err = o.approve("req-none", "sven@contoso.com")
	require.ErrorIs(t, err, ledger.ErrNotFound)
	r := parked(o, func(r *events.Request) { r.Lifetime.ExpiresAt = start.Add(time.Hour) })
	o.now = start.Add(2 * time.Hour)
	_, err = o.approve(r.ID, "sven@contoso.com")
	assert.Equal(t, fault.RequestExpired, fault.CodeOf(err))
	o.accepted("offboard-practice-protect-federation")
	_, err = o.approve(r.ID, "sven@contoso.com")
	require.ErrorContains(t, err, "cancelled")
}

func TestALateApprovalKeepsTheStartDate(t *testing.T) {
	o := open(t)
	r := parked(o, func(r *events.Request) { r.Lifetime.StartsAt = start.Add(10 * time.Hour) })
	o.now = start.Add(4 * time.Hour)
	o.agree(r.ID)
	assert.Equal(t, start.Add(10*time.Hour), o.request(r.ID).Steps[0].NextTry)
}

// What a step parked needs one person, each time anew.
func TestAStepsParkingNeedsOnePerson(t *testing.T) {
	o := open(t)
	r := parked(o, func(*events.Request) {})
	o.agree(r.ID)
	park := func() {
		require.NoError(t, o.ledger.Update(t.Context(), r.ID, func(rec *ledger.Record) error {
			rec.Request.Steps[0].Attempt++
			step.Park(rec, o.tenants[0], "admin consent needed", o.now)
			return nil
		}))
		o.sent.take()
	}
	park()
	assert.Equal(t, account.Parked, account.StateOf(o.request(r.ID)), "what was agreed to before is something else")
	_, err := o.approve(r.ID, "jane@contoso.com")
	assert.Equal(t, fault.ApprovalMissing, fault.CodeOf(err))
	_, err = o.approve(r.ID, "bea@contoso.com")
	require.NoError(t, err)
	assert.Equal(t, []string{"notify " + r.ID + "/notice-5/1", "checkfitness " + r.ID + "/checkfitness/2"}, o.sent.take())
	park()
	_, err = o.approve(r.ID, "bea@contoso.com")
	require.NoError(t, err, "the same person may say so again, for it is another question")
}

func TestNobodyIsConfiguredToApprove(t *testing.T) {
	o := open(t)
	options := o.options()
	options.Policy = policy.Builtin()
	desk, err := intake.New(options)
	require.NoError(t, err)
	a, err := desk.Accept(t.Context(), text(t, request(t, "onboard-practice-protect-federation")), intake.Source{Name: "servicenow"})
	require.NoError(t, err)
	assert.Equal(t, intake.Parked, a.Status)
	assert.Contains(t, a.Reason, "approvals.approvers")
	_, err = desk.Approve(t.Context(), a.RequestID, account.Approval{By: "sven@contoso.com"})
	assert.Equal(t, fault.ApprovalMissing, fault.CodeOf(err))
}

// Whoever orders something over the API asked for it, however they write themselves and
// however well they prove who they are.
func TestNobodyAgreesToTheirOwnOrder(t *testing.T) {
	for name, ask := range map[string]func(o *office, by string) (account.Request, error){
		"Extend": func(o *office, by string) (account.Request, error) {
			return o.Extend(o.t.Context(), o.living("onboard-kaspersky-new"), by, renewed, account.Extension{Until: start.AddDate(0, 0, 60)})
		},
		"Undo": func(o *office, by string) (account.Request, error) {
			o.run(o.accepted("onboard-kaspersky-new").ID)
			off := o.accepted("offboard-kaspersky-new")
			o.run(off.ID)
			return o.Undo(o.t.Context(), off.ID, by)
		},
	} {
		for _, by := range []string{"sven@contoso.com", " SVEN@Contoso.com", "Sven Security", "sven"} {
			t.Run(name+" by "+by, func(t *testing.T) {
				o := open(t)
				r, err := ask(o, by)
				require.NoError(t, err)
				require.Equal(t, account.Parked, account.StateOf(r))
				_, err = o.Approve(t.Context(), r.ID, account.Approval{By: "sven@contoso.com", Proof: account.ProofToken})
				require.ErrorContains(t, err, "asked for the request")
				_, err = o.Approve(t.Context(), r.ID, account.Approval{By: "bea@contoso.com", Proof: account.ProofToken})
				require.NoError(t, err)
			})
		}
	}
}

func TestTheAuditSaysWhatProvesAnApproval(t *testing.T) {
	o := open(t)
	id := parked(o, func(*events.Request) {}).ID
	for _, a := range []account.Approval{
		{By: "eve@contoso.com", Via: "cli", Proof: account.ProofClaim},
		{By: "sven@contoso.com", Via: "cli", Proof: account.ProofToken}, {By: "bea@contoso.com", Via: "console", Proof: account.ProofClaim, Reason: " seen "},
	} {
		_, err := o.Approve(t.Context(), id, a)
		assert.Equal(t, a.By == "eve@contoso.com", err != nil, err)
	}
	lines, err := o.ledger.Timeline(t.Context(), id)
	require.NoError(t, err)
	var said []string
	for _, l := range lines {
		if l.Kind != "request.parked" {
			said = append(said, l.Kind+" "+l.Text)
		}
	}
	require.Len(t, said, 3)
	assert.Contains(t, said[0], "approval.refused eve@contoso.com via cli, claimed behind the shared token: ")
	assert.Contains(t, said[1], "approval.given via cli, with their own token; ")
	assert.Equal(t, "request.approved via console, claimed behind the shared token: seen", said[2])
	assert.Equal(t, account.ProofToken, o.request(id).Approvals[0].Proof)
}
