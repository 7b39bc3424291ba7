package console

import (
	"context"
	"net/http"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// Connections changes whom a connection of an application is for.
type Connections interface {
	Retarget(ctx context.Context, a account.Account, by, reason string, change events.AssignTargetsArgs) (account.Request, error)
	// Reconnect asks for the connection's consents once more.
	Reconnect(ctx context.Context, a account.Account, by, reason string) (account.Request, error)
}

// Targets are the users of a connection, as they were last read back.
type Targets struct {
	Connection string `json:"connection"`
	Tenant     string `json:"tenant"`
	AppID      string `json:"appId"`
	// Limit is how many users there may be.
	Limit int `json:"limit"`
	account.Targets
}

// TargetsOrder is the body of a change of a connection's users.
type TargetsOrder struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	events.AssignTargetsArgs
}

func (c *console) showTargets(r *http.Request) (any, error) {
	a, err := c.account(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if a.AppID == "" {
		return nil, badRequest("%s signs in as a user: only a connection of an application has users to choose", a.UserPrincipalName)
	}
	return Targets{Connection: a.UserPrincipalName, Tenant: c.alias(a.Tenant), AppID: a.AppID, Limit: a.Targets.Limit(), Targets: a.Targets}, nil
}

func (c *console) retarget(r *http.Request) (any, error) {
	var order TargetsOrder
	if err := readJSON(r, &order); err != nil {
		return nil, err
	}
	if order.By == "" {
		return nil, badRequest("a change of users needs a name in \"by\"")
	}
	a, err := c.account(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return c.ordered(c.Connections.Retarget(r.Context(), a, order.By, order.Reason, order.AssignTargetsArgs))
}
