package entra

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// UserByImmutableID reads the account that Entra Connect brought from Active Directory
// under a source anchor, onPremisesImmutableId. One that is not there, or not in the index
// that is searched, is a permanent fault UserNotFound: the caller knows whether to wait
// for it. Entra keeps the anchor unique, so two are an answer that is not understood.
func (c *Client) UserByImmutableID(ctx context.Context, t account.TenantID, immutableID string) (account.User, error) {
	call := call{doing: "find the user with the immutable id " + immutableID, permission: "User.Read.All", missing: fault.UserNotFound}
	if immutableID == "" {
		return account.User{}, fault.Stopf(fault.MalformedCommand, "no immutable id given, so nothing was asked")
	}
	filter := fmt.Sprintf("onPremisesImmutableId eq '%s'", strings.ReplaceAll(immutableID, "'", "''"))
	path := "/users?$select=" + strings.Join(userFields, ",") + "&$filter=" + queryEscape(filter)
	found, err := collect(pages(ctx, c, t, call, path, wireUser.user))
	switch {
	case err != nil:
		return account.User{}, err
	case len(found) == 0:
		return account.User{}, fault.Stopf(fault.UserNotFound, "no user has the immutable id %s", immutableID)
	case len(found) > 1 || found[0].ImmutableID != immutableID:
		return account.User{}, classify(ctx, call, errIncomplete(fmt.Sprintf("%d users, and not the one with that immutable id", len(found))))
	}
	return found[0], nil
}
