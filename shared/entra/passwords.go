package entra

import (
	"context"
	"net/url"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// setsPasswords: reference: Microsoft Graph, users, "Who can reset passwords" and
// "Who can perform sensitive actions".
const setsPasswords = "User-PasswordProfile.ReadWrite.All or User.ReadWrite.All, and give our own application the directory role User Administrator (for an account that holds an administrative role Privileged Authentication Administrator, or take the role away first)"

// SetPassword sets a password that need not be changed at the next sign-in. Setting the
// same one again is no harm. It does not read back; see PasswordChangedAt. Faults of
// note: PasswordRejected may be tried again with another password; PermissionMissing
// (permanent) is also the answer for an account that holds an administrative role;
// UserSynced (permanent) says that the password is set on premises.
func (c *Client) SetPassword(ctx context.Context, t account.TenantID, id string, password account.Secret) error {
	call := call{doing: "set the password of user " + id, objects: []string{id}, permission: setsPasswords, missing: fault.UserNotFound, secret: password}
	if password.IsZero() {
		return fault.Stopf(fault.MalformedCommand, "%s: there is no password, so nothing was sent", call.doing)
	}
	return c.run(ctx, t, call, func(s *session) error {
		// Always fresh objects: the SDK sends nothing at all, and reports success, when
		// one that was read is changed and sent back.
		fresh := models.NewPasswordProfile()
		fresh.SetPassword(new(password.Reveal()))
		fresh.SetForceChangePasswordNextSignIn(new(false))
		fresh.SetForceChangePasswordNextSignInWithMfa(new(false))
		change := models.NewUser()
		change.SetPasswordProfile(fresh)
		_, err := s.sdk.users().ByUserId(id).Patch(ctx, change, nil)
		return err
	})
}

// PasswordChangedAt is when an account's password was last set, or the account made
// (reference: Microsoft Graph, user resource type, lastPasswordChangeDateTime). The
// replica that answers may lag.
func (c *Client) PasswordChangedAt(ctx context.Context, t account.TenantID, id string) (time.Time, error) {
	var answer struct{ LastPasswordChangeDateTime time.Time }
	call := call{doing: "read when the password of user " + id + " was set", objects: []string{id}, permission: "User.Read.All", missing: fault.UserNotFound}
	err := c.run(ctx, t, call, func(s *session) error {
		if err := s.get(ctx, "/users/"+url.PathEscape(id)+"?$select=id,lastPasswordChangeDateTime", &answer); err != nil {
			return err
		}
		if answer.LastPasswordChangeDateTime.IsZero() {
			return errIncomplete("the user without lastPasswordChangeDateTime")
		}
		return nil
	})
	return answer.LastPasswordChangeDateTime, err
}
