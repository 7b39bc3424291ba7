package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/policy"
)

// pool are rights of every kind, some of which no policy lists.
var pool = []policy.Right{
	global, security, operator, support, viewOnly, manage, readMail, writeMail, escalate, readSelf, consents,
	{Kind: policy.RoleGroup, Name: "Our Group"}, {Kind: policy.DirectoryRole, ID: "00000000-0000-0000-0000-00000000000a", Name: "Our Role"},
}

// laxer says in which way a decision asks for less than another; empty when in none.
func laxer(own, base policy.Decision) string {
	n, least := own.Needs, base.Needs
	switch {
	case own.Tier < base.Tier:
		return fmt.Sprintf("tier %s instead of %s", own.Tier, base.Tier)
	case !own.Tier.Allows():
		return ""
	case least.Owner && !n.Owner, n.Approvers < least.Approvers, least.EndDate && !n.EndDate, least.Alert && !n.Alert,
		least.MaxDays > 0 && (n.MaxDays == 0 || n.MaxDays > least.MaxDays):
		return fmt.Sprintf("needs %+v instead of %+v", n, least)
	case len(own.Unmet) < len(base.Unmet):
		return fmt.Sprintf("unmet %q instead of %q", own.Unmet, base.Unmet)
	}
	return ""
}

// dice writes policies and requests at random.
type dice struct{ *rand.Rand }

func (d dice) maybe() bool { return d.IntN(3) == 0 }

// entry gives the list that a right stands in, and how it stands there.
func entry(r policy.Right) (list, text string) {
	switch r.Kind {
	case policy.DirectoryRole:
		return "directoryRoles", fmt.Sprintf("{name: %s, id: %s}", r.Name, r.ID)
	case policy.RoleGroup:
		return "exchangeRoleGroups", r.Name
	case policy.Setting:
		return "settings", r.Name
	}
	return "appPermissions", fmt.Sprintf("{resource: %s, %s: [%s]}", r.ID, r.Kind, r.Name)
}

// tiers writes any tiers at all: many contradict themselves or are too lax. at gives
// the tier of each right.
func (d dice) tiers(rights []policy.Right, at func(policy.Right) policy.Tier) string {
	lines, lists := map[policy.Tier][]string{}, map[policy.Tier]map[string][]string{}
	for _, r := range rights {
		tier := at(r)
		if lists[tier] == nil {
			lists[tier] = map[string][]string{}
		}
		list, text := entry(r)
		lists[tier][list] = append(lists[tier][list], text)
	}
	for tier, all := range lists {
		for list, texts := range all {
			lines[tier] = append(lines[tier], list+": ["+strings.Join(texts, ", ")+"]")
		}
	}
	for tier := policy.Automatic; tier < policy.Forbidden; tier++ {
		if d.maybe() {
			lines[tier] = append(lines[tier], fmt.Sprintf("maxDays: %d", 1+d.IntN(20)))
		}
		if d.maybe() {
			lines[tier] = append(lines[tier], fmt.Sprintf("endDate: %t", d.maybe()), fmt.Sprintf("alert: %t", d.maybe()))
		}
	}
	var all []string
	for tier, name := range map[policy.Tier]string{
		policy.Automatic: "automatic", policy.OneApprover: "oneApprover", policy.TwoApprovers: "twoApprovers", policy.Forbidden: "forbidden",
	} {
		all = append(all, fmt.Sprintf("%s: {%s}", name, strings.Join(lines[tier], ", ")))
	}
	return "{" + strings.Join(all, ", ") + "}"
}

func (d dice) some() (rights []policy.Right) {
	for _, i := range d.Perm(len(pool))[:d.IntN(6)] {
		rights = append(rights, pool[i])
	}
	return rights
}

func (d dice) tier() policy.Tier { return policy.Automatic + policy.Tier(d.IntN(4)) }

// file writes a policy with a part for contoso. Half of the parts are meant to tighten,
// the others are anything.
func (d dice) file() string {
	text := head
	if d.maybe() {
		text += "tiers: " + d.tiers(d.some(), func(policy.Right) policy.Tier { return d.tier() }) + "\n"
	}
	base, err := policy.Parse([]byte(text), nil)
	honest := err == nil && d.IntN(2) == 0
	own := d.tiers(d.some(), func(r policy.Right) policy.Tier {
		if honest {
			return max(d.tier(), base.Decide(policy.Facts{Rights: []policy.Right{r}}).Tier)
		}
		return d.tier()
	})
	text += "approvals: {approvers: [{id: a, name: Anna}, {id: b, name: Bert}]}\ntenants: {contoso: {tiers: " + own
	if d.maybe() {
		text += fmt.Sprintf(", globalAdministrators: {min: %d, max: %d}", d.IntN(5), d.IntN(10))
	}
	if d.maybe() {
		text += fmt.Sprintf(", approvals: {validDays: %d, approvers: [%s]}", d.IntN(9), []string{"", "a", "a, b", "c"}[d.IntN(4)])
	}
	return text + "}}\n"
}

func (d dice) facts(tenant string) policy.Facts {
	f := policy.Facts{Tenant: tenant, Rights: d.some(), Begins: now}
	if d.maybe() {
		f.Owner = account.Owner{Email: "it@contoso.com"}
	}
	if d.maybe() {
		f.Ends = now.AddDate(0, 0, d.IntN(120))
	}
	for i := range f.Rights {
		if d.maybe() {
			f.Rights[i].AtLeast = d.tier()
		}
	}
	return f
}

// TestATenantIsNeverLaxer holds for every file that is accepted, whatever stands in it.
func TestATenantIsNeverLaxer(t *testing.T) {
	accepted, stricter := 0, 0
	for seed := range uint64(600) {
		d := dice{rand.New(rand.NewPCG(seed, 4))}
		text := d.file()
		p, err := policy.Parse([]byte(text), nil)
		if err != nil {
			require.NotContains(t, err.Error(), "yaml:", "the dice write what can be read:\n%s", text)
			continue
		}
		accepted++
		own, base := p.For("contoso"), p.For("")
		require.LessOrEqual(t, own.ApprovalLife, base.ApprovalLife, text)
		require.GreaterOrEqual(t, own.Administrators.Min, base.Administrators.Min, text)
		require.LessOrEqual(t, own.Administrators.Max, base.Administrators.Max, text)
		require.NotEmpty(t, own.Approvers)
		for _, a := range own.Approvers {
			require.True(t, slices.ContainsFunc(base.Approvers, func(b policy.Person) bool { return a.ID == b.ID }))
		}
		for range 20 {
			f := d.facts("contoso")
			mine := p.Decide(f)
			f.Tenant = ""
			theirs := p.Decide(f)
			require.Empty(t, laxer(mine, theirs), "seed %d, %+v\n%s", seed, f, text)
			if laxer(theirs, mine) != "" {
				stricter++
			}
		}
	}
	assert.Greater(t, accepted, 100)
	assert.Greater(t, stricter, 300, "or nothing was put to the test")
}

func TestOneMoreRightIsNeverLaxer(t *testing.T) {
	p := policy.Builtin()
	for seed := range uint64(500) {
		d := dice{rand.New(rand.NewPCG(seed, 5))}
		f := d.facts("contoso")
		less := p.Decide(f)
		f.Rights = append(slices.Clone(f.Rights), pool[d.IntN(len(pool))])
		require.Empty(t, laxer(p.Decide(f), less), "%+v", f)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(head)
	f.Add("a: &a [*a]")
	for seed := range uint64(8) {
		f.Add(dice{rand.New(rand.NewPCG(seed, 6))}.file())
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := policy.Parse([]byte(text), nil)
		if err != nil {
			return
		}
		for _, r := range []policy.Right{global, escalate} {
			assert.GreaterOrEqual(t, p.Decide(policy.Facts{Rights: []policy.Right{r}}).Tier, policy.TwoApprovers)
		}
		for _, tenant := range p.Tenants() {
			for _, r := range pool {
				f := policy.Facts{Rights: []policy.Right{r}, Begins: time.Unix(0, 0)}
				base := p.Decide(f)
				f.Tenant = tenant
				assert.Empty(t, laxer(p.Decide(f), base))
			}
		}
	})
}
