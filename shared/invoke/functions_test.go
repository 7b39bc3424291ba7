package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/events/schemas"
	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/patience"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/schema"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

func read(t *testing.T, text string) (o outcome) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &o), text)
	return o
}

func written(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// vault is a sealed password.
type vault struct{}

func (vault) SealOnce(context.Context, string, func() (account.Secret, error)) (string, account.Secret, error) {
	return "file:sealed", account.NewSecret("canary"), nil
}

func (vault) Replace(context.Context, string, account.Secret) (string, error) {
	return "file:sealed", nil
}

type ticket struct{ told []events.Status }

func (k *ticket) Tell(_ context.Context, s events.Status) error {
	k.told = append(k.told, s)
	return nil
}

// wired is each real handler on a tenant in memory.
func wired(m *tenanttest.Memory, k *ticket, name string) Function {
	return Function{Name: name, Wire: func(p *Process) (Handle, error) {
		history := &patience.History{}
		password := func(...string) (account.Secret, error) { return account.NewSecret("canary"), nil }
		step.Handle(p.Runner, events.Create, create.Policy, create.New(m, vault{}, password).Handle)
		step.Handle(p.Runner, events.AssignRole, assignrole.Policy, assignrole.New(m).Handle)
		step.Handle(p.Runner, events.GrantRoleGroup, grantrolegroup.Policy(history.Next), grantrolegroup.New(m, m, patience.NewRoom(nobodySeen{}, history, p.Now)).Handle)
		step.Handle(p.Runner, events.Revoke, revoke.Policy, revoke.New(m, m, m, m).Handle)
		step.Handle(p.Runner, events.FullSync, fullsync.Policy, fullsync.New(m, m, p.Memory, p.Memory, p.Memory, p.Now).Handle)
		if name == events.Notify {
			return p.Step(name, p.Runner.HandleNotices(notify.Policy, notify.New(k).Handle)), nil
		}
		return p.Step(name, p.Runner.Deliver), nil
	}}
}

type nobodySeen struct{}

func (nobodySeen) Visible(context.Context, account.TenantID, ...account.Member) (map[string]bool, error) {
	return nil, nil
}

// object is the account's object id in the samples.
const object = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"

// handled invokes a function with its sample until it is not to be tried again, on a
// tenant where the sample's account exists, unless it is still to be made.
func handled(t *testing.T, m *tenanttest.Memory, k *ticket, name string) outcome {
	t.Helper()
	text := sample(t, name)
	if name != events.Create {
		id := m.Put(account.User{UserPrincipalName: "sam360reports@contoso.onmicrosoft.com", Enabled: true, Stamp: "usher:req-k5vx2q7m3a6d"})
		text = strings.ReplaceAll(text, object, id)
	}
	for range 5 {
		got := start(wired(m, k, name), contoso, strings.NewReader(text))
		require.Equal(t, ExitOK, got.code, got.errors+got.out)
		assert.NotContains(t, got.out+got.errors, "canary")
		after := read(t, got.out)
		if after.Outcome != "retry" {
			return after
		}
		in := invocation{Command: &events.Command{}, Request: *after.Request, Account: *after.Account}
		require.NoError(t, json.Unmarshal(after.Next.Body, in.Command))
		text = written(t, in)
	}
	t.Fatal("tried five times")
	return outcome{}
}

// Every sample is done by the real handler of its function.
func TestSamplesAreDone(t *testing.T) {
	for _, name := range events.Functions() {
		t.Run(name, func(t *testing.T) {
			after := handled(t, tenanttest.NewMemory(), &ticket{}, name)
			assert.Equal(t, "done", after.Outcome, after.Text)
			assert.NotEqual(t, nothingDone, after.Text)
		})
	}
}

func TestCreateLeadsToTheNextStep(t *testing.T) {
	after := handled(t, tenanttest.NewMemory(), nil, events.Create)
	assert.NotEmpty(t, after.Account.ObjectID)
	assert.Equal(t, "file:sealed", after.Account.SecretRef)
	require.Len(t, after.Send, 1)
	assert.Equal(t, events.AssignRole, after.Send[0].Queue)
	assert.Equal(t, "req-k5vx2q7m3a6d/assignrole-service-support-administrator/1", after.Send[0].ID)
}

func TestNotifyTells(t *testing.T) {
	k := &ticket{}
	after := handled(t, tenanttest.NewMemory(), k, events.Notify)
	require.Len(t, k.told, 1)
	assert.Equal(t, 4, after.Request.Notified)
}

func TestSyncReportsAndStartsNothing(t *testing.T) {
	m := tenanttest.NewMemory()
	after := handled(t, m, nil, events.FullSync)
	require.NotNil(t, after.Sync)
	var kinds []string
	for _, f := range after.Sync.Findings {
		kinds = append(kinds, f.Kind)
	}
	assert.ElementsMatch(t, []string{"role.missing", "rolegroup.missing", "account.expired", "command.lost"}, kinds)
	require.Len(t, after.Offboard, 1)
	assert.Equal(t, "sam360reports@contoso.onmicrosoft.com", after.Offboard[0].UserPrincipalName)
	require.Len(t, after.Requests, 1)
	require.Len(t, after.Send, 1, "the lost command")
	assert.Equal(t, after.Requests[0].ID+"/assignrole-service-support-administrator/2", after.Send[0].ID)
}

func TestAHoldKeepsAnAccount(t *testing.T) {
	m := newMemory(clock)
	err := m.Expire(t.Context(), account.Account{UserPrincipalName: "a@b.c", Hold: account.Hold{Reason: "federation in use"}}, "its time is over")
	assert.True(t, fault.Is(err, fault.AccountHeld))
	assert.Empty(t, m.night.offboard)
}

// A failed update leaves everything as it was.
func TestUpdateRollsBack(t *testing.T) {
	m := newMemory(clock)
	in, err := decode([]byte(sample(t, events.AssignRole)), events.AssignRole)
	require.NoError(t, err)
	p := &Process{Memory: m}
	p.load(in)
	before := written(t, m.Stored(in.Request.ID))
	err = m.Update(t.Context(), in.Request.ID, spoil)
	require.ErrorContains(t, err, "no")
	assert.JSONEq(t, before, written(t, m.Stored(in.Request.ID)))
}

func spoil(rec *ledger.Record) error {
	rec.Request.Steps[0].Detail, rec.Account.Grants[0].Name, rec.Account.ObjectID = "spoilt", "spoilt", "spoilt"
	rec.Audit = append(rec.Audit, ledger.Entry{Kind: "spoilt"})
	return errors.New("no")
}

func TestIntakeStoresTheDraft(t *testing.T) {
	catalogue, err := profile.Load(profile.Builtin(), func(any) error { return nil })
	require.NoError(t, err)
	form, err := schema.Compile("request", []byte(schemas.Request))
	require.NoError(t, err)
	for name, status := range map[string]intake.Outcome{"onboard-sam360.json": intake.Accepted, "offboard-sam360.json": intake.Refused} {
		t.Run(name, func(t *testing.T) {
			doc, err := samples.Files.ReadFile(name)
			require.NoError(t, err)
			m := newMemory(clock)
			tenants := func() []account.Tenant {
				return []account.Tenant{{Alias: "contoso", ID: tenantID, Domains: []string{"contoso.onmicrosoft.com"}}}
			}
			n := 0
			desk, err := intake.New(intake.Options{Ledger: m, Tenants: tenants, Profiles: catalogue, Schema: form, Now: clock, NewID: func() string { n++; return fmt.Sprint("id-", n) }})
			require.NoError(t, err)
			answer, err := desk.Accept(t.Context(), doc, intake.Source{Name: "test"})
			require.NoError(t, err)
			assert.Equal(t, status, answer.Status)
			stored := m.Stored(answer.RequestID)
			require.NotNil(t, stored.Request)
			assert.Equal(t, status == intake.Accepted, stored.Account != nil)
			assert.NotEmpty(t, stored.Send)
			assert.NotEmpty(t, stored.Audit)
		})
	}
}
