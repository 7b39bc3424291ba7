package policy

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
)

// Rules are what holds for one tenant.
type Rules struct {
	// listed is every right that the file names.
	listed map[key]listed
	// needs are cumulative: those of a tier include those of the tiers below it.
	needs    [Forbidden]Needs
	narrower []narrower
	// Administrators bounds the number of Global Administrators.
	Administrators Limits
	// ApprovalLife is how long an approval counts.
	ApprovalLife time.Duration
	// Approvers are the people who may approve.
	Approvers []Person
}

// listed is a right of the file and the tier it is in.
type listed struct {
	Right
	tier Tier
	// tightened is true for a tier that the tenant asked for.
	tightened bool
}

// inherent are the needs that a tier's name promises.
var inherent = [Forbidden]Needs{
	Automatic:    {Owner: true},
	OneApprover:  {Owner: true, Approvers: 1},
	TwoApprovers: {Owner: true, Approvers: 2, EndDate: true, Alert: true},
}

// floor are rights that no file can make cheaper: they lead to every other right.
var floor = []Right{
	{Kind: DirectoryRole, ID: account.GlobalAdministrator, Name: "Global Administrator"},
	{Kind: DirectoryRole, ID: "7be44c8a-adaf-4e2a-84d6-ab2649e08a13", Name: "Privileged Authentication Administrator"},
	{Kind: DirectoryRole, ID: "e8611ab8-c189-46e8-94e1-60213ab1f814", Name: "Privileged Role Administrator"},
	{Kind: Application, ID: graphID, Name: "AppRoleAssignment.ReadWrite.All"},
	{Kind: Application, ID: graphID, Name: "RoleManagement.ReadWrite.Directory"},
}

// problems collects what is wrong with a file.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

func newPolicy(doc document, defaults Rules) (Policy, []error) {
	var bad problems
	p := Policy{base: defaults.clone(), tenants: map[string]Rules{}}
	if doc.Tiers != nil {
		p.base.listed, p.base.needs = bad.list(*doc.Tiers)
	}
	if doc.Narrower != nil {
		p.base.narrower = bad.suggestions(doc.Narrower, p.base)
	}
	if l := doc.GlobalAdministrators; l != nil {
		p.base.Administrators = *l
		bad.limits(*l)
	}
	if days := doc.Approvals.ValidDays; days < 0 || days > maxApprovalDays {
		bad.add("approvals.validDays is %d: use 1 to %d, or leave it out", days, maxApprovalDays)
	} else if days > 0 {
		p.base.ApprovalLife = time.Duration(days) * day
	}
	p.base.Approvers = doc.Approvals.Approvers
	bad.people(p.base.Approvers)
	for _, alias := range slices.Sorted(maps.Keys(doc.Tenants)) {
		p.tenants[alias] = bad.tighten(p.base, alias, doc.Tenants[alias])
	}
	return p, bad
}

func (r Rules) clone() Rules {
	r.listed = maps.Clone(r.listed)
	return r
}

const (
	day             = 24 * time.Hour
	maxApprovalDays = 90
	maxDays         = 3650
)

// list reads the tiers of the policy itself.
func (bad *problems) list(t tiers) (map[key]listed, [Forbidden]Needs) {
	all := map[key]listed{}
	for _, tr := range t.each() {
		for _, r := range tr.rights() {
			bad.form(r, tr.path)
			first, twice := all[r.key()]
			if twice {
				bad.add("%s: %s is in tier %s already", tr.path, r, first.tier)
				continue
			}
			all[r.key()] = listed{Right: r, tier: tr.number}
		}
	}
	for _, r := range floor {
		got, known := all[r.key()]
		if known && got.tier < TwoApprovers {
			bad.add("tiers: %s leads to every other right, so it cannot be in tier %s: use twoApprovers or forbidden", r, got.tier)
		}
		if known && !strings.EqualFold(got.Name, r.Name) {
			bad.add("tiers: id %s is %s and not %q", r.ID, r, got.Name)
		}
	}
	bad.names(all)
	return all, bad.needs(t, inherent)
}

// names refuses a role's name that stands for two ids: people read names.
func (bad *problems) names(all map[key]listed) {
	ids := map[string]string{}
	for _, l := range all {
		name := strings.ToLower(l.Name)
		if other, twice := ids[name]; twice && l.Kind == DirectoryRole {
			bad.add("tiers: the directory roles %s and %s are both called %q", min(l.ID, other), max(l.ID, other), l.Name)
		} else if l.Kind == DirectoryRole {
			ids[name] = l.ID
		}
	}
}

// numbered is a tier of a file with its place in it.
type numbered struct {
	tier
	number Tier
	path   string
}

func (t tiers) each() []numbered {
	return []numbered{
		{t.Automatic, Automatic, "tiers.automatic"}, {t.OneApprover, OneApprover, "tiers.oneApprover"},
		{t.TwoApprovers, TwoApprovers, "tiers.twoApprovers"}, {tier{listing: t.Forbidden}, Forbidden, "tiers.forbidden"},
	}
}

// needs adds what the tiers of a file ask for to what was asked already.
func (bad *problems) needs(t tiers, already [Forbidden]Needs) (all [Forbidden]Needs) {
	below := Needs{}
	for _, tr := range t.each()[:TwoApprovers] {
		if tr.MaxDays < 0 || tr.MaxDays > maxDays {
			bad.add("%s.maxDays is %d: use 1 to %d, or leave it out for no limit", tr.path, tr.MaxDays, maxDays)
			tr.MaxDays = 0
		}
		least := already[tr.number].join(below)
		if tr.MaxDays > 0 && least.MaxDays > 0 && tr.MaxDays > least.MaxDays {
			bad.add("%s.maxDays is %d: that is more than the %d that hold without it", tr.path, tr.MaxDays, least.MaxDays)
		}
		below = least.join(Needs{EndDate: tr.EndDate, MaxDays: tr.MaxDays, Alert: tr.Alert})
		all[tr.number] = below
	}
	return all
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// form checks how a right is written.
func (bad *problems) form(r Right, path string) {
	switch {
	case strings.TrimSpace(r.Name) == "" || r.Name != strings.TrimSpace(r.Name):
		bad.add("%s: a %s has the name %q", path, kindWords[r.Kind], r.Name)
	case r.Kind == DirectoryRole && !guid.MatchString(r.ID):
		bad.add("%s: %s has the id %q, which is no role template id", path, r, r.ID)
	case r.isPermission() && !guid.MatchString(r.ID):
		bad.add("%s: %s belongs to %q: name a resource that Usher knows (%s) or an application id", path, r, r.ID,
			strings.Join(slices.Sorted(maps.Values(resources)), ", "))
	case r.Kind == Setting && !slices.Contains(settings, r.Name):
		bad.add("%s: there is no setting %q (there are %s)", path, r.Name, strings.Join(settings, ", "))
	}
}

// tighten gives a tenant's rules. What would allow more than the policy does is a
// problem and has no effect.
func (bad *problems) tighten(base Rules, alias string, t tenant) Rules {
	own, path := base.clone(), "tenants."+alias
	var local problems
	own.listed = local.raise(base.listed, t.Tiers)
	own.needs = local.needs(t.Tiers, base.needs)
	if l := t.GlobalAdministrators; l != nil {
		own.Administrators = Limits{Min: max(l.Min, base.Administrators.Min), Max: min(l.Max, base.Administrators.Max)}
		if own.Administrators != *l {
			local.add("globalAdministrators: %d to %d is wider than the policy's %d to %d", l.Min, l.Max, base.Administrators.Min, base.Administrators.Max)
		}
		local.limits(*l)
	}
	if life := time.Duration(t.Approvals.ValidDays) * day; life < 0 || life > base.ApprovalLife {
		local.add("approvals.validDays is %d: use 1 to %d, as the policy does", t.Approvals.ValidDays, base.ApprovalLife/day)
	} else if life > 0 {
		own.ApprovalLife = life
	}
	if len(t.Approvals.Approvers) > 0 {
		own.Approvers = local.some(base.Approvers, t.Approvals.Approvers)
	}
	for _, err := range local {
		bad.add("%s.%w", path, err)
	}
	return own
}

// raise moves rights to higher tiers.
func (bad *problems) raise(base map[key]listed, t tiers) map[key]listed {
	all, seen := maps.Clone(base), map[key]bool{}
	for _, tr := range t.each() {
		for _, r := range tr.rights() {
			bad.form(r, tr.path)
			was, known := base[r.key()]
			switch {
			case seen[r.key()]:
				bad.add("%s: %s is given twice", tr.path, r)
			case !known && tr.number < Forbidden:
				bad.add("%s: the policy does not list %s, so it is forbidden; a tenant can only tighten", tr.path, r)
			case known && tr.number < was.tier:
				bad.add("%s: the policy has %s in tier %s; a tenant can only tighten", tr.path, r, was.tier)
			case known && !strings.EqualFold(was.Name, r.Name):
				bad.add("%s: the policy calls %q what has the name %q here", tr.path, was.Name, r.Name)
			default:
				all[r.key()] = listed{Right: r, tier: tr.number, tightened: tr.number > was.tier}
			}
			seen[r.key()] = true
		}
	}
	return all
}

// some picks approvers by id.
func (bad *problems) some(all []Person, ids []string) (chosen []Person) {
	for _, id := range ids {
		i := slices.IndexFunc(all, func(p Person) bool { return p.ID == id })
		if i < 0 {
			bad.add("approvals.approvers: %q is not the id of one of the policy's approvers", id)
			continue
		}
		chosen = append(chosen, all[i])
	}
	return chosen
}

// suggestions checks that what is offered can be had.
func (bad *problems) suggestions(all []narrower, r Rules) []narrower {
	for i, n := range all {
		kinds, from := n.instead()
		for _, name := range []string{from, n.Offer} {
			if !r.lists(kinds, name) {
				bad.add("narrower[%d]: no tier lists %q among the rights of that kind", i, name)
			}
		}
		if strings.TrimSpace(n.When) == "" {
			bad.add("narrower[%d]: when is missing: say when %s serves", i, cmp.Or(n.Offer, "the offer"))
		}
	}
	return all
}

// instead gives the kinds a suggestion is about, and the name it replaces. A suggestion
// that names several rights, or none, is about none.
func (n narrower) instead() ([]Kind, string) {
	switch {
	case n.DirectoryRole != "" && n.ExchangeRoleGroup == "" && n.AppPermission == "":
		return []Kind{DirectoryRole}, n.DirectoryRole
	case n.ExchangeRoleGroup != "" && n.DirectoryRole == "" && n.AppPermission == "":
		return []Kind{RoleGroup}, n.ExchangeRoleGroup
	case n.AppPermission != "" && n.DirectoryRole == "" && n.ExchangeRoleGroup == "":
		return []Kind{Application, Delegated}, n.AppPermission
	}
	return nil, ""
}

func (r Rules) lists(kinds []Kind, name string) bool {
	for _, l := range r.listed {
		if slices.Contains(kinds, l.Kind) && strings.EqualFold(l.Name, name) {
			return true
		}
	}
	return false
}
