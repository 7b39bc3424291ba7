package longsync

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/sqlite"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	tenant = tenantfake.DefaultTenantID
	// crowd is how many people the tenant has beside those of tenantfake.DefaultTenant.
	crowd = 95
	// pages of a listing of all of them, at pageSize users each.
	pages, pageSize = 20, 5
	// pageTakes is how long the tenant takes for a page of users, and allowed how long a
	// delivery may take: enough for two pages, of which it learns after the second.
	pageTakes, allowed = 20 * time.Second, 50 * time.Second
	role               = "f023fd81-a637-4b56-95fd-791ac0226033"
	roleGroup          = "View-Only Organization Management"
)

// scene is a tenant, the ledger of one installation, and the runner of fullsync. Time is
// that of synctest.
type scene struct {
	*testing.T
	server  *tenantfake.Server
	world   *tenantfake.Tenant
	db      *database.DB
	ledger  *sqlite.Ledger
	runner  *step.Runner
	expired []string
	lines   []step.Line
}

func open(t *testing.T) *scene {
	s := &scene{T: t, server: tenantfake.New(tenantfake.Options{Rand: rand.NewChaCha8([32]byte{})})}
	s.world = s.server.AddTenant(tenantfake.DefaultTenant())
	s.world.AddUsers(crowd)
	s.world.SetPageSize(pageSize)
	s.server.OnCall(func(c tenantfake.Call) (d tenantfake.Decision) {
		if c.Template == "/users" {
			d.Delay = pageTakes
		}
		return d
	})
	var err error
	s.db, err = database.Open(t.Context(), database.Options{Path: database.Memory})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })
	s.ledger, err = sqlite.New(t.Context(), s.db, nowhere{})
	require.NoError(t, err)
	tokens := 0
	s.runner = step.New(step.Options{
		Ledger: s.ledger, Now: time.Now, Random: func() float64 { return 0 },
		Tenant: func(id account.TenantID) (account.Tenant, bool) {
			return account.Tenant{ID: id, Alias: "contoso"}, true
		},
		NewToken: func() string { tokens++; return fmt.Sprint(tokens) },
		Observe:  func(_ context.Context, l step.Line) { s.lines = append(s.lines, l) },
	})
	handler := fullsync.New(s.directory(), everybody{}, s.ledger, s.ledger, s, time.Now)
	step.Handle(s.runner, events.FullSync, fullsync.Policy, handler.Handle)
	s.manage()
	return s
}

// nowhere takes the messages that the ledger sends; none is looked at.
type nowhere struct{}

func (nowhere) EnqueueTx(context.Context, *sql.Tx, string, ...queue.Message) error { return nil }
func (nowhere) Wake()                                                              {}

// everybody is an Exchange whose role groups have every account as a member.
type everybody struct{}

func (everybody) HoldersOf(_ context.Context, _ account.TenantID, _ string, of ...account.Member) ([]bool, error) {
	are := make([]bool, len(of))
	for i := range are {
		are[i] = true
	}
	return are, nil
}

// Expire is fullsync.Desk.
func (s *scene) Expire(_ context.Context, a account.Account, _ string, _ events.Offboard) error {
	s.expired = append(s.expired, a.ID)
	return nil
}

// SyncTargets is fullsync.Desk; there is no connection here.
func (s *scene) SyncTargets(context.Context, account.Account) error { return nil }

func (s *scene) directory() *entra.Client {
	transport := &http.Client{Transport: s.server.Transport()}
	c, err := entra.New(entra.Options{
		Credential: func(id account.TenantID) (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(string(id), tenantfake.DefaultClientID, tenantfake.DefaultClientSecret, &azidentity.ClientSecretCredentialOptions{
				ClientOptions: policy.ClientOptions{
					Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example.test"},
					Transport: transport,
				},
				DisableInstanceDiscovery: true,
			})
		},
		Endpoint: "https://graph.example.test", Scope: "https://graph.microsoft.com/.default", Transport: transport,
	})
	require.NoError(s, err)
	return c
}

// manage makes some of the crowd accounts of ours, spread over the pages, each in
// another state.
func (s *scene) manage() {
	people := s.world.Users()
	for i, state := range []string{"well", "gone", "disabled", "stripped", "old"} {
		person := people[10+20*i]
		s.world.AssignRoleByHand(person.ID, role)
		a := account.Account{
			ID: state, Tenant: tenant, ObjectID: person.ID, UserPrincipalName: person.UserPrincipalName,
			Origin: account.Created, State: account.AccountActive, RequestID: "req-" + state,
			Owner: account.Owner{Email: "somebody@contoso.onmicrosoft.com"},
			Grants: []account.Grant{
				{Kind: account.DirectoryRole, Target: role, Name: "Service Support Administrator", State: account.GrantGiven, Ours: true},
				{Kind: account.RoleGroup, Target: roleGroup, Name: roleGroup, State: account.GrantGiven, Ours: true},
			},
		}
		switch state {
		case "gone":
			s.world.DeleteUserByHand(person.ID)
		case "disabled":
			s.world.DisableByHand(person.ID)
		case "stripped":
			s.world.RemoveRoleByHand(person.ID, role)
		case "old":
			a.ExpiresAt = time.Now().Add(-time.Hour)
		}
		s.accept(account.Request{ID: a.RequestID, Action: account.Onboard, Tenant: tenant, AccountID: a.ID, UserPrincipalName: a.UserPrincipalName}, a)
	}
}

func (s *scene) accept(r account.Request, a account.Account) {
	s.Helper()
	_, err := s.ledger.Accept(s.Context(), ledger.Keys{Tenant: tenant, UserPrincipalName: r.UserPrincipalName, Action: r.Action},
		func(ledger.Situation) (ledger.Draft, error) {
			return ledger.Draft{Record: ledger.Record{Request: r, Account: a}}, nil
		})
	require.NoError(s, err)
}

// order starts a sync and gives its first message.
func (s *scene) order(id string) queue.Message {
	s.Helper()
	r := account.Request{ID: id, Action: account.Sync, Tenant: tenant, CreatedAt: time.Now(), Steps: []account.Step{{
		Name: events.FullSync, Function: events.FullSync, Title: "Compare tenant contoso",
		Args: []byte(`{"run":"run-` + id + `"}`), State: account.StepPending,
	}}}
	s.accept(r, account.Account{})
	return step.Begin(&r, &r.Steps[0], "contoso", time.Now()).Message
}

// deliver hands a message over, with so much time; zero is as much as there is.
func (s *scene) deliver(m queue.Message, time time.Duration) queue.Outcome {
	s.Helper()
	ctx := s.Context()
	if time > 0 {
		limited, cancel := context.WithTimeout(ctx, time)
		defer cancel()
		ctx = limited
	}
	return s.runner.Deliver(ctx, queue.Delivery{Message: m, Queue: events.FullSync, Count: 1})
}

// next delivers a message in the usual time, and gives the one that follows when it is due.
func (s *scene) next(m queue.Message) queue.Message {
	s.Helper()
	out := s.deliver(m, allowed)
	require.Equal(s, queue.Retry, out.Verb, "%+v", s.lines[len(s.lines)-1])
	require.NotEqual(s, m.ID, out.Next.ID)
	time.Sleep(time.Until(out.Next.NotBefore))
	return out.Next
}

// toTheEnd delivers a message and what follows it, and counts the deliveries.
func (s *scene) toTheEnd(m queue.Message) (deliveries int) {
	s.Helper()
	for deliveries = 1; ; deliveries++ {
		out := s.deliver(m, allowed)
		if out.Verb == queue.Complete {
			return deliveries
		}
		require.Equal(s, queue.Retry, out.Verb, "%s: %s", out.Reason, out.Text)
		m = out.Next
		time.Sleep(time.Until(m.NotBefore))
	}
}

// pagesRead counts the pages of users that the tenant was asked for.
func (s *scene) pagesRead() (n int) {
	for _, c := range s.server.Log() {
		if c.Template == "/users" {
			n++
		}
	}
	return n
}

// left is what a sync leaves: all that must not depend on how many deliveries it took.
type left struct {
	Inventory []string
	Run       ledger.SyncRun
	Audit     []string
	Expired   []string
}

func (s *scene) left(request string) (l left) {
	s.Helper()
	require.NoError(s, s.db.Read(s.Context(), func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT u.object_id, u.is_licensed, u.doc FROM inventory_users u
			JOIN inventories i ON i.tenant = u.tenant AND i.generation = u.generation ORDER BY u.object_id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, doc string
			var licensed int
			if err := rows.Scan(&id, &licensed, &doc); err != nil {
				return err
			}
			l.Inventory = append(l.Inventory, fmt.Sprint(id, licensed, doc))
		}
		return rows.Err()
	}))
	runs, err := s.ledger.Runs(s.Context(), tenant, -1)
	require.NoError(s, err)
	for _, run := range runs {
		if run.RequestID == request {
			l.Run = run
		}
	}
	l.Run.StartedAt, l.Run.FinishedAt, l.Run.RequestID = time.Time{}, time.Time{}, ""
	lines, err := s.ledger.Timeline(s.Context(), request)
	require.NoError(s, err)
	for _, line := range lines {
		if line.Kind == "fullsync.failed" {
			continue
		}
		l.Audit = append(l.Audit, line.Kind+" "+line.Text)
	}
	l.Expired = s.expired
	return l
}

// rows counts what lies in the table of inventories' users, finished or not.
func (s *scene) rows() (n int) {
	s.Helper()
	require.NoError(s, s.db.Read(s.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM inventory_users`).Scan(&n)
	}))
	return n
}

func (s *scene) step(request string) account.Step {
	s.Helper()
	r, err := s.ledger.Request(s.Context(), request)
	require.NoError(s, err)
	return r.Steps[0]
}
