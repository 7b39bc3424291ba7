package assigntargets

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// choose gives the connection's users as the command wants them. Nothing in the tenant
// is changed, so that a wrong name, or one user too many, leaves everything as it was.
func (h *Handler) choose(ctx context.Context, t task, s scene) (account.Targets, error) {
	next, err := h.change(ctx, t, s)
	if err != nil {
		return next, err
	}
	if next.Mode != "" && next.Before == nil {
		next.Before = &s.app.AssignmentRequired
	}
	wanted, err := h.resolve(ctx, t, next, s)
	if err != nil {
		return next, err
	}
	if next.Primary, err = h.primary(ctx, t, next, wanted); err != nil {
		return next, err
	}
	next.Members = merge(next.Members, wanted, s)
	return next, brake(t, next)
}

// change applies the command to the choice. To add to everybody would keep all others out,
// also where nobody has chosen yet.
func (h *Handler) change(ctx context.Context, t task, s scene) (account.Targets, error) {
	had, args := t.Account.Targets, t.Args
	switch args.Change {
	case events.TargetsSync:
		return had, nil
	case events.TargetsAll:
		had.Mode, had.Users, had.Groups = account.TargetsAll, nil, nil
		return had, nil
	case events.TargetsRemove:
		return without(had, args)
	case events.TargetsSet:
		had.Users, had.Groups = nil, nil
	case events.TargetsAdd:
		if had.Mode == account.TargetsAll || had.Mode == "" && !s.app.AssignmentRequired {
			return had, fault.Stopf(fault.RequestInvalid, "the connection is for every user already: 'usher targets set' limits it to chosen ones")
		}
	default:
		return had, fault.Stopf(fault.MalformedCommand, "assigntargets knows no change %q", args.Change)
	}
	users, err := h.users(ctx, t)
	if err != nil {
		return had, err
	}
	groups, err := h.groups(ctx, t)
	if err != nil {
		return had, err
	}
	had = had.With(users, groups)
	had.Mode = account.TargetsChosen
	if len(had.Users)+len(had.Groups) == 0 {
		return had, fault.Stopf(fault.RequestInvalid, "name at least one user or group")
	}
	return had, nil
}

// without leaves out of the command what an earlier attempt removed already.
func without(had account.Targets, args events.AssignTargetsArgs) (account.Targets, error) {
	left := func(names []string, known func(string) bool) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !known(n) })
	}
	users := left(args.Users, func(n string) bool {
		return slices.ContainsFunc(had.Users, func(u account.TargetUser) bool {
			return strings.EqualFold(n, u.UserPrincipalName) || strings.EqualFold(n, u.ObjectID)
		})
	})
	groups := left(args.Groups, func(n string) bool {
		return slices.ContainsFunc(had.Groups, func(g account.Group) bool {
			return strings.EqualFold(n, g.DisplayName) || strings.EqualFold(n, g.ObjectID)
		})
	})
	next, err := had.Without(users, groups)
	if err != nil {
		return had, fault.Stop(fault.RequestInvalid, err)
	}
	return next, nil
}

func (h *Handler) users(ctx context.Context, t task) (found []account.TargetUser, err error) {
	for _, name := range t.Args.Users {
		u, err := h.user(ctx, t, name)
		if err != nil {
			return nil, err
		}
		found = append(found, u)
	}
	return found, nil
}

// user finds one by the exact user principal name. One that was just made takes moments
// to show.
func (h *Handler) user(ctx context.Context, t task, name string) (account.TargetUser, error) {
	u, err := h.Directory.User(ctx, t.Tenant.ID, name)
	unknown := fault.Is(err, fault.UserNotFound) || err == nil && !strings.EqualFold(u.UserPrincipalName, name)
	switch {
	case unknown && t.Waited() < turnUp:
		return account.TargetUser{}, fault.NotReadyf(fault.UserNotFound, "unable to find a user matching %q; one that was just made shows in a moment", name)
	case unknown:
		return account.TargetUser{}, fault.Stopf(fault.UserNotFound, "unable to find a user matching %q: give the whole user principal name, as the Entra admin centre shows it", name)
	case err != nil:
		return account.TargetUser{}, fmt.Errorf("look for the user %s: %w", name, err)
	}
	return targetOf(u), nil
}

func (h *Handler) groups(ctx context.Context, t task) (found []account.Group, err error) {
	for _, name := range t.Args.Groups {
		exact, err := h.Directory.GroupsNamed(ctx, t.Tenant.ID, name)
		if err != nil {
			return nil, fmt.Errorf("look for the group %s: %w", name, err)
		}
		if len(exact) != 1 {
			return nil, h.unclear(ctx, t, name, exact)
		}
		found = append(found, exact[0])
	}
	return found, nil
}

// beginning is how many characters a search for groups takes at least.
const beginning = 3

// unclear says which groups there are instead of a single one of that name.
func (h *Handler) unclear(ctx context.Context, t task, name string, exact []account.Group) error {
	if len(exact) > 1 {
		return fault.Stopf(fault.GroupNotFound, "%d groups are called %q: name one by its object id: %s", len(exact), name, list(exact))
	}
	if len([]rune(name)) < beginning {
		return fault.Stopf(fault.GroupNotFound, "there is no group %q; at least %d characters are needed to look for one by its beginning", name, beginning)
	}
	near, err := h.Directory.GroupsBeginning(ctx, t.Tenant.ID, name)
	if err != nil {
		return fmt.Errorf("look for groups like %s: %w", name, err)
	}
	if len(near) == 0 {
		return fault.Stopf(fault.GroupNotFound, "there is no group %q, and none whose name begins so", name)
	}
	return fault.Stopf(fault.GroupNotFound, "there is no group of exactly the name %q; name one of these: %s", name, list(near))
}

func list(groups []account.Group) string {
	var words []string
	for _, g := range groups {
		words = append(words, fmt.Sprintf("%q (%s)", g.DisplayName, g.ObjectID))
	}
	return strings.Join(words, ", ")
}

// resolve gives the users that the choice comes to, each once.
func (h *Handler) resolve(ctx context.Context, t task, next account.Targets, s scene) ([]account.TargetUser, error) {
	if next.Mode != account.TargetsChosen {
		return nil, nil
	}
	wanted, err := h.present(ctx, t, next.Users, s)
	if err != nil {
		return nil, err
	}
	for _, g := range next.Groups {
		members, err := h.Directory.MembersOf(ctx, t.Tenant.ID, g.ObjectID)
		if err != nil {
			return nil, fmt.Errorf("list the members of %q: %w", g.DisplayName, err)
		}
		slices.SortFunc(members, func(a, b account.TargetUser) int { return cmp.Compare(a.UserPrincipalName, b.UserPrincipalName) })
		for _, m := range members {
			if !slices.ContainsFunc(wanted, same(m)) {
				wanted = append(wanted, m)
			}
		}
	}
	if limit := next.Limit(); len(wanted) > limit {
		return nil, fault.Stopf(fault.TooManyTargets, "the connection would be for %d users, and %d is the most that its profile allows: the first one too many is %s",
			len(wanted), limit, wanted[limit].UserPrincipalName)
	}
	return wanted, nil
}

// present leaves out users who were chosen long ago and have been deleted since.
func (h *Handler) present(ctx context.Context, t task, users []account.TargetUser, s scene) (there []account.TargetUser, err error) {
	for _, u := range users {
		if len(s.held[u.ObjectID]) == 0 {
			_, err := h.Directory.User(ctx, t.Tenant.ID, u.ObjectID)
			if fault.Is(err, fault.UserNotFound) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("look for the user %s: %w", u.UserPrincipalName, err)
			}
		}
		there = append(there, u)
	}
	return there, nil
}

func same(u account.TargetUser) func(account.TargetUser) bool {
	return func(other account.TargetUser) bool { return other.ObjectID == u.ObjectID }
}

// primary gives the primary user, who must be one of the users.
func (h *Handler) primary(ctx context.Context, t task, next account.Targets, wanted []account.TargetUser) (account.TargetUser, error) {
	first := next.Primary
	if t.Args.Primary != "" {
		u, err := h.user(ctx, t, t.Args.Primary)
		if err != nil {
			return first, err
		}
		first = u
	}
	if first.ObjectID != "" && next.Mode == account.TargetsChosen && t.Args.Change != events.TargetsSync && !slices.ContainsFunc(wanted, same(first)) {
		return first, fault.Stopf(fault.RequestInvalid, "the primary user %s would not be one of the connection's users: add them, or name another primary user", first.UserPrincipalName)
	}
	return first, nil
}

// merge brings the members on record to what is wanted. Who was assigned before us is not
// ours, and is only left out again.
func merge(had []account.TargetMember, wanted []account.TargetUser, s scene) (next []account.TargetMember) {
	for _, u := range wanted {
		i := slices.IndexFunc(had, func(m account.TargetMember) bool { return m.ObjectID == u.ObjectID })
		m := account.TargetMember{TargetUser: u, State: account.GrantIntended, Ours: true}
		switch held := s.held[u.ObjectID]; {
		case i >= 0:
			m.Ours, m.State, m.AssignmentID = had[i].Ours, had[i].State, had[i].AssignmentID
			if m.State == account.GrantLeaving || len(held) == 0 {
				m.State, m.Ours = account.GrantIntended, true
			}
		case len(held) > 0:
			m.State, m.Ours, m.AssignmentID = account.GrantGiven, false, held[0].ID
		}
		next = append(next, m)
	}
	for _, m := range had {
		if m.Ours && !slices.ContainsFunc(wanted, same(m.TargetUser)) {
			m.State = account.GrantLeaving
			next = append(next, m)
		}
	}
	return next
}

const (
	brakeCount   = 10
	brakePercent = 10
)

// brake stops a sync that would take many users away at once.
func brake(t task, next account.Targets) error {
	leaving := len(next.Members) - next.Current()
	had := t.Account.Targets.Current()
	if t.Args.Change != events.TargetsSync || t.Args.Force || leaving <= brakeCount || leaving*100 <= had*brakePercent {
		return nil
	}
	return fault.Stopf(fault.TargetsShrank, "%d of %d users are in none of the chosen groups any more: nobody was taken away", leaving, had)
}
