package intake_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/events/schemas"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger"
	ledgersqlite "github.com/usher365/usher/shared/ledger/sqlite"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/queue"
	queuesqlite "github.com/usher365/usher/shared/queue/sqlite"
	"github.com/usher365/usher/shared/schema"
)

var start = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

var approvers = []policy.Person{
	{ID: "sven@contoso.com", Name: "Sven Security"}, {ID: "bea@contoso.com", Name: "Bea Boss"},
	{ID: "jane@contoso.com", Name: "Jane Doe"}, {ID: "olga@contoso.com", Name: "Olga Operator"},
}

// office is a desk over an embedded ledger and queue in memory.
type office struct {
	*intake.Desk
	t       testing.TB
	ledger  *ledgersqlite.Ledger
	sent    *outbox
	tenants []account.Tenant
	now     time.Time
}

func open(t testing.TB) *office {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{Path: database.Memory})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	q, err := queuesqlite.New(t.Context(), db, queuesqlite.Options{})
	require.NoError(t, err)
	o := &office{t: t, sent: &outbox{Queue: q}, now: start, tenants: []account.Tenant{
		{Alias: "contoso", ID: "11111111-1111-1111-1111-111111111111", Domains: []string{"contoso.onmicrosoft.com", "contoso.com"},
			Protected: []string{"breakglass@contoso.onmicrosoft.com"}, RoleGroups: []string{"Contoso Helpers"}},
		{Alias: "fabrikam", ID: "22222222-2222-2222-2222-222222222222", Domains: []string{"fabrikam.onmicrosoft.com"}, Cloud: "usgov"},
	}}
	o.ledger, err = ledgersqlite.New(t.Context(), db, o.sent)
	require.NoError(t, err)
	o.Desk, err = intake.New(o.options())
	require.NoError(t, err)
	return o
}

func (o *office) options() intake.Options {
	check, err := schema.Compile("request", []byte(schemas.Request))
	require.NoError(o.t, err)
	profiles, err := profile.Load(profile.Builtin(), nil)
	require.NoError(o.t, err)
	rules, err := policy.Builtin().WithApprovers(approvers)
	require.NoError(o.t, err)
	var ids atomic.Int64
	return intake.Options{
		Policy: rules, Trusted: []string{"approvingdesk"},
		Ledger: o.ledger, Tenants: func() []account.Tenant { return o.tenants }, Profiles: profiles, Schema: check,
		Now: func() time.Time { return o.now }, NewID: func() string { return fmt.Sprintf("%03d", ids.Add(1)) },
	}
}

// outbox is the embedded queue; it also remembers what was sent.
type outbox struct {
	*queuesqlite.Queue
	mu       sync.Mutex
	messages []string
}

func (b *outbox) EnqueueTx(ctx context.Context, tx *sql.Tx, name string, msgs ...queue.Message) error {
	if err := b.Queue.EnqueueTx(ctx, tx, name, msgs...); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range msgs {
		b.messages = append(b.messages, name+" "+m.ID)
	}
	return nil
}

// take gives what was sent since the last time.
func (b *outbox) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.messages
	b.messages = nil
	return taken
}

func request(t testing.TB, name string) events.Request {
	t.Helper()
	text, err := samples.Files.ReadFile(name + ".json")
	require.NoError(t, err)
	var req events.Request
	require.NoError(t, json.Unmarshal(text, &req))
	return req
}

func text(t testing.TB, req events.Request) []byte {
	t.Helper()
	b, err := json.Marshal(req)
	require.NoError(t, err)
	return b
}

// post sends a request under a delivery id of its own.
func (o *office) post(req events.Request) intake.Answer {
	o.t.Helper()
	return o.postText(text(o.t, req), "")
}

func (o *office) postText(body []byte, delivery string) intake.Answer {
	o.t.Helper()
	a, err := o.Accept(o.t.Context(), body, intake.Source{Name: "servicenow", Delivery: delivery})
	require.NoError(o.t, err)
	return a
}

// accepted posts a sample and gives its request, after those have agreed who must.
func (o *office) accepted(sample string) account.Request {
	o.t.Helper()
	a := o.post(request(o.t, sample))
	require.NotEqual(o.t, intake.Refused, a.Status, a.Reason)
	if a.Status == intake.Parked {
		o.agree(a.RequestID)
	}
	return o.request(a.RequestID)
}

// agree gives a parked request the approvals that it needs.
func (o *office) agree(id string) {
	o.t.Helper()
	for _, who := range approvers {
		if account.StateOf(o.request(id)) == account.Parked {
			_, err := o.Approve(o.t.Context(), id, account.Approval{By: who.ID})
			require.NoError(o.t, err)
		}
	}
}

func (o *office) request(id string) account.Request {
	o.t.Helper()
	r, err := o.ledger.Request(o.t.Context(), id)
	require.NoError(o.t, err)
	return r
}

func (o *office) requests() []account.Request {
	o.t.Helper()
	all, err := o.ledger.Requests(o.t.Context(), ledger.Filter{Limit: -1})
	require.NoError(o.t, err)
	return all
}

func (o *office) account(id string) account.Account {
	o.t.Helper()
	a, err := o.ledger.Account(o.t.Context(), id)
	require.NoError(o.t, err)
	return a
}

func (o *office) kinds(requestID string) (kinds []string) {
	o.t.Helper()
	lines, err := o.ledger.Timeline(o.t.Context(), requestID)
	require.NoError(o.t, err)
	for _, l := range lines {
		kinds = append(kinds, l.Kind)
	}
	return kinds
}

// run does what the runner would: it finishes a request's steps, but for those named.
func (o *office) run(id string, but ...string) {
	o.t.Helper()
	err := o.ledger.Update(o.t.Context(), id, func(rec *ledger.Record) error {
		open := 0
		for i := range rec.Request.Steps {
			s := &rec.Request.Steps[i]
			if slices.Contains(but, s.Name) {
				open++
				continue
			}
			s.State, s.Attempt, s.FinishedAt = account.StepDone, 1, o.now
		}
		leaving := rec.Request.Action == account.Offboard
		for i := range rec.Account.Grants {
			rec.Account.Grants[i].State = account.GrantGiven
			if leaving {
				rec.Account.Grants[i].State = account.GrantTaken
			}
		}
		switch {
		case leaving && open == 0:
			rec.Account.State, rec.Account.RevokedAt = account.AccountGone, o.now
		case !leaving:
			rec.Account.State, rec.Account.RevokedAt = account.AccountActive, time.Time{}
			rec.Account.ObjectID = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
		}
		return nil
	})
	require.NoError(o.t, err)
}
