package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/functions/assigntargets"
	"github.com/usher365/usher/functions/checkfitness"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/functions/handover"
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/domainfake"
	"github.com/usher365/usher/shared/fitness"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/patience"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

// Every sample is an event that its kind of function understands, field by field.
func TestSamplesAreEvents(t *testing.T) {
	names, err := fs.Glob(samples.Files, "lambda/*.json")
	require.NoError(t, err)
	assert.Len(t, names, 9)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			text, err := samples.Files.ReadFile(name)
			require.NoError(t, err)
			if !strings.HasPrefix(name, "lambda/intake") && !strings.HasPrefix(name, "lambda/console") {
				var j job
				require.NoError(t, json.Unmarshal(text, &j))
				want := jobDrain
				switch {
				case strings.HasPrefix(name, "lambda/fullsync.probe"):
					want = jobProbe
				case strings.HasPrefix(name, "lambda/fullsync"):
					want = jobFullSync
				}
				assert.Equal(t, want, j.Job)
				return
			}
			strict := json.NewDecoder(bytes.NewReader(text))
			strict.DisallowUnknownFields()
			var e request
			require.NoError(t, strict.Decode(&e))
			r, err := requestOf(t.Context(), e)
			require.NoError(t, err)
			assert.NotContains(t, r.URL.Path, "prod")
		})
	}
}

// vault is a sealed password.
type vault struct{}

func (vault) SealOnce(context.Context, string, func() (account.Secret, error)) (string, account.Secret, error) {
	return "file:sealed", account.NewSecret("canary"), nil
}

func (vault) Replace(context.Context, string, account.Secret) (string, error) {
	return "file:sealed", nil
}

func (vault) Open(context.Context, string) (account.Secret, error) {
	return account.NewSecret("canary"), nil
}

func (vault) Discard(context.Context, string) error { return nil }

// ticket hears of every status.
type ticket struct{ told []events.Status }

func (k *ticket) Tell(_ context.Context, s events.Status) error {
	k.told = append(k.told, s)
	return nil
}

// office starts what a sync finds due.
type office struct{ expired []string }

func (o *office) Expire(_ context.Context, a account.Account, _ string, _ events.Offboard) error {
	o.expired = append(o.expired, a.UserPrincipalName)
	return nil
}

func (o *office) SyncTargets(context.Context, account.Account) error { return nil }

type nobodySeen struct{}

func (nobodySeen) Visible(context.Context, account.TenantID, ...account.Member) (map[string]bool, error) {
	return nil, nil
}

// open is a tenant in whose way nothing stands.
type open struct{}

func (open) Posture(context.Context, account.TenantID, string) (fitness.Facts, error) {
	return fitness.Facts{}, nil
}

func (open) SetExcluded(context.Context, account.TenantID, string, string, bool) error { return nil }

// handler wires the real handler of a function to a tenant in memory.
func handler(p *Process, m *tenanttest.Memory, k *ticket, o *office, name string) queue.Handler {
	history := &patience.History{}
	password := func(...string) (account.Secret, error) { return account.NewSecret("canary"), nil }
	step.Handle(p.Runner, events.Create, create.Policy, create.New(m, vault{}, password, domainfake.New()).Handle)
	step.Handle(p.Runner, events.AssignRole, assignrole.Policy, assignrole.New(assignrole.Options{Directory: m, Schedules: m, Limits: policy.Builtin().Limits}).Handle)
	step.Handle(p.Runner, events.GrantRoleGroup, grantrolegroup.Policy(history.Next), grantrolegroup.New(m, m, patience.NewRoom(nobodySeen{}, history, p.Now)).Handle)
	step.Handle(p.Runner, events.CheckFitness, checkfitness.Policy, checkfitness.New(open{}, open{}).Handle)
	step.Handle(p.Runner, events.GrantConsent, grantconsent.Policy, grantconsent.New(m, m, m).Handle)
	targets := assigntargets.New(assigntargets.Options{Applications: m, Assignments: m, Directory: m, Delegations: m})
	step.Handle(p.Runner, events.AssignTargets, assigntargets.Policy, targets.Handle)
	delivery := handover.New(handover.Options{Vault: vault{}, Seal: handovers.Seal, Passwords: password})
	step.Handle(p.Runner, events.HandOver, handover.Policy, delivery.Handle)
	step.Handle(p.Runner, events.Revoke, revoke.Policy, revoke.New(revoke.Options{Users: m, Deleted: m, Roles: m, RoleGroups: m, OnPremises: domainfake.New(), Limits: policy.Builtin().Limits}).Handle)
	step.Handle(p.Runner, events.FullSync, fullsync.Policy, fullsync.New(m, m, p.Ledger, p.Ledger, o, p.Now).Handle)
	if name == events.Notify {
		return p.Runner.HandleNotices(notify.Policy, notify.New(k, nil, nil, nil).Handle, nil)
	}
	return p.Runner.Deliver
}

const upn = "sam360reports@contoso.onmicrosoft.com"

// record stores the request that a command belongs to, with its one step, and the account.
func record(b *bench, m *tenanttest.Memory, cmd events.Command) {
	b.Helper()
	r := account.Request{
		ID: cmd.Request, Action: account.Onboard, Tenant: contoso.ID, AccountID: "acc-1", UserPrincipalName: upn, CreatedAt: cmd.Time,
		Steps: []account.Step{{Name: cmd.Step, Function: cmd.Function, Args: cmd.Data, State: account.StepPending}},
	}
	a := account.Account{
		ID: "acc-1", Tenant: contoso.ID, UserPrincipalName: upn, Origin: account.Created, RequestID: cmd.Request, State: account.AccountPlanned, CreatedAt: cmd.Time,
		Grants: []account.Grant{
			{Kind: account.DirectoryRole, Target: "f023fd81-a637-4b56-95fd-791ac0226033", Name: "Service Support Administrator", State: account.GrantIntended, Ours: true},
			{Kind: account.RoleGroup, Target: "View-Only Organization Management", Name: "View-Only Organization Management", State: account.GrantIntended, Ours: true},
		},
	}
	switch cmd.Function {
	case events.FullSync:
		r.Action, r.AccountID, r.UserPrincipalName, a = account.Sync, "", "", account.Account{}
	case events.AssignTargets:
		require.NoError(b, m.MakeServicePrincipal(b.Context(), contoso.ID, tenanttest.VendorApp))
		m.PutGroup("Sales", m.Put(account.User{UserPrincipalName: "adele.vance@contoso.com", DisplayName: "Adele Vance", Enabled: true}))
		a.AppID = tenanttest.VendorApp
	case events.HandOver:
		r.Notified, a.SecretRef = 9, "file:sealed" // the ticketing system has taken what is said of it
	case events.Revoke:
		r.Action = account.Offboard
	case events.Notify:
		r.Steps, r.Notices, r.Notified = nil, 4, 3
	}
	if cmd.Function != events.Create && a.ID != "" {
		a.ObjectID = m.Put(account.User{UserPrincipalName: upn, Enabled: true, Stamp: "usher:" + cmd.Request})
		a.State = account.AccountActive
	}
	_, err := b.process.Ledger.Accept(b.Context(), ledger.Keys{Tenant: contoso.ID, UserPrincipalName: r.UserPrincipalName, Action: r.Action},
		func(ledger.Situation) (ledger.Draft, error) {
			return ledger.Draft{Record: ledger.Record{Request: r, Account: a}}, nil
		})
	require.NoError(b, err)
}

// Every sample of a command is done by the real handler of its function, on the queue
// and the ledger of its process, in one drain.
func TestCommandSamplesAreDone(t *testing.T) {
	for _, name := range events.Functions() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text, err := samples.Files.ReadFile("commands/" + name + ".json")
				require.NoError(t, err)
				var cmd events.Command
				require.NoError(t, json.Unmarshal(text, &cmd))
				b := newBench(t, name, Consumer{})
				m, k, o := tenanttest.NewMemory(), &ticket{}, &office{}
				b.consumer.open = func(context.Context) (Consumer, error) {
					return Consumer{Handle: handler(b.process, m, k, o, name)}, nil
				}
				record(b, m, cmd)
				require.NoError(t, b.process.Queue.Enqueue(t.Context(), name, step.MessageFor(cmd, time.Time{})))
				report, err := b.invoke(job{Job: jobDrain}, 5*time.Minute)
				require.NoError(t, err)
				assert.Positive(t, report.Deliveries)
				assert.Zero(t, report.Active+report.Planned+report.Dead)
				assert.Contains(t, b.metrics.String(), `"function":"`+name+`","outcome":"done"`)
				r, err := b.process.Ledger.Request(t.Context(), cmd.Request)
				require.NoError(t, err)
				if name == events.Notify {
					assert.Len(t, k.told, 1)
					assert.Equal(t, 4, r.Notified)
					return
				}
				assert.Equal(t, account.StepDone, r.Steps[0].State, r.Steps[0].Fault)
			})
		})
	}
}
