package clients

import (
	"context"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
)

// Proof finds out in a tenant whether a consent was given (consent.Proof), as ourselves.
type Proof struct{ Directory *entra.Client }

// SignIn gets a token that no cache held, and gives the tenant that it is for.
func (p Proof) SignIn(ctx context.Context, t account.TenantID) (account.TenantID, error) {
	p.Directory.Forget(t)
	who, err := p.Directory.Identity(ctx, t)
	return who.TenantID, err
}

// Granted reads back what an application holds in a tenant, for everybody.
func (p Proof) Granted(ctx context.Context, t account.TenantID, appID string) ([]account.AppPermission, error) {
	return p.Directory.AppPermissions(ctx, t, appID)
}
