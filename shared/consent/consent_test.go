package consent_test

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/consent"
	"github.com/usher365/usher/shared/fault"
)

const (
	tenant  = account.TenantID("0550b473-9fd2-4dbb-a058-a1640b4bf458")
	another = "11111111-2222-4333-8444-555555555555"
	app     = "77777777-aaaa-4bbb-8ccc-dddddddddddd"
	graph   = "00000003-0000-0000-c000-000000000000"
)

var ctx = context.Background()

// memory is a Store in memory.
type memory struct {
	mu    sync.Mutex
	links map[string]consent.Link
	err   error
}

func (m *memory) PutLink(_ context.Context, hash string, l consent.Link) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links[hash] = l
	return m.err
}

func (m *memory) Link(_ context.Context, hash string) (consent.Link, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.links[hash]
	return l, ok, m.err
}

func (m *memory) UseLink(_ context.Context, hash string, at time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.links[hash]
	first := l.UsedAt.IsZero()
	l.UsedAt = at
	m.links[hash] = l
	return first, nil
}

// proof answers for a tenant.
type proof struct {
	as           account.TenantID
	held         []account.AppPermission
	signIn, read error
	asked        int
}

func (p *proof) SignIn(context.Context, account.TenantID, string) (account.TenantID, error) {
	p.asked++
	return p.as, p.signIn
}

func (p *proof) Granted(context.Context, account.TenantID, string) ([]account.AppPermission, error) {
	return p.held, p.read
}

func wanted() []account.AppPermission {
	return []account.AppPermission{{Resource: graph, Name: "Mail.Read"}, {Resource: graph, Name: "Mail.Read", Delegated: true}}
}

func ask() consent.Ask {
	return consent.Ask{
		Request: "req-1", Tenant: tenant, AppID: app, Permissions: wanted(), Login: "https://login.microsoftonline.us/",
		Scope: "https://graph.microsoft.us/.default", RedirectURI: "https://usher.example/consent",
	}
}

type bench struct {
	*consent.Links
	store *memory
	proof *proof
	now   time.Time
	state string
}

// handedOut is a link on its way, in a tenant where everything is granted.
func handedOut(t *testing.T) *bench {
	t.Helper()
	b := &bench{store: &memory{links: map[string]consent.Link{}}, proof: &proof{as: tenant, held: wanted()}, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	b.Links = consent.New(b.store, b.proof, consent.Options{Now: func() time.Time { return b.now }, Random: bytes.NewReader(bytes.Repeat([]byte{7}, 32))})
	address, link, err := b.Issue(ctx, ask())
	require.NoError(t, err)
	assert.Equal(t, b.now.Add(time.Hour), link.ExpiresAt)
	u, err := url.Parse(address)
	require.NoError(t, err)
	b.state = u.Query().Get("state")
	return b
}

func (b *bench) answer(more url.Values) url.Values {
	q := url.Values{"state": {b.state}, "admin_consent": {"True"}, "tenant": {string(tenant)}}
	for name, values := range more {
		q[name] = values
	}
	return q
}

func TestAddressOfALink(t *testing.T) {
	b := handedOut(t)
	address := "https://login.microsoftonline.us/" + string(tenant) + "/v2.0/adminconsent?client_id=" + app +
		"&redirect_uri=https%3A%2F%2Fusher.example%2Fconsent&scope=https%3A%2F%2Fgraph.microsoft.us%2F.default&state=" + b.state
	b2 := consent.New(b.store, b.proof, consent.Options{Random: bytes.NewReader(bytes.Repeat([]byte{7}, 32))})
	got, _, err := b2.Issue(ctx, ask())
	require.NoError(t, err)
	assert.Equal(t, address, got)
	for hash := range b.store.links {
		assert.Len(t, hash, 64)
		assert.NotContains(t, hash, b.state)
	}
}

func TestWhatALinkCannotBeMadeOf(t *testing.T) {
	for name, edit := range map[string]func(*consent.Ask){
		"NoRequest": func(a *consent.Ask) { a.Request = "" }, "NoTenant": func(a *consent.Ask) { a.Tenant = "" },
		"NoPermissions": func(a *consent.Ask) { a.Permissions = nil }, "PlainHTTP": func(a *consent.Ask) { a.RedirectURI = "http://usher.example" },
		"NoLogin": func(a *consent.Ask) { a.Login = "" }, "Fragment": func(a *consent.Ask) { a.RedirectURI += "#x" },
	} {
		t.Run(name, func(t *testing.T) {
			a := ask()
			edit(&a)
			_, _, err := consent.New(&memory{links: map[string]consent.Link{}}, &proof{}, consent.Options{}).Issue(ctx, a)
			assert.Error(t, err)
		})
	}
	_, _, err := consent.New(&memory{}, &proof{}, consent.Options{Random: strings.NewReader("short")}).Issue(ctx, ask())
	assert.ErrorContains(t, err, "state")
	_, _, err = consent.New(&memory{links: map[string]consent.Link{}, err: errors.New("disk full")}, &proof{}, consent.Options{}).Issue(ctx, ask())
	assert.ErrorContains(t, err, "disk full")
}

func TestJudge(t *testing.T) {
	declined := url.Values{"error": {"access_denied"}, "error_description": {"AADSTS65004: <b>User declined</b>"}}
	for name, tt := range map[string]struct {
		set    func(*bench)
		answer url.Values
		want   consent.Outcome
		says   string
	}{
		"Granted":            {want: consent.Granted, says: "Mail.Read, Mail.Read (delegated)"},
		"GrantedOfADomain":   {answer: url.Values{"tenant": {"contoso.com"}}, want: consent.Granted},
		"ForgedTenant":       {answer: url.Values{"tenant": {another}}, want: consent.Granted, says: "read back"},
		"Declined":           {answer: declined, want: consent.Declined, says: "(AADSTS65004)"},
		"DeclinedOldPage":    {answer: url.Values{"error": {"permission_denied"}, "error_description": {"The admin canceled the request"}}, want: consent.Declined},
		"NotAnAdministrator": {answer: url.Values{"error": {"access_denied"}, "error_description": {"AADSTS90094: x"}}, want: consent.Declined, says: "refused"},
		"Stranger":           {answer: url.Values{"error": {"access_denied"}, "error_description": {"AADSTS50020: User account"}}, want: consent.OtherTenant},
		"Forged":             {answer: url.Values{"state": {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, want: consent.Unknown},
		"NoState":            {answer: url.Values{"state": nil}, want: consent.Unknown},
		"TwoStates":          {answer: url.Values{"state": {"a", "b"}}, want: consent.Unknown},
		"ShortState":         {answer: url.Values{"state": {"AAAA"}}, want: consent.Unknown},
		"Expired":            {set: func(b *bench) { b.now = b.now.Add(time.Hour) }, want: consent.Expired, says: "new one"},
		"ConsentElsewhere": {set: func(b *bench) { b.proof.signIn = fault.Stopf(fault.ConsentMissing, "AADSTS700016") }, answer: url.Values{"tenant": {another}},
			want: consent.OtherTenant},
		"NotThereYet":  {set: func(b *bench) { b.proof.signIn = fault.NotReadyf(fault.IdentityNotFound, "too new") }, want: consent.Incomplete},
		"Missing":      {set: func(b *bench) { b.proof.held = wanted()[:1] }, want: consent.Incomplete, says: "not granted: Mail.Read (delegated)"},
		"WrongToken":   {set: func(b *bench) { b.proof.as = another }, want: consent.OtherTenant, says: "token"},
		"NothingSaid":  {answer: url.Values{"admin_consent": nil, "tenant": nil}, want: consent.Granted},
		"SaysItIsDone": {set: func(b *bench) { b.proof.held = nil }, want: consent.Incomplete},
	} {
		t.Run(name, func(t *testing.T) {
			b := handedOut(t)
			if tt.set != nil {
				tt.set(b)
			}
			v, err := b.Judge(ctx, b.answer(tt.answer))
			require.NoError(t, err)
			assert.Equal(t, tt.want, v.Outcome)
			assert.Contains(t, v.Reason, tt.says)
			assert.NotContains(t, v.Reason, "<b>", "nothing that the browser sent")
			assert.NotContains(t, v.Reason, b.state)
			if tt.want != consent.Unknown {
				assert.Equal(t, "req-1", v.Link.Request)
			}
		})
	}
}

func TestALinkWorksOnce(t *testing.T) {
	b := handedOut(t)
	for i, want := range []consent.Outcome{consent.Declined, consent.UsedTwice, consent.UsedTwice} {
		v, err := b.Judge(ctx, b.answer(url.Values{"error": {"access_denied"}}))
		require.NoError(t, err)
		assert.Equal(t, want, v.Outcome, i)
	}
	assert.Zero(t, b.proof.asked)
}

func TestOfManyAtOnceOneIsFirst(t *testing.T) {
	b := handedOut(t)
	outcomes := make(chan consent.Outcome, 20)
	var wait sync.WaitGroup
	for range cap(outcomes) {
		wait.Go(func() {
			v, err := b.Judge(ctx, b.answer(url.Values{"error": {"access_denied"}}))
			assert.NoError(t, err)
			outcomes <- v.Outcome
		})
	}
	wait.Wait()
	close(outcomes)
	count := map[consent.Outcome]int{}
	for o := range outcomes {
		count[o]++
	}
	assert.Equal(t, map[consent.Outcome]int{consent.Declined: 1, consent.UsedTwice: 19}, count)
}

// A proof that fails does not lose the answer: it is given again with what the verdict carries.
func TestProofGoesOnAfterAFailure(t *testing.T) {
	b := handedOut(t)
	b.proof.read = fault.Retry(fault.Unreachable, 0, errors.New("no route"))
	v, err := b.Judge(ctx, b.answer(nil))
	assert.True(t, fault.Is(err, fault.Unreachable), err)
	assert.Equal(t, consent.Unproven, v.Outcome)
	b.proof.read, b.proof.signIn = nil, fault.Retry(fault.Throttled, 0, errors.New("429"))
	v, err = b.Prove(ctx, v.Link)
	assert.True(t, fault.Is(err, fault.Throttled), err)
	b.proof.signIn = nil
	v, err = b.Prove(ctx, v.Link)
	require.NoError(t, err)
	assert.Equal(t, consent.Granted, v.Outcome)

	b = handedOut(t)
	b.store.err = errors.New("ledger away")
	v, err = b.Judge(ctx, b.answer(nil))
	assert.ErrorContains(t, err, "ledger away")
	assert.Equal(t, consent.Unproven, v.Outcome)
}

func TestWhatAVerdictMeansForTheRequest(t *testing.T) {
	for outcome, code := range map[consent.Outcome]fault.Code{
		consent.Granted: "", consent.Unknown: "", consent.UsedTwice: "", consent.Unproven: "", consent.Declined: fault.ConsentDeclined,
		consent.OtherTenant: fault.ConsentElsewhere, consent.Expired: fault.ConsentExpired, consent.Incomplete: fault.ConsentNotVisible,
	} {
		err := consent.Verdict{Outcome: outcome, Reason: "why"}.Fault()
		assert.Equal(t, code, fault.CodeOf(err), outcome)
		waits := fault.ClassOf(err) == fault.Waiting
		assert.Equal(t, outcome == consent.Incomplete, waits, outcome)
	}
}

// Whatever a browser brings, only our own state gets past the door, and no text of it is repeated.
func FuzzJudge(f *testing.F) {
	f.Add("state=x&tenant=y&error=access_denied&error_description=AADSTS65004%3a")
	f.Add("admin_consent=True&tenant=0550b473-9fd2-4dbb-a058-a1640b4bf458&state=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc")
	f.Add("state=a&state=b")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		b := handedOut(t)
		v, err := b.Judge(ctx, q)
		require.NoError(t, err)
		if q.Get("state") != b.state || len(q["state"]) != 1 {
			assert.Equal(t, consent.Unknown, v.Outcome)
			assert.Zero(t, b.proof.asked)
		}
	})
}
