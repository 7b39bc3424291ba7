package grantconsent_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/consent"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/tenanttest"
)

// page is an administrator who consents to all that a registration asks for.
type page struct{ held []account.AppPermission }

func (*page) SignIn(_ context.Context, t account.TenantID) (account.TenantID, error) { return t, nil }

func (p *page) Granted(context.Context, account.TenantID, string) ([]account.AppPermission, error) {
	return p.held, nil
}

func (*page) Latest(context.Context, string, string) (consent.Link, bool, error) {
	return consent.Link{}, false, nil
}

// A registration cannot get by a consent what the policy gives to nobody, or to two only.
func TestWhatComesWithAConsentIsPutToThePolicy(t *testing.T) {
	for name, tt := range map[string]struct {
		more account.AppPermission
		code fault.Code
	}{
		"Forbidden":    {account.AppPermission{Resource: tenanttest.GraphAPI, Name: "RoleManagement.ReadWrite.Directory"}, fault.PolicyForbidden},
		"Unlisted":     {account.AppPermission{Resource: tenanttest.GraphAPI, Name: "Chat.Read.All"}, fault.PolicyForbidden},
		"TwoApprovers": {account.AppPermission{Resource: tenanttest.GraphAPI, Name: "Directory.ReadWrite.All"}, fault.PolicyForbidden},
		"OneApprover":  {account.AppPermission{Resource: tenanttest.GraphAPI, Name: "User.Read.All", Delegated: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b, admin := setup(t), &page{}
			b.run() // by the direct method, so that all that is wanted shows
			for _, p := range b.task.Args.Permissions {
				admin.held = append(admin.held, account.AppPermission(p))
			}
			b.task.Args.Method = events.ConsentLink
			h := grantconsent.New(b.tenant, b.tenant, b.tenant).WithLinks(admin, admin).WithPolicy(policy.Builtin().Decide)
			res, err := h.Handle(ctx, b.task)
			require.NoError(t, err)
			require.True(t, res.Again)
			b.task.Step.Checkpoint = res.Checkpoint

			admin.held = append(admin.held, tt.more)
			res, err = h.Handle(ctx, b.task)
			assert.Equal(t, tt.code, fault.CodeOf(err), err)
			res.Learn(&b.task.Account)
			g := b.task.Account.Grant(tt.more.Kind(), tt.more.Target(tenanttest.VendorApp))
			require.NotNil(t, g, "it is on record, so that the compensation takes it away")
			assert.True(t, g.Ours)
		})
	}
}
