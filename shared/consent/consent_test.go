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
)

const (
	tenant  = account.TenantID("0550b473-9fd2-4dbb-a058-a1640b4bf458")
	another = "11111111-2222-4333-8444-555555555555"
	app     = "77777777-aaaa-4bbb-8ccc-dddddddddddd"
)

var ctx = context.Background()

// memory is a Store in memory.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
	err    error
}

func newMemory() *memory { return &memory{values: map[string][]byte{}} }

func (m *memory) Note(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[name], m.err
}

func (m *memory) SwapNote(_ context.Context, name string, old, value []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, there := m.values[name]
	if m.err != nil || there != (old != nil) || !bytes.Equal(now, old) {
		return false, m.err
	}
	m.values[name] = value
	return true, nil
}

func ask() consent.Ask {
	return consent.Ask{
		Request: "req-1", Step: "grantconsent-vendor", Tenant: tenant, AppID: app, Login: "https://login.microsoftonline.us/",
		Scope: "https://graph.microsoft.us/.default", RedirectURI: "https://usher.example/consent",
	}
}

type bench struct {
	*testing.T
	*consent.Links
	store *memory
	now   time.Time
	state string
}

// handedOut is a link on its way.
func handedOut(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, store: newMemory(), now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	b.Links = consent.New(b.store, consent.Options{Now: func() time.Time { return b.now }})
	b.state = b.issue()
	return b
}

// issue makes a link and gives its state.
func (b *bench) issue() string {
	b.Helper()
	address, link, err := b.Issue(ctx, ask())
	require.NoError(b, err)
	assert.Equal(b, b.now.Add(24*time.Hour), link.ExpiresAt)
	u, err := url.Parse(address.Reveal())
	require.NoError(b, err)
	return u.Query().Get("state")
}

func (b *bench) answer(more url.Values) url.Values {
	q := url.Values{"state": {b.state}, "admin_consent": {"True"}, "tenant": {string(tenant)}}
	for name, values := range more {
		q[name] = values
	}
	return q
}

func TestAddressOfALink(t *testing.T) {
	store := newMemory()
	links := consent.New(store, consent.Options{Random: bytes.NewReader(bytes.Repeat([]byte{7}, 32))})
	got, _, err := links.Issue(ctx, ask())
	require.NoError(t, err)
	state := "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"
	assert.Equal(t, "https://login.microsoftonline.us/"+string(tenant)+"/v2.0/adminconsent?client_id="+app+
		"&redirect_uri=https%3A%2F%2Fusher.example%2Fconsent&scope=https%3A%2F%2Fgraph.microsoft.us%2F.default&state="+state, got.Reveal())
	for name, value := range store.values {
		assert.NotContains(t, name+string(value), state, "only the hash of a state is kept")
	}
}

func TestWhatALinkCannotBeMadeOf(t *testing.T) {
	for name, edit := range map[string]func(*consent.Ask){
		"NoRequest": func(a *consent.Ask) { a.Request = "" }, "NoTenant": func(a *consent.Ask) { a.Tenant = "" },
		"NoStep": func(a *consent.Ask) { a.Step = "" }, "PlainHTTP": func(a *consent.Ask) { a.RedirectURI = "http://usher.example" },
		"NoLogin": func(a *consent.Ask) { a.Login = "" }, "Fragment": func(a *consent.Ask) { a.RedirectURI += "#x" },
	} {
		t.Run(name, func(t *testing.T) {
			a := ask()
			edit(&a)
			_, _, err := consent.New(newMemory(), consent.Options{}).Issue(ctx, a)
			assert.Error(t, err)
		})
	}
	_, _, err := consent.New(newMemory(), consent.Options{Random: strings.NewReader("short")}).Issue(ctx, ask())
	assert.ErrorContains(t, err, "state")
	_, _, err = consent.New(&memory{err: errors.New("disk full")}, consent.Options{}).Issue(ctx, ask())
	assert.ErrorContains(t, err, "disk full")
	here := ask()
	here.RedirectURI = "http://127.0.0.1:8080/consent/callback"
	_, _, err = consent.New(newMemory(), consent.Options{}).Issue(ctx, here)
	assert.NoError(t, err, "this machine needs no TLS")
}

func TestJudge(t *testing.T) {
	refused := func(text string) url.Values {
		return url.Values{"error": {"access_denied"}, "error_description": {text}}
	}
	for name, tt := range map[string]struct {
		set    func(*bench)
		answer url.Values
		want   consent.Outcome
		says   string
	}{
		"Yes":                {want: consent.Claimed, says: "yes"},
		"YesOfADomain":       {answer: url.Values{"tenant": {"contoso.com"}}, want: consent.Claimed},
		"NothingSaid":        {answer: url.Values{"admin_consent": nil, "tenant": nil}, want: consent.Claimed},
		"Declined":           {answer: refused("AADSTS65004: <b>User declined</b>"), want: consent.Declined, says: "(AADSTS65004)"},
		"DeclinedOldPage":    {answer: refused("The admin canceled the request"), want: consent.Declined},
		"NotAnAdministrator": {answer: refused("AADSTS90094: x"), want: consent.Declined, says: "refused"},
		"Stranger":           {answer: refused("AADSTS50020: User account"), want: consent.OtherTenant},
		"Forged":             {answer: url.Values{"state": {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, want: consent.Unknown},
		"NoState":            {answer: url.Values{"state": nil}, want: consent.Unknown},
		"TwoStates":          {answer: url.Values{"state": {"a", "b"}}, want: consent.Unknown},
		"ShortState":         {answer: url.Values{"state": {"AAAA"}}, want: consent.Unknown},
		"Expired":            {set: func(b *bench) { b.now = b.now.Add(24 * time.Hour) }, want: consent.Expired, says: "new one"},
		"Replaced":           {set: func(b *bench) { b.issue() }, want: consent.Replaced, says: "newer"},
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
			latest, _, err := b.Latest(ctx, "req-1", "grantconsent-vendor")
			require.NoError(t, err)
			assert.Equal(t, v.Counts(), latest.Answer != nil)
			if v.Counts() {
				assert.Equal(t, v.Link, latest)
				assert.False(t, latest.Answer.Elsewhere)
			}
		})
	}
}

func TestAClaimThatNamesAnotherTenantIsAClaim(t *testing.T) {
	b := handedOut(t)
	v, err := b.Judge(ctx, b.answer(url.Values{"tenant": {another}}))
	require.NoError(t, err)
	assert.Equal(t, consent.Claimed, v.Outcome)
	assert.True(t, v.Link.Answer.Elsewhere)
}

func TestOfManyAtOnceOneIsFirst(t *testing.T) {
	b := handedOut(t)
	outcomes := make(chan consent.Outcome, 20)
	var wait sync.WaitGroup
	for range cap(outcomes) {
		wait.Go(func() {
			v, err := b.Judge(ctx, b.answer(url.Values{"error": {"access_denied"}}))
			assert.NoError(t, err)
			assert.Equal(t, v.Outcome == consent.Declined, v.Counts())
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

func TestAnAnswerThatCannotBeKeptMayComeAgain(t *testing.T) {
	b := handedOut(t)
	b.store.err = errors.New("ledger away")
	v, err := b.Judge(ctx, b.answer(nil))
	assert.ErrorContains(t, err, "ledger away")
	assert.False(t, v.Counts())
	b.store.err = nil
	v, err = b.Judge(ctx, b.answer(nil))
	require.NoError(t, err)
	assert.True(t, v.Counts())
	_, found, err := b.Latest(ctx, "req-1", "another-step")
	require.NoError(t, err)
	assert.False(t, found)
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
		}
	})
}
