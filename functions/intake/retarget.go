package intake

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

// Retarget changes the users of a connection, or puts them right again, because a person
// or the schedule said so; by is their name. It gives the request that does it. What can
// be told from the books is refused here, what takes a look at the tenant by the step,
// before it changes anything. A change that is parked gives way to a person's new one.
func (d *Desk) Retarget(ctx context.Context, acc account.Account, by, reason string, change events.AssignTargetsArgs) (account.Request, error) {
	origin, err := d.Ledger.Request(ctx, acc.RequestID)
	if errors.Is(err, ledger.ErrNotFound) {
		origin.Ticket = account.Ticket{System: "usher", ID: acc.ID}
	} else if err != nil {
		return account.Request{}, err
	}
	o, err := d.orderBy(by, account.Modify, acc.Tenant, acc.UserPrincipalName, origin.Ticket)
	if err != nil {
		return account.Request{}, err
	}
	o.req.Reason = reason
	verdict, err := d.store(ctx, o.keys, func(s ledger.Situation) (ledger.Draft, error) {
		if s.Account == nil || s.Account.ID != acc.ID {
			return ledger.Draft{}, fault.Stop(fault.AccountUnknown, unknown(o, s))
		}
		return d.retarget(o, s, change)
	})
	return verdict.Request, err
}

func (d *Desk) retarget(o order, s ledger.Situation, change events.AssignTargetsArgs) (ledger.Draft, error) {
	acc, routine := *s.Account, o.actor == events.FullSync
	if routine && acc.State != account.AccountActive {
		return ledger.Draft{}, fault.Stopf(fault.AlreadyManaged, "%s is %s", acc.UserPrincipalName, acc.State)
	}
	p, _ := d.Profiles.Get(acc.Profile) // a profile that is gone raises no limit
	acc.Targets.Max = p.Access.MaxTargets
	if err := mayRetarget(acc, change); err != nil {
		return ledger.Draft{}, err
	}
	draft := ledger.Draft{Record: ledger.Record{Request: d.row(o), Account: acc}, Why: "overtaken by " + o.requestID()}
	for _, open := range s.Open {
		if routine || open.Action != account.Modify || account.StateOf(open) != account.Parked {
			return ledger.Draft{}, fault.Stopf(fault.AlreadyManaged, "request %s is working on %s: wait until it is over", open.ID, acc.UserPrincipalName)
		}
		draft.Cancel = append(draft.Cancel, open.ID)
	}
	assign, err := targetsStep(acc, change)
	if err != nil {
		return ledger.Draft{}, err
	}
	r := &draft.Request
	r.AccountID, r.UserPrincipalName, r.Profile, r.OnFailure = acc.ID, acc.UserPrincipalName, acc.Profile, account.ParkOnFailure
	r.Routine = routine
	r.Steps = []account.Step{assign}
	if err := d.askToWiden(&draft.Record, o, change); err != nil {
		return ledger.Draft{}, err
	}
	d.begin(&draft.Record, o)
	return draft, nil
}

// askToWiden puts to the policy all that the connection holds when it is to be opened to
// every user: that is as much as an onboarding without a choice gives. Single users and
// groups are within what was agreed to.
func (d *Desk) askToWiden(rec *ledger.Record, o order, change events.AssignTargetsArgs) error {
	acc := rec.Account
	if change.Change != events.TargetsAll || acc.Targets.Mode != account.TargetsChosen {
		return nil
	}
	err := d.ask(rec, o, extended(acc, account.Extension{}, o.now))
	rec.Account = acc // nothing is given anew, so nothing is to be heard of
	return err
}

// mayRetarget refuses what contradicts what is on record.
func mayRetarget(acc account.Account, change events.AssignTargetsArgs) error {
	if acc.AppID == "" {
		return fault.Stopf(fault.RequestInvalid, "%s signs in as a user: only a connection of an application has users to choose", acc.UserPrincipalName)
	}
	if acc.State != account.AccountActive {
		return fault.Stopf(fault.RequestInvalid, "%s is %s, so its users cannot be changed", acc.UserPrincipalName, acc.State)
	}
	named := events.Scope{Mode: string(account.TargetsChosen), Users: change.Users, Groups: change.Groups, PrimaryUser: change.Primary}
	switch change.Change {
	case events.TargetsSet, events.TargetsAdd:
		return profile.CheckScope(named, acc.Targets.Limit())
	case events.TargetsRemove:
		if len(change.Users)+len(change.Groups) == 0 {
			return fault.Stopf(fault.RequestInvalid, "remove names nobody: give users or groups")
		}
		if _, err := acc.Targets.Without(change.Users, change.Groups); err != nil {
			return fault.Stop(fault.RequestInvalid, err)
		}
		return nil
	case events.TargetsAll, events.TargetsSync:
		if len(change.Users)+len(change.Groups) > 0 {
			return fault.Stopf(fault.RequestInvalid, "%s takes no users or groups", change.Change)
		}
		return profile.CheckScope(events.Scope{Mode: string(account.TargetsAll), PrimaryUser: change.Primary}, acc.Targets.Limit())
	}
	return fault.Stopf(fault.RequestInvalid, "change %q: use set, add, remove, all or sync", change.Change)
}

// targetsStep is the step that makes a change of a connection's users.
func targetsStep(acc account.Account, change events.AssignTargetsArgs) (account.Step, error) {
	args, err := json.Marshal(change)
	return account.Step{Name: profile.StepTargets, Function: events.AssignTargets, Title: titleOf(change, acc), Args: args, State: account.StepPending}, err
}

func titleOf(change events.AssignTargetsArgs, acc account.Account) string {
	words := map[string]string{
		events.TargetsSet: "Set", events.TargetsAdd: "Add to", events.TargetsRemove: "Remove from",
		events.TargetsAll: "Extend to all", events.TargetsSync: "Synchronise",
	}
	return words[change.Change] + " the users of " + acc.UserPrincipalName
}

// SyncTargets puts the users of a connection right, as the schedule says: groups change.
// It does nothing while something else works on the connection.
func (d *Desk) SyncTargets(ctx context.Context, acc account.Account) error {
	_, err := d.Retarget(ctx, acc, events.FullSync, "the schedule", events.AssignTargetsArgs{Change: events.TargetsSync})
	if fault.Is(err, fault.AlreadyManaged) {
		return nil
	}
	return err
}
