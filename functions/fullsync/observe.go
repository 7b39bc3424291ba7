package fullsync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/lifetime"
	"github.com/usher365/usher/shared/step"
)

// Observed is what the tenant shows of the accounts we manage.
type Observed struct {
	// Users by object id; an account that is not there is missing.
	Users map[string]account.User
	// Gone are accounts that the list did not have, nor the directory when asked for their id.
	Gone map[string]bool
	// Roles are directory roles held, by object id.
	Roles map[string][]account.RoleAssignment
	// Members say, by role group and object id, who is a member.
	Members map[string]map[string]bool
	// Strays bear our stamp though no living account of ours has their object id.
	Strays []account.User
	// Owners say, by address in lower case, whether who answers for an account is there.
	Owners map[string]lifetime.Presence
	// Groups are, by object id, those groups of an account that a policy of Conditional
	// Access names, for accounts of which they decide something.
	Groups map[string][]string
	// Access is what Conditional Access shows; nil when nobody looked. A delivery that goes
	// on looks for itself.
	Access *Access `json:"-"`
}

func nothingSeen() Observed {
	return Observed{
		Users: map[string]account.User{}, Gone: map[string]bool{},
		Roles: map[string][]account.RoleAssignment{}, Members: map[string]map[string]bool{},
		Owners: map[string]lifetime.Presence{},
	}
}

// look is one delivery's part of reading a tenant.
type look struct {
	*Handler
	*place
	task step.Task[events.FullSyncArgs]
	// managed are the accounts to compare; ours their object ids, known those of every account on record.
	managed     []account.Account
	ours, known map[string]bool
	// owned are the addresses of the accounts' owners.
	owned    map[string]bool
	timeLeft func() bool
}

// observe reads everything from where the sync stands, until it ends (nil) or the time
// does (errLater). When Graph has forgotten the place at which this delivery was to go
// on, it begins again.
func (h *Handler) observe(ctx context.Context, t step.Task[events.FullSyncArgs], managed, all []account.Account, p *place) error {
	l := look{h, p, t, managed, byObjectID(managed), byObjectID(all), ownersOf(all), step.TimeLeft(ctx)}
	from := p.cursor()
	err := l.all(ctx)
	if fault.Is(err, fault.ListingExpired) && from != "" && from == p.cursor() {
		p.restart()
		if err = errLater; l.timeLeft() {
			err = l.all(ctx)
		}
	}
	p.Seen.Strays = slices.DeleteFunc(p.Seen.Strays, func(u account.User) bool { return l.known[u.ObjectID] })
	return err
}

// all reads in passes, each of which leaves out what an earlier delivery has done.
func (l *look) all(ctx context.Context) error {
	for _, pass := range []func(context.Context) error{l.users, l.roles, l.roleGroups, l.missing, l.owners, l.access} {
		if err := pass(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *look) users(ctx context.Context) (err error) {
	if l.Finished {
		return nil
	}
	if l.Inventory.Generation == "" {
		if l.Inventory, err = l.inventory.BeginInventory(ctx, l.task.Tenant.ID, l.task.Args.Run); err != nil {
			return fmt.Errorf("begin the inventory: %w", err)
		}
	}
	if err := l.Users.read(l.timeLeft, func(cursor string) (int, string, error) { return l.userPage(ctx, cursor) }); err != nil {
		return fmt.Errorf("list the users: %w", err)
	}
	if l.Count, l.Licensed, err = l.inventory.FinishInventory(ctx, l.Inventory); err != nil {
		return fmt.Errorf("finish the inventory: %w", err)
	}
	l.Finished = true
	return nil
}

func (l *look) userPage(ctx context.Context, cursor string) (int, string, error) {
	page, next, err := l.directory.UserPage(ctx, l.task.Tenant.ID, cursor)
	if err == nil {
		err = l.inventory.AddToInventory(ctx, l.Inventory, page)
	}
	if err != nil {
		return 0, "", err
	}
	for _, u := range page {
		l.owner(u)
		switch {
		case l.ours[u.ObjectID]:
			l.Seen.Users[u.ObjectID] = u
		case strings.HasPrefix(u.Stamp, account.StampPrefix) && !l.known[u.ObjectID]:
			l.Seen.Strays = append(l.Seen.Strays, u)
		}
	}
	return len(page), next, nil
}

func (l *look) roles(ctx context.Context) error {
	err := l.Assignments.read(l.timeLeft, func(cursor string) (int, string, error) {
		page, next, err := l.directory.RoleAssignmentPage(ctx, l.task.Tenant.ID, cursor)
		for _, r := range page {
			if l.ours[r.PrincipalID] {
				l.Seen.Roles[r.PrincipalID] = append(l.Seen.Roles[r.PrincipalID], r)
			}
		}
		return len(page), next, err
	})
	if err != nil {
		return fmt.Errorf("list the role assignments: %w", err)
	}
	return nil
}

func (l *look) roleGroups(ctx context.Context) error {
	for group, members := range promised(l.managed) {
		if l.Seen.Members[group] != nil {
			continue
		}
		are, err := l.groups.HoldersOf(ctx, l.task.Tenant.ID, group, members...)
		if err != nil && !fault.Is(err, fault.RoleGroupNotFound) {
			return fmt.Errorf("read the members of %s: %w", group, err)
		}
		l.Seen.Members[group] = map[string]bool{}
		for i, is := range are {
			l.Seen.Members[group][members[i].ObjectID] = is
		}
		if !l.timeLeft() {
			return errLater
		}
	}
	return nil
}

// missing asks for each account the list did not have by its id: the list is an index
// that lags behind, by minutes for a new account.
func (l *look) missing(ctx context.Context) error {
	for _, a := range l.managed {
		if _, found := l.Seen.Users[a.ObjectID]; found || l.Seen.Gone[a.ObjectID] {
			continue
		}
		user, err := l.directory.User(ctx, l.task.Tenant.ID, a.ObjectID)
		switch {
		case err == nil:
			l.Seen.Users[a.ObjectID] = user
		case fault.Is(err, fault.UserNotFound):
			l.Seen.Gone[a.ObjectID] = true
		default:
			return fmt.Errorf("look for %s: %w", a.UserPrincipalName, err)
		}
		if !l.timeLeft() {
			return errLater
		}
	}
	return nil
}

func byObjectID(accounts []account.Account) map[string]bool {
	ids := make(map[string]bool, len(accounts))
	for _, a := range accounts {
		ids[a.ObjectID] = true
	}
	return ids
}

// promised lists, by role group, the accounts that should be members.
func promised(managed []account.Account) map[string][]account.Member {
	groups := map[string][]account.Member{}
	for _, a := range managed {
		for _, g := range a.Grants {
			if g.Kind == account.RoleGroup && g.State == account.GrantGiven {
				groups[g.Target] = append(groups[g.Target], account.Member{ObjectID: a.ObjectID, UserPrincipalName: a.UserPrincipalName})
			}
		}
	}
	return groups
}
