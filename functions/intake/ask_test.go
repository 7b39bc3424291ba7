package intake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
)

func TestThePolicyRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*events.Request)
		code   fault.Code
		says   string
	}{
		"CustomRoleGroup": {func(r *events.Request) { r.Access.ExchangeRoleGroups = []string{"Contoso Helpers"} }, fault.PolicyForbidden, "Contoso Helpers"},
		"NoOwner":         {func(r *events.Request) { r.Owner = events.Person{} }, fault.RequestInvalid, "owner.email"},
		"NoMail":          {func(r *events.Request) { r.Owner.Email = "" }, fault.RequestInvalid, "owner.email"},
		"TooLong":         {func(r *events.Request) { r.Lifetime.ExpiresAt = start.AddDate(0, 0, 91) }, fault.RequestInvalid, "90 days are allowed"},
		"NoEnd": {func(r *events.Request) {
			r.Profile, r.Access.DirectoryRoles = "", []string{"Global Administrator"}
		}, fault.RequestInvalid, "lifetime.expiresAt"},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			req := request(t, "onboard-practice-protect-federation")
			test.change(&req)
			a := o.post(req)
			assert.Equal(t, intake.Refused, a.Status)
			assert.Equal(t, test.code, a.Code)
			assert.Contains(t, a.Reason, test.says)
			assert.Equal(t, account.Refused, account.StateOf(o.request(a.RequestID)), "the ticket is told")
		})
	}
}

func TestAStartDateMovesTheLatestEnd(t *testing.T) {
	o := open(t)
	parked(o, func(r *events.Request) {
		r.Lifetime.StartsAt, r.Lifetime.ExpiresAt = start.AddDate(0, 0, 10), start.AddDate(0, 0, 100)
	})
}

func TestTheTenantMayTighten(t *testing.T) {
	o := open(t)
	options := o.options()
	rules, err := policy.Parse([]byte(`
schema: usher.policy/v1
approvals: {approvers: [{id: sven@contoso.com, name: Sven}]}
tenants:
  contoso:
    tiers:
      oneApprover: {directoryRoles: [{name: Service Support Administrator, id: f023fd81-a637-4b56-95fd-791ac0226033}]}
`), nil)
	require.NoError(t, err)
	options.Policy = rules
	desk, err := intake.New(options)
	require.NoError(t, err)
	a, err := desk.Accept(t.Context(), text(t, request(t, "onboard-sam360")), intake.Source{Name: "servicenow"})
	require.NoError(t, err)
	assert.Equal(t, intake.Parked, a.Status)
	assert.Contains(t, a.Reason, "Service Support Administrator needs one approver")
	assert.Contains(t, a.Reason, "sven@contoso.com may")
}

// claiming gives an office and the federation's ticket with an approval in it.
func claiming(t *testing.T, by string) (*office, events.Request) {
	o := open(t)
	req := request(t, "onboard-kaspersky-new")
	req.Approval = &events.Approval{ApprovedBy: by, ApprovedAt: start, Reference: "APPR-1"}
	return o, req
}

func (o *office) from(source string, req events.Request) intake.Answer {
	o.t.Helper()
	a, err := o.Accept(o.t.Context(), text(o.t, req), intake.Source{Name: source})
	require.NoError(o.t, err)
	return a
}

func TestAnApprovedTicket(t *testing.T) {
	for name, test := range map[string]struct {
		source, by string
		want       intake.Outcome
		kinds      []string
	}{
		"Counts":       {"approvingdesk", "sven@contoso.com", intake.Accepted, []string{"request.approved", "request.accepted"}},
		"NotTrusted":   {"servicenow", "sven@contoso.com", intake.Parked, []string{"request.parked"}},
		"NoApprover":   {"approvingdesk", "eve@contoso.com", intake.Parked, []string{"approval.refused", "request.parked"}},
		"TheRequester": {"approvingdesk", "jane@contoso.com", intake.Parked, []string{"approval.refused", "request.parked"}},
	} {
		t.Run(name, func(t *testing.T) {
			o, req := claiming(t, test.by)
			a := o.from(test.source, req)
			assert.Equal(t, test.want, a.Status, a.Reason)
			assert.Equal(t, test.kinds, o.kinds(a.RequestID))
			for _, given := range o.request(a.RequestID).Approvals {
				assert.Equal(t, account.ProofTicket, given.Proof)
			}
		})
	}
}

func TestATicketIsApprovedLater(t *testing.T) {
	o, approved := claiming(t, "sven@contoso.com")
	plain := approved
	plain.Approval = nil
	a := o.from("approvingdesk", plain)
	require.Equal(t, intake.Parked, a.Status)
	o.sent.take()

	other := approved
	other.Reason = "something else"
	assert.Equal(t, intake.Parked, o.from("approvingdesk", other).Status, "another content")
	assert.Equal(t, intake.Parked, o.from("servicenow", approved).Status, "a source that is not trusted with it")
	early := approved
	early.Approval = &events.Approval{ApprovedBy: "sven@contoso.com", ApprovedAt: start.AddDate(0, 0, 1)}
	assert.Equal(t, intake.Parked, o.from("approvingdesk", early).Status, "dated in the future")

	again := o.from("approvingdesk", approved)
	assert.Equal(t, intake.Accepted, again.Status, again.Reason)
	assert.True(t, again.Duplicate)
	assert.Contains(t, o.sent.take(), "checkfitness "+a.RequestID+"/checkfitness/1")
	o.from("approvingdesk", approved)
	assert.Empty(t, o.sent.take(), "once")
}

func TestATicketsApprovalIsOneOfTwo(t *testing.T) {
	o := open(t)
	req := request(t, "onboard-practice-protect-federation")
	req.Approval = &events.Approval{ApprovedBy: "sven@contoso.com"}
	a := o.from("approvingdesk", req)
	assert.Equal(t, intake.Parked, a.Status)
	assert.Equal(t, a.RequestID, o.from("approvingdesk", req).RequestID)
	assert.Len(t, o.request(a.RequestID).Approvals, 1, "delivered twice, counted once")
	r, err := o.approve(a.RequestID, "bea@contoso.com")
	require.NoError(t, err)
	assert.Equal(t, account.Accepted, account.StateOf(r))
}

func TestExplain(t *testing.T) {
	o := open(t)
	d, err := o.Explain(text(t, request(t, "onboard-practice-protect-federation")))
	require.NoError(t, err)
	assert.Equal(t, policy.TwoApprovers, d.Tier)
	assert.Empty(t, d.Unmet)
	assert.NotEmpty(t, d.Narrower)
	assert.Empty(t, o.requests(), "nothing was taken")
	assert.Empty(t, o.sent.take())

	req := request(t, "onboard-practice-protect-federation")
	req.Access.ExchangeRoleGroups = []string{"Contoso Helpers"}
	d, err = o.Explain(text(t, req))
	require.NoError(t, err)
	assert.Equal(t, policy.Forbidden, d.Tier)
	assert.Contains(t, policy.Explain(d), "Contoso Helpers")
}

func TestExplainRefuses(t *testing.T) {
	o := open(t)
	for name, test := range map[string]struct {
		change func(*events.Request)
		code   fault.Code
	}{
		"Tenant":    {func(r *events.Request) { r.Tenant = events.TenantRef{Alias: "litware"} }, fault.UnknownTenant},
		"Profile":   {func(r *events.Request) { r.Profile = "sam361" }, fault.UnknownProfile},
		"Role":      {func(r *events.Request) { r.Access.DirectoryRoles = []string{"Wizard"} }, fault.UnknownRole},
		"Offboard":  {func(r *events.Request) { r.Action = "offboard" }, fault.RequestInvalid},
		"NotAThing": {func(r *events.Request) { r.Action = "think" }, fault.RequestInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			req := request(t, "onboard-sam360")
			test.change(&req)
			_, err := o.Explain(text(t, req))
			assert.Equal(t, test.code, fault.CodeOf(err))
		})
	}
}
