package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/usher365/usher/shared/account"
)

// Facts are what a decision is made from.
type Facts struct {
	// Tenant is the tenant's alias.
	Tenant string
	// Rights are all that the request asks for.
	Rights []Right
	Owner  account.Owner
	// Begins is when the account starts to live: now, unless the request says later.
	Begins time.Time
	// Ends is when it expires; zero for no end.
	Ends time.Time
}

// RightsOf gives the rights of a plan. An id or name stays as it is. A grant of a kind
// that the policy does not know becomes a right of that kind, which is forbidden.
func RightsOf(grants []account.Grant) []Right {
	rights := make([]Right, 0, len(grants))
	for _, g := range grants {
		switch g.Kind {
		case account.Application: // without permissions it may do nothing
		case account.TargetUsers: // whom a connection is for bounds its rights, and is none
		default:
			rights = append(rights, RightOf(g))
		}
	}
	return rights
}

// RightOf gives the right that a grant stands for.
func RightOf(g account.Grant) Right {
	switch g.Kind {
	case account.DirectoryRole:
		return Right{Kind: DirectoryRole, ID: g.Target, Name: g.Name}
	case account.AppRole, account.Scope:
		_, p, ok := g.Kind.ParseTarget(g.Target)
		if !ok {
			break
		}
		kind := Application
		if p.Delegated {
			kind = Delegated
		}
		return Right{Kind: kind, ID: p.Resource, Name: p.Name}
	case account.ConsentPolicySetting:
		return Right{Kind: Setting, Name: ConsentRequestPolicy}
	case account.Exclusion:
		return Right{Kind: Setting, Name: AccessExclusion}
	}
	return Right{Kind: Kind(g.Kind), Name: g.Name}
}

// Decision is what a request needs, and why.
type Decision struct {
	Tier  Tier  `json:"tier"`
	Needs Needs `json:"needs"`
	// Reasons has one entry for each right, those that decided first.
	Reasons []Reason `json:"reasons,omitempty"`
	// Unmet are needs that the request itself does not meet, each naming the field to
	// change. Approvals are not among them: they come later.
	Unmet []string `json:"unmet,omitempty"`
	// Narrower are rights that may do instead.
	Narrower []Suggestion `json:"narrower,omitempty"`
}

// Reason is the tier of one right.
type Reason struct {
	Right Right  `json:"right"`
	Tier  Tier   `json:"tier"`
	Why   string `json:"why"`
}

// Suggestion is a narrower right, which may do in place of one that was asked for.
type Suggestion struct {
	Instead Right `json:"instead"`
	Offer   Right `json:"offer"`
	// Tier is the one of the offer.
	Tier Tier `json:"tier"`
	// When completes the sentence "serves when …".
	When string `json:"when"`
}

// Decide judges a request. It is pure, and a request is judged by its dearest right.
func (p Policy) Decide(f Facts) Decision {
	rules := p.For(f.Tenant)
	d := Decision{Tier: Automatic}
	for _, right := range f.Rights {
		reason := rules.judge(right)
		d.Tier = max(d.Tier, reason.Tier)
		d.Reasons = append(d.Reasons, reason)
		d.Narrower = append(d.Narrower, rules.offers(reason, f.Rights)...)
	}
	slices.SortStableFunc(d.Reasons, func(a, b Reason) int { return cmp.Compare(b.Tier, a.Tier) })
	if d.Tier.Allows() {
		d.Needs = inherent[d.Tier].join(rules.needs[d.Tier])
		d.Unmet = unmet(d.Needs, f)
	}
	return d
}

// judge gives the tier of one right.
func (r Rules) judge(right Right) Reason {
	entry, known := r.listed[right.key()]
	verdict := Reason{Right: right, Tier: Forbidden}
	switch {
	case !known:
		verdict.Why = "the policy does not list it, and what is not listed is forbidden"
	case !strings.EqualFold(entry.Name, right.Name):
		verdict.Why = fmt.Sprintf("the policy knows its id as %s", entry.Right)
	case right.AtLeast > entry.tier:
		verdict.Tier, verdict.Why = right.AtLeast, "the profile asks for it"
	case entry.tightened:
		verdict.Tier, verdict.Why = entry.tier, "the tenant's part of the policy lists it there"
	default:
		verdict.Tier, verdict.Why = entry.tier, "the policy lists it there"
	}
	return verdict
}

// offers gives the narrower rights that nobody forbids and that are not asked for anyway.
func (r Rules) offers(asked Reason, all []Right) (offers []Suggestion) {
	for _, n := range r.narrower {
		kinds, from := n.instead()
		if !slices.Contains(kinds, asked.Right.Kind) || !strings.EqualFold(from, asked.Right.Name) {
			continue
		}
		offer, ok := r.find(asked.Right, n.Offer)
		had := slices.ContainsFunc(all, func(a Right) bool { return a.key() == offer.key() })
		if ok && offer.tier.Allows() && !had {
			offers = append(offers, Suggestion{Instead: asked.Right, Offer: offer.Right, Tier: offer.tier, When: n.When})
		}
	}
	return offers
}

// find looks up a right by name, of the same kind and resource as another.
func (r Rules) find(like Right, name string) (listed, bool) {
	wanted := Right{Kind: like.Kind, ID: like.ID, Name: name}.key()
	if like.Kind != DirectoryRole {
		found, ok := r.listed[wanted]
		return found, ok
	}
	for _, l := range r.listed {
		if l.Kind == DirectoryRole && strings.EqualFold(l.Name, name) {
			return l, true
		}
	}
	return listed{}, false
}

// hasForm reports whether a text looks like a mail address: something on both sides of
// the last @, and no spaces.
func hasForm(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && at < len(address)-1 && !strings.ContainsFunc(address, unicode.IsSpace)
}

// unmet says which needs the request does not meet.
func unmet(n Needs, f Facts) (lacks []string) {
	switch {
	case !n.Owner:
	case f.Owner.Email == "":
		lacks = append(lacks, "owner.email: say who answers for the account")
	case !hasForm(f.Owner.Email):
		lacks = append(lacks, fmt.Sprintf("owner.email: %q is no mail address; say who answers for the account", f.Owner.Email))
	}
	latest := f.Begins.AddDate(0, 0, n.MaxDays)
	switch {
	case n.EndDate && f.Ends.IsZero():
		lack := "lifetime.expiresAt: give an end date"
		if n.MaxDays > 0 {
			lack += ", " + latest.UTC().Format(time.DateOnly) + " at the latest"
		}
		lacks = append(lacks, lack)
	case n.MaxDays > 0 && f.Ends.After(latest):
		lacks = append(lacks, fmt.Sprintf("lifetime.expiresAt: %s is too late, %d days are allowed: %s at the latest",
			f.Ends.UTC().Format(time.DateOnly), n.MaxDays, latest.UTC().Format(time.DateOnly)))
	}
	return lacks
}
