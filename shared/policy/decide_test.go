package policy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/policy"
)

var (
	now   = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	owner = account.Owner{Name: "IT", Email: "it@contoso.com"}

	global    = policy.Right{Kind: policy.DirectoryRole, ID: account.GlobalAdministrator, Name: "Global Administrator"}
	security  = policy.Right{Kind: policy.DirectoryRole, ID: "194ae4cb-b126-40b2-bd5b-6091b380977d", Name: "Security Administrator"}
	operator  = policy.Right{Kind: policy.DirectoryRole, ID: "5f2222b1-57c3-48ba-8ad5-d4759f1fde6f", Name: "Security Operator"}
	support   = policy.Right{Kind: policy.DirectoryRole, ID: "f023fd81-a637-4b56-95fd-791ac0226033", Name: "Service Support Administrator"}
	viewOnly  = policy.Right{Kind: policy.RoleGroup, Name: "View-Only Organization Management"}
	manage    = policy.Right{Kind: policy.RoleGroup, Name: "organization management"}
	readMail  = graph(policy.Application, "Mail.Read")
	writeMail = graph(policy.Application, "Mail.ReadWrite")
	escalate  = graph(policy.Application, "RoleManagement.ReadWrite.Directory")
	readSelf  = graph(policy.Delegated, "User.Read")
	consents  = policy.Right{Kind: policy.Setting, Name: policy.ConsentRequestPolicy}
)

func graph(kind policy.Kind, name string) policy.Right {
	id, _ := policy.ResourceID("microsoft graph")
	return policy.Right{Kind: kind, ID: id, Name: name}
}

func facts(rights ...policy.Right) policy.Facts {
	return policy.Facts{Tenant: "contoso", Rights: rights, Owner: owner, Begins: now, Ends: now.AddDate(0, 0, 30)}
}

func TestDecide(t *testing.T) {
	shouted := support
	shouted.ID, shouted.Name = "F023FD81-A637-4B56-95FD-791AC0226033", "SERVICE SUPPORT ADMINISTRATOR"
	misnamed, nameless, idless := support, support, support
	misnamed.Name, nameless.Name, idless.ID = "Global Administrator", "", ""
	raised, lowered := support, global
	raised.AtLeast, lowered.AtLeast = policy.OneApprover, policy.Automatic
	for name, test := range map[string]struct {
		rights []policy.Right
		want   policy.Tier
	}{
		"Nothing":           {nil, policy.Automatic},
		"SmallRole":         {[]policy.Right{support}, policy.Automatic},
		"LetterCase":        {[]policy.Right{shouted}, policy.Automatic},
		"SmallGroup":        {[]policy.Right{viewOnly}, policy.Automatic},
		"Role":              {[]policy.Right{security}, policy.OneApprover},
		"Group":             {[]policy.Right{manage}, policy.OneApprover},
		"BigRole":           {[]policy.Right{global}, policy.TwoApprovers},
		"TheDearestCounts":  {[]policy.Right{support, global, security}, policy.TwoApprovers},
		"Self":              {[]policy.Right{readSelf}, policy.Automatic},
		"Data":              {[]policy.Right{readMail}, policy.OneApprover},
		"Control":           {[]policy.Right{graph(policy.Application, "Directory.ReadWrite.All")}, policy.TwoApprovers},
		"SelfAsApplication": {[]policy.Right{graph(policy.Application, "User.Read")}, policy.Forbidden},
		"Escalation":        {[]policy.Right{readSelf, escalate}, policy.Forbidden},
		"Setting":           {[]policy.Right{consents}, policy.OneApprover},
		"UnknownID":         {[]policy.Right{{Kind: policy.DirectoryRole, ID: "00000000-0000-0000-0000-000000000000", Name: "Global Reader"}}, policy.Forbidden},
		"WithoutID":         {[]policy.Right{idless}, policy.Forbidden},
		"WithoutName":       {[]policy.Right{nameless}, policy.Forbidden},
		"OtherName":         {[]policy.Right{misnamed}, policy.Forbidden},
		"UnknownGroup":      {[]policy.Right{{Kind: policy.RoleGroup, Name: "Our Group"}}, policy.Forbidden},
		"RoleAsGroup":       {[]policy.Right{{Kind: policy.RoleGroup, Name: "Global Reader"}}, policy.Forbidden},
		"OtherResource":     {[]policy.Right{{Kind: policy.Delegated, ID: "00000000-0000-0000-0000-000000000000", Name: "User.Read"}}, policy.Forbidden},
		"UnknownKind":       {[]policy.Right{{Kind: "wish", Name: "User.Read"}}, policy.Forbidden},
		"Zero":              {[]policy.Right{{}}, policy.Forbidden},
		"TheProfileRaises":  {[]policy.Right{raised}, policy.OneApprover},
		"AndNeverLowers":    {[]policy.Right{lowered}, policy.TwoApprovers},
	} {
		t.Run(name, func(t *testing.T) {
			d := policy.Builtin().Decide(facts(test.rights...))
			assert.Equal(t, test.want, d.Tier)
			assert.Len(t, d.Reasons, len(test.rights))
			if len(d.Reasons) > 0 {
				assert.Equal(t, d.Tier, d.Reasons[0].Tier, "what decided comes first")
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	decide := func(r policy.Right) policy.Needs { return policy.Builtin().Decide(facts(r)).Needs }
	assert.Equal(t, policy.Needs{Owner: true}, decide(support))
	assert.Equal(t, policy.Needs{Owner: true, Approvers: 1}, decide(security))
	assert.Equal(t, policy.Needs{Owner: true, Approvers: 2, EndDate: true, MaxDays: 90, Alert: true}, decide(global))
	assert.Equal(t, policy.Needs{}, decide(escalate), "nothing makes up for a forbidden right")
}

func TestTheZeroPolicyForbids(t *testing.T) {
	assert.Equal(t, policy.Forbidden, policy.Policy{}.Decide(facts(support)).Tier)
	assert.True(t, policy.Policy{}.Decide(facts()).Needs.Owner)
	assert.False(t, policy.Decision{}.Tier.Allows())
	assert.Equal(t, "forbidden", policy.Decision{}.Tier.String())
}

func TestWhatATierAsksTheTiersAboveAskToo(t *testing.T) {
	p := parse(t, "tenants: {contoso: {tiers: {automatic: {alert: true}, oneApprover: {maxDays: 10, exchangeRoleGroups: [View-Only Organization Management]}}}}\n")
	assert.Equal(t, policy.Needs{Owner: true, Alert: true}, p.Decide(facts(support)).Needs)
	assert.Equal(t, policy.Needs{Owner: true, Approvers: 1, EndDate: true, MaxDays: 10, Alert: true}, p.Decide(facts(viewOnly)).Needs)
	assert.Equal(t, 10, p.Decide(facts(global)).Needs.MaxDays)
	assert.Contains(t, p.Decide(facts(viewOnly)).Reasons[0].Why, "the tenant's part")
	f := facts(viewOnly)
	f.Tenant = "fabrikam"
	assert.Equal(t, policy.Automatic, p.Decide(f).Tier)
}

func TestUnmet(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*policy.Facts)
		want   []string
	}{
		"Met":      {func(*policy.Facts) {}, nil},
		"LastDay":  {func(f *policy.Facts) { f.Ends = now.AddDate(0, 0, 90) }, nil},
		"TooLate":  {func(f *policy.Facts) { f.Ends = now.AddDate(0, 0, 90).Add(1) }, []string{"2027-02-20 at the latest"}},
		"Later":    {func(f *policy.Facts) { f.Begins, f.Ends = now.AddDate(1, 0, 0), now.AddDate(1, 0, 90) }, nil},
		"NoEnd":    {func(f *policy.Facts) { f.Ends = time.Time{} }, []string{"give an end date, 2027-02-20 at the latest"}},
		"NoOwner":  {func(f *policy.Facts) { f.Owner = account.Owner{Name: "Somebody"} }, []string{"owner.email"}},
		"NoMail":   {func(f *policy.Facts) { f.Owner.Email = "the desk" }, []string{`owner.email: "the desk" is no mail address`}},
		"NoHost":   {func(f *policy.Facts) { f.Owner.Email = "desk@" }, []string{`owner.email: "desk@" is no mail address`}},
		"Nothing":  {func(f *policy.Facts) { f.Owner, f.Ends = account.Owner{}, time.Time{} }, []string{"owner.email", "lifetime.expiresAt"}},
		"Hopeless": {func(f *policy.Facts) { f.Owner, f.Rights = account.Owner{}, []policy.Right{escalate} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(global)
			test.change(&f)
			got := policy.Builtin().Decide(f).Unmet
			require.Len(t, got, len(test.want))
			for i, want := range test.want {
				assert.Contains(t, got[i], want)
			}
		})
	}
}

func TestNarrower(t *testing.T) {
	offers := func(p policy.Policy, rights ...policy.Right) (names []string) {
		for _, s := range p.Decide(facts(rights...)).Narrower {
			names = append(names, s.Offer.Name)
		}
		return names
	}
	p := policy.Builtin()
	assert.Equal(t, []string{"Domain Name Administrator", "Hybrid Identity Administrator"}, offers(p, global))
	assert.Equal(t, []string{"Security Operator", "Security Reader"}, offers(p, security))
	assert.Equal(t, []string{"Security Reader"}, offers(p, security, operator), "what is asked for anyway is no offer")
	assert.Equal(t, []string{"View-Only Organization Management"}, offers(p, manage))
	assert.Equal(t, []string{"Mail.Read"}, offers(p, writeMail))
	assert.Empty(t, offers(p, support))
	p = parse(t, "tenants: {contoso: {tiers: {forbidden: {directoryRoles: [{name: Security Operator, id: 5f2222b1-57c3-48ba-8ad5-d4759f1fde6f}]}}}}\n")
	assert.Equal(t, []string{"Security Reader"}, offers(p, security), "what is forbidden is no offer")
	p = parse(t, "tiers: {oneApprover: {exchangeRoleGroups: [Organization Management]}}\n")
	assert.Empty(t, offers(p, manage), "what the file does not list is no offer")
}

func TestRightsOf(t *testing.T) {
	got := policy.RightsOf([]account.Grant{
		{Kind: account.DirectoryRole, Target: global.ID, Name: global.Name},
		{Kind: account.RoleGroup, Target: viewOnly.Name, Name: viewOnly.Name},
	})
	assert.Equal(t, []policy.Right{global, viewOnly}, got)
}

func TestResourceID(t *testing.T) {
	id, ok := policy.ResourceID("office 365 exchange online")
	assert.True(t, ok)
	again, ok := policy.ResourceID(id)
	assert.True(t, ok)
	assert.Equal(t, id, again)
	_, ok = policy.ResourceID("Graph")
	assert.False(t, ok)
}

func TestExplain(t *testing.T) {
	f := facts(support, global)
	f.Ends = time.Time{}
	assert.Equal(t, `Two different approvers have to agree, neither of them the requester.

It needs:
  - an owner with a mail address
  - an end date, at most 90 days after the start
  - an alert when it is given

Because of:
  - directory role Global Administrator: two approvers; the policy lists it there
  - directory role Service Support Administrator: automatic; the policy lists it there

Missing in the request:
  - lifetime.expiresAt: give an end date, 2027-02-20 at the latest

Narrower:
  - directory role Domain Name Administrator (one approver) instead of directory role Global Administrator: serves when the account only changes domains
  - directory role Hybrid Identity Administrator (one approver) instead of directory role Global Administrator: serves when the account only sets up federated sign-in
`, policy.Explain(policy.Builtin().Decide(f)))
	assert.Contains(t, policy.Explain(policy.Builtin().Decide(facts(escalate))), "Forbidden: nobody can approve this.\n\nBecause of:\n  - application permission RoleManagement.ReadWrite.Directory of Microsoft Graph: forbidden")
	assert.Contains(t, policy.Explain(policy.Builtin().Decide(facts(security))), "One approver")
	assert.Contains(t, policy.Explain(policy.Builtin().Decide(facts())), "Automatic")
	odd := policy.Right{Kind: policy.Application, ID: "\x1b[2J", Name: "a\nb"}
	assert.Contains(t, policy.Explain(policy.Builtin().Decide(facts(odd))), `application permission "a\nb" of "\x1b[2J": forbidden; the policy does not list it`)
}

func TestSummary(t *testing.T) {
	summary := func(rights ...policy.Right) string { return policy.Builtin().Decide(facts(rights...)).Summary() }
	assert.Empty(t, summary(support))
	assert.Equal(t, "directory role Security Administrator and Exchange role group organization management need one approver", summary(security, support, manage))
	assert.Equal(t, "directory role Security Administrator needs one approver", summary(security, support))
	mail := func(name string) policy.Right {
		return policy.Right{Kind: policy.Application, ID: "00000003-0000-0000-c000-000000000000", Name: name}
	}
	assert.Equal(t, "application permissions Mail.Read, Mail.Send of Microsoft Graph and directory role Security Administrator need one approver",
		summary(mail("Mail.Read"), security, mail("Mail.Send")))
	assert.Contains(t, summary(escalate), " is forbidden by the policy")
	assert.Contains(t, summary(escalate, mail("Unheard.Of")), "Unheard.Of of Microsoft Graph are forbidden by the policy")
}

func TestADecisionAsJSON(t *testing.T) {
	text, err := json.Marshal(policy.Builtin().Decide(facts(support)))
	require.NoError(t, err)
	assert.JSONEq(t, `{"tier":"automatic","needs":{"owner":true,"approvers":0,"endDate":false,"alert":false},"reasons":[
		{"right":{"kind":"role","id":"f023fd81-a637-4b56-95fd-791ac0226033","name":"Service Support Administrator"},"tier":"automatic","why":"the policy lists it there"}]}`, string(text))
}
