package assigntargets_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assigntargets"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
)

// bench is a connection of a vendor's application in a tenant with three people, of
// whom two are in the group Sales.
type bench struct {
	*testing.T
	tenant *tenanttest.Memory
	task   step.Task[events.AssignTargetsArgs]
	app    string
	// adele, diego and lee are object ids.
	adele, diego, lee string
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, tenant: tenanttest.NewMemory()}
	require.NoError(t, b.tenant.MakeServicePrincipal(ctx, "tid", tenanttest.VendorApp))
	p, _, err := b.tenant.ServicePrincipal(ctx, "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	b.app = p.ObjectID
	b.adele = b.person("Adele")
	b.diego = b.person("Diego")
	b.lee = b.person("Lee")
	b.tenant.PutGroup("Sales", b.diego, b.lee)
	b.task.Tenant = account.Tenant{ID: "tid", Alias: "contoso"}
	b.task.Account = account.Account{ID: "acc-1", AppID: tenanttest.VendorApp, UserPrincipalName: "vendor@contoso.onmicrosoft.com"}
	b.task.Now = start
	return b
}

func (b *bench) person(name string) string {
	return b.tenant.Put(account.User{UserPrincipalName: name + "@contoso.com", DisplayName: name})
}

func (b *bench) order(args events.AssignTargetsArgs) *bench {
	b.task.Args, b.task.Step = args, account.Step{}
	return b
}

// once is one call of the handler; its row and step are kept as the runner keeps them.
func (b *bench) once() (step.Result, error) {
	b.Helper()
	if b.task.Step.FirstSeen.IsZero() {
		b.task.Step.FirstSeen = b.task.Now
	}
	h := assigntargets.New(assigntargets.Options{Applications: b.tenant, Assignments: b.tenant, Directory: b.tenant, Delegations: b.tenant})
	res, err := h.Handle(ctx, b.task)
	if res.Learn != nil {
		res.Learn(&b.task.Account)
	}
	if res.Checkpoint != nil {
		b.task.Step.Checkpoint = res.Checkpoint
	}
	return res, err
}

// run calls the handler until it is done.
func (b *bench) run() step.Result {
	b.Helper()
	var last error
	for range 30 {
		res, err := b.once()
		if last = err; err == nil && !res.Again {
			return res
		}
		b.task.Now = b.task.Now.Add(30 * time.Second)
	}
	require.NoError(b, last, "it was never done")
	return step.Result{}
}

// refused calls the handler until it fails, and checks that nothing was changed.
func (b *bench) refused() error {
	b.Helper()
	before := b.assigned()
	_, err := b.once()
	require.Error(b, err)
	require.Equal(b, before, b.assigned())
	for _, op := range b.tenant.Calls() {
		require.NotContains(b, []string{"Unassign"}, op)
	}
	return err
}

// assigned are the users whom the tenant has assigned, sorted.
func (b *bench) assigned() (users []string) {
	list, err := b.tenant.Assignments(ctx, "tid", b.app)
	require.NoError(b, err)
	for _, a := range list {
		users = append(users, a.PrincipalID)
	}
	slices.Sort(users)
	return users
}

func (b *bench) required() bool {
	p, _, err := b.tenant.ServicePrincipal(ctx, "tid", tenanttest.VendorApp)
	require.NoError(b, err)
	return p.AssignmentRequired
}

// crowd makes n people and gives their object ids.
func (b *bench) crowd(n int) (ids []string) {
	for i := range n {
		ids = append(ids, b.person(fmt.Sprintf("person%03d", i)))
	}
	return ids
}

func sorted(ids ...string) []string { slices.Sort(ids); return ids }
