package entra

import (
	"context"
	"net/http"
	"net/url"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	graphusers "github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// userFields are the properties we ask for; Graph answers none of the last five unasked
// (reference: Microsoft Graph, user resource type, "Retrieve non-default properties").
var userFields = []string{
	"id", "userPrincipalName", "mail", "displayName", "accountEnabled",
	"onPremisesSyncEnabled", "onPremisesImmutableId", "onPremisesExtensionAttributes", "assignedLicenses",
}

const (
	changesUsers = "User.ReadWrite.All"
	// changesAdmins: reference: Microsoft Graph, users, "Who can perform sensitive actions".
	changesAdmins = "User.ReadWrite.All (and, while the account still holds an administrative role, give our own application the directory role Privileged Authentication Administrator, or take the role away first)"
)

// CreateUser makes an account, enabled, whose password need not be changed at the
// first sign-in, stamped in onPremisesExtensionAttributes.extensionAttribute15
// (reference: Microsoft Graph, Create user).
//
// It is never repeated after an answer that leaves open whether the account was made:
// look for the account by name and stamp before trying again. Faults of note:
// NameTaken, DomainNotVerified and QuotaExceeded stop; PasswordRejected may be tried
// again with another password.
func (c *Client) CreateUser(ctx context.Context, t account.TenantID, n account.NewUser) (account.User, error) {
	var made account.User
	call := call{doing: "create user " + n.UserPrincipalName, permission: changesUsers, missing: fault.UserNotFound, secret: n.Password}
	err := c.run(ctx, t, call, func(s *session) error {
		answer, err := s.sdk.users().Post(ctx, newUserBody(n), nil)
		if err != nil {
			return err
		}
		made, err = userOf(answer)
		// The answer shows neither of these two without being asked.
		made.Enabled, made.Stamp = true, n.Stamp
		return err
	})
	return made, err
}

func newUserBody(n account.NewUser) *models.User {
	password := models.NewPasswordProfile()
	password.SetPassword(new(n.Password.Reveal()))
	password.SetForceChangePasswordNextSignIn(new(false))
	password.SetForceChangePasswordNextSignInWithMfa(new(false))
	u := models.NewUser()
	u.SetAccountEnabled(new(true))
	u.SetDisplayName(&n.DisplayName)
	u.SetMailNickname(&n.MailNickname)
	u.SetUserPrincipalName(&n.UserPrincipalName)
	u.SetPasswordProfile(password)
	u.SetGivenName(unlessEmpty(n.GivenName))
	u.SetSurname(unlessEmpty(n.Surname))
	u.SetUsageLocation(unlessEmpty(n.UsageLocation))
	if n.PasswordNeverExpires {
		u.SetPasswordPolicies(new("DisablePasswordExpiration"))
	}
	if n.Stamp != "" {
		marks := models.NewOnPremisesExtensionAttributes()
		marks.SetExtensionAttribute15(&n.Stamp)
		u.SetOnPremisesExtensionAttributes(marks)
	}
	return u
}

func unlessEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// User reads an account by object id or user principal name. An account that is not
// there, or not readable yet, is a permanent fault UserNotFound: the caller knows
// whether to wait for it. A soft-deleted account is not there (see DeletedUser).
func (c *Client) User(ctx context.Context, t account.TenantID, idOrName string) (account.User, error) {
	var found account.User
	call := call{doing: "read user " + idOrName, objects: []string{idOrName}, permission: "User.Read.All", missing: fault.UserNotFound}
	err := c.run(ctx, t, call, func(s *session) error {
		answer, err := s.sdk.users().ByUserId(idOrName).Get(ctx, &graphusers.UserItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &graphusers.UserItemRequestBuilderGetQueryParameters{Select: userFields},
		})
		if err != nil {
			return err
		}
		found, err = userOf(answer)
		if err == nil && answer.GetAccountEnabled() == nil {
			// "Not said" must never read as "disabled": a revocation would believe it.
			return errIncomplete("the user without accountEnabled")
		}
		return err
	})
	return found, err
}

// userOf takes what we know from the SDK's user. The SDK answers a success without a
// body by no user and no error.
func userOf(u models.Userable) (account.User, error) {
	if u == nil || value(u.GetId()) == "" {
		return account.User{}, errIncomplete("no user with an id")
	}
	found := account.User{
		ObjectID:          value(u.GetId()),
		UserPrincipalName: value(u.GetUserPrincipalName()),
		Mail:              value(u.GetMail()),
		DisplayName:       value(u.GetDisplayName()),
		Enabled:           value(u.GetAccountEnabled()),
		Synced:            value(u.GetOnPremisesSyncEnabled()),
		ImmutableID:       value(u.GetOnPremisesImmutableId()),
	}
	if marks := u.GetOnPremisesExtensionAttributes(); marks != nil {
		found.Stamp = value(marks.GetExtensionAttribute15())
	}
	for _, l := range u.GetAssignedLicenses() {
		if l == nil || l.GetSkuId() == nil { // the SDK gives null as nil
			return account.User{}, errIncomplete("a licence without a product")
		}
		found.Licenses = append(found.Licenses, l.GetSkuId().String())
	}
	return found, nil
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// SetEnabled enables or disables an account. It does not read back.
func (c *Client) SetEnabled(ctx context.Context, t account.TenantID, id string, enabled bool) error {
	doing := "disable user "
	if enabled {
		doing = "enable user "
	}
	call := call{doing: doing + id, objects: []string{id}, permission: changesAdmins, missing: fault.UserNotFound}
	return c.run(ctx, t, call, func(s *session) error {
		// Always a fresh object: the SDK sends nothing at all, and reports success, when
		// an object that was read is changed and sent back.
		change := models.NewUser()
		change.SetAccountEnabled(&enabled)
		_, err := s.sdk.users().ByUserId(id).Patch(ctx, change, nil)
		return err
	})
}

// RevokeSessions makes every refresh token of an account void; access tokens live on
// for up to about an hour (reference: Microsoft Graph, revokeSignInSessions).
func (c *Client) RevokeSessions(ctx context.Context, t account.TenantID, id string) error {
	call := call{doing: "revoke the sessions of user " + id, objects: []string{id}, permission: changesUsers, missing: fault.UserNotFound}
	return c.run(ctx, t, call, func(s *session) error {
		return s.plain(ctx, http.MethodPost, "/users/"+url.PathEscape(id)+"/revokeSignInSessions")
	})
}

// DeleteUser deletes an account softly: it can be restored for 30 days. An account
// that is gone already is no error.
func (c *Client) DeleteUser(ctx context.Context, t account.TenantID, id string) error {
	call := call{doing: "delete user " + id, objects: []string{id}, permission: changesAdmins, missing: fault.UserNotFound}
	return unlessMissing(c.run(ctx, t, call, func(s *session) error {
		return s.sdk.users().ByUserId(id).Delete(ctx, nil)
	}))
}
