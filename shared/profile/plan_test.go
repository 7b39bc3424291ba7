package profile_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/profile"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	now     = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	contoso = account.Tenant{
		Alias: "contoso", ID: "11111111-1111-1111-1111-111111111111",
		Domains: []string{"contoso.onmicrosoft.com", "contoso.com"}, Protected: []string{"breakglass@contoso.onmicrosoft.com"},
		RoleGroups: []string{"Contoso Helpers"},
	}
)

func sample(t *testing.T, name string) events.Request {
	t.Helper()
	text, err := samples.Files.ReadFile(name)
	require.NoError(t, err)
	var req events.Request
	require.NoError(t, json.Unmarshal(text, &req))
	return req
}

// golden compares a value with testdata/<name>; go test -update writes it.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	require.NoError(t, err)
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, append(got, '\n'), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got)+"\n")
}

// outline is what a golden file keeps of a plan: what intake decides, not what the runner fills in.
type outline struct {
	Account   string
	Origin    account.Origin
	ExpiresAt time.Time
	Grants    []account.Grant
	OnFailure account.FailurePolicy
	Plan      []line
	// Revocation follows from the sample that offboards the account.
	Revocation []line
}

type line struct {
	Name, Function, Title string
	Args                  json.RawMessage
	Delay                 string `json:",omitempty"`
}

func linesOf(steps []account.Step) (lines []line) {
	for _, s := range steps {
		l := line{Name: s.Name, Function: s.Function, Title: s.Title, Args: s.Args}
		if s.Delay > 0 {
			l.Delay = s.Delay.String()
		}
		lines = append(lines, l)
	}
	return lines
}

func TestPlansOfTheSamples(t *testing.T) {
	c := builtin(t)
	for _, name := range []string{
		"onboard-sam360", "onboard-kaspersky-new", "onboard-kaspersky-existing",
		"onboard-practice-protect-mail-redirect", "onboard-practice-protect-federation",
		"onboard-trendmicro-cas", "onboard-mediafly-intelligence",
	} {
		t.Run(name, func(t *testing.T) {
			req := sample(t, name+".json")
			p, ok := c.Get(req.Profile)
			require.True(t, ok)
			planned, err := profile.Plan(p, req, contoso, now)
			require.NoError(t, err)
			acc := planned.Account
			for i, g := range acc.Grants {
				if acc.AppID != "" && g.State == account.GrantPlanned {
					acc.Grants[i].State = account.GrantGiven
				}
			}
			acc.ObjectID = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
			off := sample(t, strings.Replace(name, "onboard-", "offboard-", 1)+".json")
			require.NoError(t, profile.CheckOffboard(acc, *off.Offboard))
			golden(t, name+".json", outline{
				acc.UserPrincipalName, acc.Origin, acc.ExpiresAt, acc.Grants, planned.OnFailure,
				linesOf(planned.Steps), linesOf(profile.Revocation(acc, *off.Offboard)),
			})
		})
	}
}

// sam360 gives the sample request, changed.
func sam360(t *testing.T, change func(*events.Request)) (profile.Planned, error) {
	t.Helper()
	p, _ := builtin(t).Get("sam360")
	req := sample(t, "onboard-sam360.json")
	change(&req)
	return profile.Plan(p, req, contoso, now)
}

func names(steps []account.Step) (names []string) {
	for _, s := range steps {
		names = append(names, s.Name)
	}
	return names
}

func TestPlanRefuses(t *testing.T) {
	no, yes := false, true
	for name, test := range map[string]struct {
		change func(*events.Request)
		code   fault.Code
		says   string
	}{
		"UnknownRole":      {func(r *events.Request) { r.Access.DirectoryRoles = []string{"Wizard"} }, fault.UnknownRole, "Wizard"},
		"UnknownRoleGroup": {func(r *events.Request) { r.Access.ExchangeRoleGroups = []string{"Gang"} }, fault.UnknownRoleGroup, "Gang"},
		"IllegalCharacter": {func(r *events.Request) { r.Account.UserName = "sam 360" }, fault.NameInvalid, `' '`},
		"Accent":           {func(r *events.Request) { r.Account.UserName = "rené" }, fault.NameInvalid, "é"},
		"AtSign":           {func(r *events.Request) { r.Account.UserName = "a@b" }, fault.NameInvalid, "@"},
		"FullStopAtTheEnd": {func(r *events.Request) { r.Account.UserName = "sam." }, fault.NameInvalid, "full stop"},
		"TooLong":          {func(r *events.Request) { r.Account.UserName = strings.Repeat("a", 65) }, fault.NameInvalid, "65"},
		"ForeignDomain":    {func(r *events.Request) { r.Account.Domain = "fabrikam.com" }, fault.DomainNotVerified, "fabrikam.com"},
		"Protected":        {func(r *events.Request) { r.Account.UserName = "BreakGlass" }, fault.AccountProtected, "BreakGlass"},
		"Expired":          {func(r *events.Request) { r.Lifetime.ExpiresAt = now }, fault.RequestExpired, "2026-11-21T20:00:00Z"},
		"EndsBeforeStart": {func(r *events.Request) {
			r.Lifetime.ExpiresAt, r.Lifetime.StartsAt = now.Add(time.Hour), now.Add(2*time.Hour)
		}, fault.RequestInvalid, "startsAt"},
		"Licence": {func(r *events.Request) { r.Account.Licenses = []string{"E3"} }, fault.StepUnsupported, "licenses"},
		"Scope":   {func(r *events.Request) { r.Access.Scope = &events.Scope{Mode: "selected"} }, fault.RequestInvalid, "scope"},
		"Recipients": {func(r *events.Request) {
			r.Delivery = &events.Delivery{Method: "vault", Recipients: []string{"a@b.c"}}
		}, fault.RequestInvalid, "recipients"},
		"Review":          {func(r *events.Request) { r.Lifetime.ReviewAt = now }, fault.RequestInvalid, "lifetime.reviewAt 2026-11-21T20:00:00Z has passed"},
		"MFARequired":     {func(r *events.Request) { r.Account.MFA = "required" }, fault.StepUnsupported, "mfa"},
		"MFAUnexplained":  {func(r *events.Request) { r.Account.MFA, r.Reason, r.Approval = "excluded", "", nil }, fault.RequestInvalid, "mfa"},
		"GivenPassword":   {func(r *events.Request) { r.Account.Password.Generate = &no }, fault.RequestInvalid, "generate"},
		"ForceChange":     {func(r *events.Request) { r.Account.Password.ForceChange = &yes }, fault.StepUnsupported, "forceChange"},
		"ModifyAndCreate": {func(r *events.Request) { r.Action = "modify" }, fault.RequestInvalid, "create"},
		"NothingToGive": {func(r *events.Request) {
			r.Account.Mode, r.Access = "existing", events.Access{DirectoryRoles: []string{}, ExchangeRoleGroups: []string{}}
		}, fault.RequestInvalid, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sam360(t, test.change)
			require.ErrorContains(t, err, test.says)
			assert.Equal(t, test.code, fault.CodeOf(err))
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
		})
	}
}

func TestPlanRefusesWhatAProfileCannot(t *testing.T) {
	c := builtin(t)
	yes := true
	p, _ := c.Get("practice-protect-federation")
	_, err := profile.Plan(p, events.Request{Action: "onboard", Access: events.Access{ReadOnly: &yes}}, contoso, now)
	require.ErrorContains(t, err, "no read-only variant")
	p.Account.Modes = []profile.Mode{profile.Create}
	_, err = profile.Plan(p, events.Request{Action: "modify", Account: events.Account{UserName: "anna"}}, contoso, now)
	require.ErrorContains(t, err, "does not allow it")
}

func TestGivenListsReplaceTheProfile(t *testing.T) {
	planned, err := sam360(t, func(r *events.Request) {
		r.Access = events.Access{DirectoryRoles: []string{"global reader", "f2ef992c-3afb-46b9-b7cf-a126ee74c451"}, ExchangeRoleGroups: []string{}}
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"checkfitness", "create", "assignrole-global-reader"}, names(planned.Steps))
	planned, err = sam360(t, func(r *events.Request) { r.Access = events.Access{ExchangeRoleGroups: []string{"contoso helpers"}} })
	require.NoError(t, err)
	assert.Equal(t, []string{"checkfitness", "create", "assignrole-service-support-administrator", "grantrolegroup-contoso-helpers"}, names(planned.Steps))
}

func TestReadOnlyVariant(t *testing.T) {
	yes := true
	p, _ := builtin(t).Get("kaspersky-quarantine")
	planned, err := profile.Plan(p, events.Request{Action: "onboard", Access: events.Access{ReadOnly: &yes}}, contoso, now)
	require.NoError(t, err)
	assert.Equal(t, []string{"checkfitness", "create", "assignrole-security-reader"}, names(planned.Steps))
}

func TestAProfileMayAskForAnApproval(t *testing.T) {
	p := profile.Profile{Approval: profile.Approval{Roles: []string{"security reader"}}}
	id, _, _ := profile.Role("Security Reader")
	assert.True(t, p.Approves(id))
	id, _, _ = profile.Role("Global Reader")
	assert.False(t, p.Approves(id))
}

func TestLifetime(t *testing.T) {
	p, _ := builtin(t).Get("practice-protect-mail-redirect")
	planned, err := profile.Plan(p, events.Request{Action: "onboard", Lifetime: events.Lifetime{StartsAt: now.Add(48 * time.Hour)}}, contoso, now)
	require.NoError(t, err)
	assert.Equal(t, 48*time.Hour, planned.Steps[0].Delay)
	assert.Equal(t, now.AddDate(0, 0, 92), planned.Account.ExpiresAt)
	planned, err = sam360(t, func(r *events.Request) {
		r.Lifetime = events.Lifetime{Hold: &events.Hold{Reason: "in use", Until: now}}
	})
	require.NoError(t, err)
	assert.True(t, planned.Account.ExpiresAt.IsZero())
	assert.Equal(t, account.Hold{Reason: "in use", Until: now}, planned.Account.Hold)
}

func TestWithoutAProfile(t *testing.T) {
	req := events.Request{Action: "modify", Account: events.Account{UserName: "anna", Domain: "CONTOSO.com"}, Access: events.Access{DirectoryRoles: []string{"Global Reader"}}}
	planned, err := profile.Plan(profile.Profile{}, req, contoso, now)
	require.NoError(t, err)
	assert.Equal(t, "anna@contoso.com", planned.Account.UserPrincipalName)
	assert.Equal(t, account.Adopted, planned.Account.Origin)
	assert.Equal(t, account.Compensate, planned.OnFailure)
	_, err = profile.Plan(profile.Profile{}, events.Request{Action: "onboard"}, contoso, now)
	assert.Equal(t, fault.NameInvalid, fault.CodeOf(err))
	_, err = profile.Plan(profile.Profile{}, req, account.Tenant{Alias: "new"}, now)
	assert.Equal(t, fault.DomainNotVerified, fault.CodeOf(err))
}

func TestStepNamesAreUniqueAndShort(t *testing.T) {
	tenant := contoso
	long := strings.Repeat("very long name ", 8)
	tenant.RoleGroups = []string{long + "1", long + "2", "組", "群", "a--b", "a b"}
	planned, err := profile.Plan(profile.Profile{}, events.Request{
		Action: "modify", Account: events.Account{UserName: "anna"}, Access: events.Access{ExchangeRoleGroups: tenant.RoleGroups},
	}, tenant, now)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, name := range names(planned.Steps)[2:] {
		assert.Regexp(t, `^grantrolegroup-[a-z0-9][a-z0-9-]*$`, name)
		assert.LessOrEqual(t, len(name), len("grantrolegroup-")+40)
		assert.False(t, seen[name], name)
		seen[name] = true
	}
	assert.Len(t, seen, 6)
}
