package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

func (c *console) listAccounts(r *http.Request) (any, error) {
	f, err := c.filter(r.URL.Query())
	if err != nil {
		return nil, err
	}
	f.Actions = nil
	all, err := flag(r.URL.Query(), "all")
	if err != nil {
		return nil, err
	}
	f.Open = !all
	found, err := c.Accounts.Accounts(r.Context(), f)
	if err != nil {
		return nil, err
	}
	list := make([]Account, 0, len(found))
	for _, a := range found {
		list = append(list, c.viewAccount(a))
	}
	return list, nil
}

func (c *console) showAccount(r *http.Request) (any, error) {
	a, err := c.account(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return c.viewAccount(a), nil
}

func (c *console) revoke(r *http.Request) (any, error) {
	var order Revocation
	if err := readJSON(r, &order); err != nil {
		return nil, err
	}
	switch {
	case order.By == "":
		return nil, badRequest("a revocation needs a name in \"by\"")
	case order.Mode != "" && order.Mode != "delete" && order.Mode != "disable":
		return nil, badRequest("mode must be delete or disable, not %q", order.Mode)
	case order.GraceDays < 0:
		return nil, badRequest("graceDays must not be negative")
	}
	a, err := c.account(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	how := events.Offboard{Mode: order.Mode, GraceDays: order.GraceDays, Force: order.Force}
	return c.ordered(c.Desk.Revoke(r.Context(), a, order.By, order.Reason, how))
}

// account finds an account by our id or by its user principal name. A name that several
// tenants know, or of which only gone accounts are left, is decided here and not guessed.
func (c *console) account(ctx context.Context, name string) (account.Account, error) {
	if !strings.Contains(name, "@") {
		a, err := c.Accounts.Account(ctx, name)
		if errors.Is(err, ledger.ErrNotFound) {
			return a, unknownAccount(name)
		}
		return a, err
	}
	found, err := c.Accounts.Accounts(ctx, ledger.Filter{UserPrincipalName: name})
	if err != nil {
		return account.Account{}, err
	}
	var live []account.Account
	for _, a := range found {
		if a.State != account.AccountGone {
			live = append(live, a)
		}
	}
	switch {
	case len(live) == 1:
		return live[0], nil
	case len(live) > 1:
		return account.Account{}, problem(http.StatusConflict, fault.RequestInvalid,
			fmt.Sprintf("%d managed accounts are called %s", len(live), name), "name it by its id: 'usher list --accounts --json'")
	case len(found) > 0:
		return found[0], nil
	}
	return account.Account{}, unknownAccount(name)
}

func unknownAccount(name string) *Problem {
	return problem(http.StatusNotFound, fault.AccountUnknown, fmt.Sprintf("there is no managed account %q", name), fault.Remedy(fault.AccountUnknown))
}

func (c *console) viewAccount(a account.Account) Account {
	grants := a.Grants
	if grants == nil {
		grants = []account.Grant{}
	}
	return Account{
		ID: a.ID, Tenant: c.alias(a.Tenant), TenantID: a.Tenant, UserPrincipalName: a.UserPrincipalName, ObjectID: a.ObjectID, AppID: a.AppID,
		State: a.State, Origin: a.Origin, Profile: a.Profile, RequestID: a.RequestID, Owner: a.Owner, ExpiresAt: a.ExpiresAt,
		Hold: a.HeldBy(c.Now()), Fitness: a.Fitness, Grants: grants, SecretRef: a.SecretRef, CreatedAt: a.CreatedAt, RevokedAt: a.RevokedAt,
	}
}
