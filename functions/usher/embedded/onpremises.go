package embedded

import (
	"context"
	"sync"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/tenantfake"
)

// ActiveDirectory is what a plan has to know of the tenant's directory on premises.
var ActiveDirectory = account.ActiveDirectory{BaseDN: "DC=contoso,DC=com", OU: "OU=Service Accounts,DC=contoso,DC=com"}

// atOnce is the pause between two cycles of Entra Connect where there shall be none.
const atOnce = 50 * time.Millisecond

// connect starts Entra Connect, which brings the directory's accounts to the tenant.
func (t *Tenant) connect(contoso *tenantfake.Tenant, every time.Duration) {
	connect := contoso.Connect(t.Directory)
	if t.dir != "" {
		connect.Changed = t.save
	}
	if every < 0 {
		every = atOnce
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { connect.Run(ctx, every) })
	t.disconnect = func() { cancel(); running.Wait() }
}

// Holdings lists what the tenant and its directory on premises hold, a line for each: two
// lists differ in what was left behind between them.
func (t *Tenant) Holdings() []string {
	return append(t.Server.Tenants()[0].Holdings(), t.Directory.Holdings()...)
}
