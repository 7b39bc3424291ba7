package profile

import (
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// StepTargets is the name of the step that assigns the users of a connection.
const StepTargets = "assigntargets"

// aim puts on a connection's row how many users it may have, and plans the step that
// assigns those whom the request chooses. Without a choice the step only looks at what
// users consented to one by one, which one connection for all makes needless. It refuses
// a choice for an account that is a user: nothing could limit what that one reads.
func aim(acc *account.Account, p Profile, req events.Request) ([]account.Step, error) {
	scope := req.Access.Scope
	if acc.AppID == "" {
		if scope != nil && (scope.Mode != string(account.TargetsAll) || scope.PrimaryUser != "" || len(scope.Users)+len(scope.Groups) > 0) {
			return nil, fault.Stopf(fault.RequestInvalid, "access.scope: users can be chosen only where the product signs in as an application, and here it signs in as a user")
		}
		return nil, nil
	}
	acc.Targets.Max = p.Access.MaxTargets
	args := events.AssignTargetsArgs{Change: events.TargetsSync}
	title := "See what single users consented to"
	if scope != nil {
		if err := CheckScope(*scope, acc.Targets.Limit()); err != nil {
			return nil, err
		}
		args = events.AssignTargetsArgs{Change: events.TargetsAll, Primary: scope.PrimaryUser}
		title = "Let every user in"
		if scope.Mode == string(account.TargetsChosen) {
			args.Change, args.Users, args.Groups = events.TargetsSet, scope.Users, scope.Groups
			title = "Assign the chosen users"
		}
	}
	return []account.Step{newStep(StepTargets, events.AssignTargets, title, args)}, nil
}

// CheckScope refuses a choice of users that contradicts itself, names nobody, names what
// can be no user principal name or group, or names more users than the limit; the error
// names the field.
func CheckScope(s events.Scope, limit int) error {
	invalid := func(format string, args ...any) error { return fault.Stopf(fault.RequestInvalid, format, args...) }
	named := len(s.Users) + len(s.Groups)
	switch mode := account.TargetMode(s.Mode); {
	case mode != account.TargetsAll && mode != account.TargetsChosen:
		return invalid("access.scope.mode %q: use all or selected", s.Mode)
	case mode == account.TargetsAll && named > 0:
		return invalid("access.scope: users and groups go with mode selected, not with all")
	case mode == account.TargetsChosen && named == 0:
		return invalid("access.scope: mode selected needs at least one of users or groups")
	}
	for i, name := range s.Users {
		if !isPrincipalName(name) {
			return invalid("access.scope.users[%d] %q is no user principal name: give the whole name, such as adele@contoso.com", i, name)
		}
		if slices.ContainsFunc(s.Users[:i], func(other string) bool { return strings.EqualFold(other, name) }) {
			return invalid("access.scope.users[%d] %q is there twice", i, name)
		}
	}
	for i, name := range s.Groups {
		if len([]rune(strings.TrimSpace(name))) < 3 {
			return invalid("access.scope.groups[%d] %q: give at least three characters of a group's name", i, name)
		}
	}
	if s.PrimaryUser != "" && !isPrincipalName(s.PrimaryUser) {
		return invalid("access.scope.primaryUser %q is no user principal name: give the whole name, such as adele@contoso.com", s.PrimaryUser)
	}
	if len(s.Users) > limit {
		return fault.Stopf(fault.TooManyTargets, "access.scope.users: %d users, and %d is the most that the profile allows: the first one too many is %s", len(s.Users), limit, s.Users[limit])
	}
	return nil
}

// isPrincipalName tells a user principal name from a beginning of one or a display name.
func isPrincipalName(name string) bool {
	user, domain, ok := strings.Cut(name, "@")
	return ok && user != "" && strings.Contains(strings.Trim(domain, "."), ".") && !strings.ContainsAny(name, " \t\r\n*") && !strings.Contains(domain, "@")
}
