package fullsync

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// Observed is what the tenant shows of the accounts we manage.
type Observed struct {
	// Users by object id; an account that is not there is missing.
	Users map[string]account.User
	// Roles are directory roles held, by object id.
	Roles map[string][]account.RoleAssignment
	// Members say, by role group and object id, who is a member.
	Members map[string]map[string]bool
	// Strays bear our stamp though no living account of ours has their object id.
	Strays []account.User
}

// observe reads everything, in three passes; the user list is streamed.
func (h *Handler) observe(ctx context.Context, t step.Task[events.FullSyncArgs], managed, all []account.Account, run *ledger.SyncRun) (Observed, error) {
	seen := Observed{Users: map[string]account.User{}, Roles: map[string][]account.RoleAssignment{}, Members: map[string]map[string]bool{}}
	if err := h.users(ctx, t, managed, all, run, &seen); err != nil {
		return seen, err
	}
	ours := byObjectID(managed)
	for r, err := range h.directory.AllRoleAssignments(ctx, t.Tenant.ID) {
		if err != nil {
			return seen, fmt.Errorf("list the role assignments: %w", err)
		}
		if ours[r.PrincipalID] {
			seen.Roles[r.PrincipalID] = append(seen.Roles[r.PrincipalID], r)
		}
	}
	for group, members := range promised(managed) {
		seen.Members[group] = map[string]bool{}
		are, err := h.groups.HoldersOf(ctx, t.Tenant.ID, group, members...)
		if err != nil && !fault.Is(err, fault.RoleGroupNotFound) {
			return seen, fmt.Errorf("read the members of %s: %w", group, err)
		}
		for i, is := range are {
			seen.Members[group][members[i].ObjectID] = is
		}
	}
	return seen, nil
}

func (h *Handler) users(ctx context.Context, t step.Task[events.FullSyncArgs], managed, all []account.Account, run *ledger.SyncRun, seen *Observed) (err error) {
	ours, known := byObjectID(managed), byObjectID(all)
	run.Users, run.Licensed, err = h.inventory.SaveInventory(ctx, t.Tenant.ID, t.Args.Run, tee(h.directory.Users(ctx, t.Tenant.ID), func(u account.User) {
		switch {
		case ours[u.ObjectID]:
			seen.Users[u.ObjectID] = u
		case strings.HasPrefix(u.Stamp, account.StampPrefix) && !known[u.ObjectID]:
			seen.Strays = append(seen.Strays, u)
		}
	}))
	if err != nil {
		return fmt.Errorf("list the users: %w", err)
	}
	return h.confirmMissing(ctx, t, managed, seen)
}

// confirmMissing asks for each account the list did not have by its id: the list
// is an index that lags behind, by minutes for a new account.
func (h *Handler) confirmMissing(ctx context.Context, t step.Task[events.FullSyncArgs], managed []account.Account, seen *Observed) error {
	for _, a := range managed {
		if _, found := seen.Users[a.ObjectID]; found {
			continue
		}
		user, err := h.directory.User(ctx, t.Tenant.ID, a.ObjectID)
		if fault.Is(err, fault.UserNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for %s: %w", a.UserPrincipalName, err)
		}
		seen.Users[a.ObjectID] = user
	}
	return nil
}

// tee shows each user to look on its way; an error passes through.
func tee(users iter.Seq2[account.User, error], look func(account.User)) iter.Seq2[account.User, error] {
	return func(yield func(account.User, error) bool) {
		for u, err := range users {
			if err == nil {
				look(u)
			}
			if !yield(u, err) {
				return
			}
		}
	}
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
