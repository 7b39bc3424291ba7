package consent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
)

// Proof finds out in the tenant itself whether a consent was given. It signs in as
// ourselves, for the application is a vendor's: fault.ConsentMissing therefore says that
// the tenant does not know Usher, and nothing about the vendor.
type Proof interface {
	// SignIn gets a token that no cache held, for a tenant, and gives the tenant that it is for.
	SignIn(ctx context.Context, t account.TenantID) (account.TenantID, error)
	// Granted reads back what an application holds in the tenant, for everybody; nothing
	// when the tenant does not know it.
	Granted(ctx context.Context, t account.TenantID, appID string) ([]account.AppPermission, error)
}

// Proved is what a proof found.
type Proved struct {
	// Outcome is Granted, Incomplete, or OtherTenant when the token was for another one.
	Outcome Outcome
	// Held is everything that the application holds; nil when it was not read.
	Held   []account.AppPermission
	Reason string
}

// Prove looks in the tenant whether the permissions are granted. It may be called as
// often as one likes: it changes nothing.
func Prove(ctx context.Context, p Proof, t account.TenantID, appID string, wanted []account.AppPermission) (Proved, error) {
	as, err := p.SignIn(ctx, t)
	if err != nil {
		return Proved{}, fmt.Errorf("sign in to tenant %s to prove a consent: %w", t, err)
	}
	if !strings.EqualFold(string(as), string(t)) {
		return Proved{Outcome: OtherTenant, Reason: "the token is for another tenant than the request's"}, nil
	}
	held, err := p.Granted(ctx, t, appID)
	if err != nil {
		return Proved{}, fmt.Errorf("read back what application %s may do in tenant %s: %w", appID, t, err)
	}
	v := Proved{Outcome: Granted, Held: held, Reason: "granted, and read back: " + names(wanted)}
	if missing := Without(wanted, held); len(missing) > 0 {
		v.Outcome, v.Reason = Incomplete, "not granted: "+names(missing)
	}
	return v, nil
}

// Without gives those of some permissions that are not among others.
func Without(some, others []account.AppPermission) (left []account.AppPermission) {
	for _, p := range some {
		if !slices.ContainsFunc(others, p.Same) {
			left = append(left, p)
		}
	}
	return left
}

func names(permissions []account.AppPermission) string {
	var all []string
	for _, p := range permissions {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}
