package entra

import (
	"context"
	"net/http"
	"net/url"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// DeletedUser reads a soft-deleted account. DeletedAt and the stamp are set if the
// answer tells them, which is not promised for a single item. The user principal name
// is as Entra shows it then: the object id without dashes, followed by the old name.
// An account that was not deleted, or was purged, is a permanent fault UserNotFound.
func (c *Client) DeletedUser(ctx context.Context, t account.TenantID, id string) (account.User, error) {
	var found account.User
	call := call{doing: "read deleted user " + id, objects: []string{id}, permission: "User.Read.All", missing: fault.UserNotFound}
	err := c.run(ctx, t, call, func(s *session) error {
		var wire wireUser
		if err := s.get(ctx, deletedPath(id), &wire); err != nil {
			return err
		}
		if wire.ID == "" {
			return errIncomplete("no deleted user with an id")
		}
		found = wire.user()
		return nil
	})
	return found, err
}

// RestoreUser brings a soft-deleted account back under its old object id. A name that
// another account has taken meanwhile is a permanent fault NameTaken; an account that
// is not among the deleted ones (restored already, or purged) is UserNotFound.
func (c *Client) RestoreUser(ctx context.Context, t account.TenantID, id string) error {
	call := call{doing: "restore user " + id, objects: []string{id}, permission: changesAdmins, missing: fault.UserNotFound}
	return c.run(ctx, t, call, func(s *session) error {
		return s.plain(ctx, http.MethodPost, deletedPath(id)+"/restore")
	})
}

// PurgeUser deletes a soft-deleted account for good. One that is gone already is no error.
func (c *Client) PurgeUser(ctx context.Context, t account.TenantID, id string) error {
	call := call{doing: "purge user " + id, objects: []string{id}, permission: changesAdmins, missing: fault.UserNotFound}
	return unlessMissing(c.run(ctx, t, call, func(s *session) error {
		return s.plain(ctx, http.MethodDelete, deletedPath(id))
	}))
}

func deletedPath(id string) string { return "/directory/deletedItems/" + url.PathEscape(id) }
