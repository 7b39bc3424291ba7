package entra

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// What the caller needs for delegated permissions.
const (
	readsDelegated   = "Directory.Read.All"
	changesDelegated = "DelegatedPermissionGrant.ReadWrite.All (a person: the directory role Cloud Application Administrator)"
)

const delegatedPath = "/oauth2PermissionGrants"

// Whom a delegated grant is for (reference: Microsoft Graph, oAuth2PermissionGrant).
const (
	everybody = "AllPrincipals"
	oneUser   = "Principal"
)

// DelegatedGrants lists what a service principal, by object id, may do on behalf of
// users: of everybody, and of single users. The list may lag behind what was granted
// and withdrawn.
func (c *Client) DelegatedGrants(ctx context.Context, t account.TenantID, client string) ([]account.DelegatedGrant, error) {
	call := call{doing: "list the delegated permissions of service principal " + client, objects: []string{client}, permission: readsDelegated}
	filter := queryEscape("clientId eq '" + strings.ReplaceAll(client, "'", "''") + "'")
	return collect(pages(ctx, c, t, call, delegatedPath+"?$filter="+filter, wireDelegated.grant))
}

// GiveDelegated makes a delegated grant; its ID is not looked at. It does not read back.
//
// ConsentNotVisible (waiting) says that there is one for this client, API and user
// already: read it, and see whether its scopes suffice. IdentityNotFound (waiting) says
// that the client, the API or the user is too new.
func (c *Client) GiveDelegated(ctx context.Context, t account.TenantID, g account.DelegatedGrant) error {
	call := call{
		doing: "grant delegated permissions to " + g.ClientID, objects: append([]string{g.ClientID, g.ResourceID}, g.Scopes...),
		permission: changesDelegated, missing: fault.IdentityNotFound, conflict: fault.ConsentNotVisible,
	}
	body := map[string]any{"clientId": g.ClientID, "resourceId": g.ResourceID, "consentType": everybody, "scope": strings.Join(g.Scopes, " ")}
	if g.UserID != "" {
		body["consentType"], body["principalId"] = oneUser, g.UserID
	}
	return c.run(ctx, t, call, func(s *session) error {
		return s.write(ctx, http.MethodPost, delegatedPath, body)
	})
}

// SetScopes replaces the scopes of a delegated grant, by its id. Graph has no call that
// adds one, so what somebody else changes at the same moment may be lost. It does not
// read back.
func (c *Client) SetScopes(ctx context.Context, t account.TenantID, grantID string, scopes []string) error {
	call := call{
		doing: "change the scopes of delegated grant " + grantID, objects: append([]string{grantID}, scopes...),
		permission: changesDelegated, missing: fault.IdentityNotFound,
	}
	return c.run(ctx, t, call, func(s *session) error {
		return s.write(ctx, http.MethodPatch, delegatedPath+"/"+url.PathEscape(grantID), map[string]string{"scope": strings.Join(scopes, " ")})
	})
}

// WithdrawDelegated takes a delegated grant away, by its id, with all its scopes. One
// that is gone already is no error.
func (c *Client) WithdrawDelegated(ctx context.Context, t account.TenantID, grantID string) error {
	call := call{doing: "withdraw delegated grant " + grantID, objects: []string{grantID}, permission: changesDelegated, missing: fault.IdentityNotFound}
	return unlessMissing(c.run(ctx, t, call, func(s *session) error {
		return s.plain(ctx, http.MethodDelete, delegatedPath+"/"+url.PathEscape(grantID))
	}))
}

type wireDelegated struct {
	ID          string
	ClientID    string `json:"clientId"`
	ResourceID  string `json:"resourceId"`
	PrincipalID string `json:"principalId"`
	Scope       string
}

func (w wireDelegated) key() string { return w.ID }

func (w wireDelegated) grant() account.DelegatedGrant {
	return account.DelegatedGrant{ID: w.ID, ClientID: w.ClientID, ResourceID: w.ResourceID, UserID: w.PrincipalID, Scopes: strings.Fields(w.Scope)}
}
