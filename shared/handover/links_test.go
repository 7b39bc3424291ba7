package handover_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/handover"
)

// store is a Store in memory that fails on command.
type store struct {
	mu       sync.Mutex
	values   map[string][]byte
	down     error
	lostSwap error
	// between runs before a swap, for what others do meanwhile.
	between func()
}

func (s *store) Note(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[name], s.down
}

func (s *store) SwapNote(_ context.Context, name string, old, value []byte) (bool, error) {
	if f := s.between; f != nil {
		s.between = nil
		f()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return false, s.down
	}
	now, there := s.values[name]
	if there != (old != nil) || !bytes.Equal(now, old) {
		return false, nil
	}
	s.values[name] = value
	return s.lostSwap == nil, s.lostSwap
}

// vault is a Vault with one password.
type vault struct {
	mu     sync.Mutex
	opened int
	down   error
	empty  bool
}

func (v *vault) Open(ctx context.Context, ref string) (account.Secret, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.opened++
	if err := errors.Join(v.down, ctx.Err()); err != nil {
		return account.Secret{}, err
	}
	if v.empty {
		return account.Secret{}, nil
	}
	return account.NewSecret(canary), nil
}

const (
	key  = "req-0001"
	ref  = "file:tenant/acc-1"
	name = "svc-sam360@contoso.onmicrosoft.com"
)

// desk is Links with everything around it.
type desk struct {
	t *testing.T
	*handover.Links
	store    *store
	vault    *vault
	page     http.Handler
	log      *bytes.Buffer
	now      time.Time
	mu       sync.Mutex
	alarms   []handover.Alarm
	revealed []handover.Handover
	// deaf is what those who are told answer.
	deaf error
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, store: &store{values: map[string][]byte{}}, vault: &vault{}, log: &bytes.Buffer{}, now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	links, err := handover.NewLinks(d.options())
	require.NoError(t, err)
	d.Links = links
	d.page, err = links.Handler()
	require.NoError(t, err)
	t.Cleanup(d.checkSilence)
	return d
}

func (d *desk) options() handover.Options {
	return handover.Options{
		Store: d.store, Vault: d.vault, Address: "https://usher.example.com/handover/", Life: 2 * time.Hour,
		Now: func() time.Time { d.mu.Lock(); defer d.mu.Unlock(); return d.now },
		Log: slog.New(slog.NewTextHandler(&locked{w: d.log, mu: &d.mu}, nil)),
		Alarm: func(ctx context.Context, a handover.Alarm) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.alarms = append(d.alarms, a)
			return errors.Join(d.deaf, ctx.Err())
		},
		Revealed: func(ctx context.Context, h handover.Handover) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.revealed = append(d.revealed, h)
			return errors.Join(d.deaf, ctx.Err())
		},
	}
}

// locked is a writer for several at once.
type locked struct {
	w  *bytes.Buffer
	mu *sync.Mutex
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// checkSilence proves that the password is in nothing that is kept or told.
func (d *desk) checkSilence() {
	kept := fmt.Sprintf("%s %+v %+v", d.log, d.alarms, d.revealed)
	for name, value := range d.store.values {
		kept += name + string(value)
	}
	assert.NotContains(d.t, kept, canary)
}

func (d *desk) make() string {
	d.t.Helper()
	link, err := d.Make(d.t.Context(), key, ref, name)
	require.NoError(d.t, err)
	return link.Address.Reveal()
}

func (d *desk) visit(method, address string) *httptest.ResponseRecorder {
	d.t.Helper()
	w := httptest.NewRecorder()
	d.page.ServeHTTP(w, httptest.NewRequestWithContext(d.t.Context(), method, address, nil))
	if method != http.MethodPost {
		assert.NotContains(d.t, w.Body.String(), canary)
	}
	return w
}

func (d *desk) state() handover.State {
	d.t.Helper()
	h, known, err := d.Look(d.t.Context(), key)
	require.NoError(d.t, err)
	require.True(d.t, known)
	return h.State
}

func TestRevealOnce(t *testing.T) {
	d := newDesk(t)
	link, err := d.Make(t.Context(), key, ref, name)
	require.NoError(t, err)
	address := link.Address.Reveal()
	assert.Regexp(t, `^https://usher\.example\.com/handover/req-0001/[A-Za-z0-9_-]{43}$`, address)
	assert.Equal(t, handover.Open, link.State)
	assert.Equal(t, d.now.Add(2*time.Hour), link.ExpiresAt)
	assert.NotContains(t, fmt.Sprintf("%+v", link), address[len(address)-43:], "a link is not printed by accident")
	assert.Zero(t, d.vault.opened, "a link is made without looking at the password")

	w := d.visit("POST", address)
	assert.Equal(t, 200, w.Code)
	assert.Contains(t, w.Body.String(), canary)
	assert.Contains(t, w.Body.String(), name)
	assert.Equal(t, handover.Revealed, d.state())
	require.Len(t, d.revealed, 1)
	assert.Equal(t, handover.Handover{Key: key, Account: name, Ref: "file:tenant/acc-1", State: handover.Revealed, MadeAt: d.now, ExpiresAt: d.now.Add(2 * time.Hour), RevealedAt: d.now}, d.revealed[0])
	assert.Empty(t, d.alarms)

	d.now = d.now.Add(time.Minute)
	again := d.visit("POST", address)
	assert.Equal(t, 410, again.Code)
	assert.NotContains(t, again.Body.String(), canary)
	require.Len(t, d.alarms, 1)
	assert.Equal(t, handover.VisitedAgain, d.alarms[0].Reason)
	assert.True(t, d.alarms[0].Pressed)
	assert.Equal(t, time.Minute, d.alarms[0].At.Sub(d.alarms[0].RevealedAt))
	for range 3 {
		assert.Equal(t, 410, d.visit("POST", address).Code)
		assert.Equal(t, 410, d.visit("GET", address).Code)
	}
	assert.Len(t, d.alarms, 1, "one alarm says it")
	assert.Equal(t, 1, d.vault.opened)
}

// What mail filters, chat previews and prefetching browsers do costs nobody a password.
func TestScannersBurnNothing(t *testing.T) {
	d := newDesk(t)
	address := d.make()
	for range 20 {
		for _, method := range []string{"GET", "HEAD"} {
			assert.Equal(t, 200, d.visit(method, address).Code)
		}
		for _, method := range []string{"OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND"} {
			w := d.visit(method, address)
			assert.Equal(t, 405, w.Code)
			assert.Equal(t, "GET, HEAD, POST", w.Header().Get("Allow"))
		}
	}
	assert.Zero(t, d.vault.opened)
	assert.Contains(t, d.visit("POST", address).Body.String(), canary)

	assert.Equal(t, 410, d.visit("HEAD", address).Code)
	assert.Empty(t, d.alarms, "nobody reads a HEAD")
	assert.Equal(t, 410, d.visit("GET", address).Code)
	require.Len(t, d.alarms, 1)
	assert.False(t, d.alarms[0].Pressed)
}

func TestManyAtOnce(t *testing.T) {
	d := newDesk(t)
	address := d.make()
	codes, shown := map[int]int{}, 0
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			method := "POST"
			if i%5 == 0 {
				method = "GET"
			}
			w := d.visit(method, address)
			d.mu.Lock()
			defer d.mu.Unlock()
			codes[w.Code]++
			shown += strings.Count(w.Body.String(), canary)
		})
	}
	group.Wait()
	assert.Equal(t, 1, shown, "%v", codes)
	assert.GreaterOrEqual(t, codes[410], 39)
	assert.NotEmpty(t, d.alarms)
	assert.Len(t, d.revealed, 1)
}

func TestLinksEnd(t *testing.T) {
	d := newDesk(t)
	address := d.make()
	d.now = d.now.Add(2*time.Hour - time.Second)
	assert.Equal(t, 200, d.visit("GET", address).Code)
	d.now = d.now.Add(time.Second)
	for _, method := range []string{"GET", "POST", "HEAD"} {
		assert.Equal(t, 410, d.visit(method, address).Code)
	}
	assert.Equal(t, handover.Expired, d.state())
	assert.Zero(t, d.vault.opened)
	assert.Empty(t, d.alarms, "nobody saw it")

	second := d.make()
	assert.Equal(t, 404, d.visit("POST", address).Code)
	assert.Contains(t, d.visit("POST", second).Body.String(), canary, "what expired unseen may be handed over yet")
}

// A step that is repeated leaves one link that works.
func TestMadeAgain(t *testing.T) {
	d := newDesk(t)
	first, second := d.make(), d.make()
	assert.NotEqual(t, first, second)
	assert.Equal(t, 404, d.visit("POST", first).Code)
	assert.Contains(t, d.visit("POST", second).Body.String(), canary)
	_, err := d.Make(t.Context(), key, ref, name)
	require.ErrorIs(t, err, handover.ErrRevealed)
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))
}

func TestWithdraw(t *testing.T) {
	d := newDesk(t)
	h, err := d.Withdraw(t.Context(), key)
	require.NoError(t, err)
	assert.Zero(t, h)
	address := d.make()
	for range 2 {
		h, err = d.Withdraw(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, handover.Withdrawn, h.State)
	}
	assert.Equal(t, 410, d.visit("POST", address).Code)
	assert.Zero(t, d.vault.opened)
	assert.Empty(t, d.alarms)
	_, err = d.Make(t.Context(), key, ref, name)
	require.ErrorIs(t, err, handover.ErrWithdrawn)
}

func TestWithdrawnAfterTheReveal(t *testing.T) {
	d := newDesk(t)
	d.visit("POST", d.make())
	h, err := d.Withdraw(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, handover.Revealed, h.State, "what was seen stays seen")
}

// A withdrawal, or a new link, that comes between the look and the mark wins.
func TestOvertaken(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile func(*desk)
		code      int
	}{
		"withdrawn":  {func(d *desk) { _, err := d.Withdraw(d.t.Context(), key); require.NoError(d.t, err) }, 410},
		"made again": {func(d *desk) { d.make() }, 404},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			address := d.make()
			d.store.between = func() { tt.meanwhile(d) }
			w := d.visit("POST", address)
			assert.Equal(t, tt.code, w.Code)
			assert.NotContains(t, w.Body.String(), canary)
		})
	}
}

func TestLookOfNothing(t *testing.T) {
	d := newDesk(t)
	_, known, err := d.Look(t.Context(), key)
	require.NoError(t, err)
	assert.False(t, known)
}

func TestMakeRefuses(t *testing.T) {
	d := newDesk(t)
	for _, bad := range [][3]string{
		{"", ref, name}, {"../x", ref, name}, {"a/b", ref, name}, {"a b", ref, name}, {strings.Repeat("a", 129), ref, name}, {key, "", name}, {key, ref, ""},
	} {
		_, err := d.Make(t.Context(), bad[0], bad[1], bad[2])
		assert.True(t, fault.Is(err, fault.MalformedCommand), "%q", bad)
	}
	o := d.options()
	o.Random = strings.NewReader("short")
	links, err := handover.NewLinks(o)
	require.NoError(t, err)
	_, err = links.Make(t.Context(), key, ref, name)
	require.Error(t, err)
	assert.Empty(t, d.store.values)
}

func TestOptionsThatAreRefused(t *testing.T) {
	d := newDesk(t)
	for says, edit := range map[string]func(*handover.Options){
		"are needed":              func(o *handover.Options) { o.Store = nil },
		"a clock are needed":      func(o *handover.Options) { o.Now = nil },
		"must begin with https":   func(o *handover.Options) { o.Address = "http://usher.example.com/handover" },
		"not an address":          func(o *handover.Options) { o.Address = "handover" },
		"{x}\" is not an address": func(o *handover.Options) { o.Address = "https://usher.example.com/{x}" },
		"give at most 168h0m0":    func(o *handover.Options) { o.Life = 8 * 24 * time.Hour },
	} {
		o := d.options()
		edit(&o)
		_, err := handover.NewLinks(o)
		require.ErrorContains(t, err, says)
	}
	o := d.options()
	o.Address, o.Alarm = "http://127.0.0.1:8080/h", nil
	links, err := handover.NewLinks(o)
	require.NoError(t, err, "who makes links needs no alarm")
	_, err = links.Handler()
	require.ErrorContains(t, err, "an alarm are needed")
}
