package handover_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/handover"
)

var errAway = errors.New("away for a moment")

// What is away for a moment costs nobody the link.
func TestAwayForAMoment(t *testing.T) {
	for name, fail := range map[string]func(*desk, error){
		"vault": func(d *desk, err error) { d.vault.down = err },
		"store": func(d *desk, err error) { d.store.down = err },
		"empty": func(d *desk, err error) { d.vault.empty = err != nil },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			address := d.make()
			fail(d, errAway)
			w := d.visit("POST", address)
			assert.Equal(t, 503, w.Code)
			assert.Equal(t, "30", w.Header().Get("Retry-After"))
			assert.NotContains(t, w.Body.String(), errAway.Error(), "the visitor is not told why")
			assert.Contains(t, d.log.String(), key)
			fail(d, nil)
			assert.Contains(t, d.visit("POST", address).Body.String(), canary)
		})
	}
}

// A store that cannot say whether the link was marked shows nothing, now or later.
func TestALostAnswerOfTheStore(t *testing.T) {
	d := newDesk(t)
	address := d.make()
	d.store.lostSwap = errAway
	w := d.visit("POST", address)
	assert.Equal(t, 503, w.Code)
	assert.NotContains(t, w.Body.String(), canary)
	d.store.lostSwap = nil
	assert.Equal(t, 410, d.visit("POST", address).Code)
	assert.Len(t, d.alarms, 1)
}

func TestStoreAway(t *testing.T) {
	d := newDesk(t)
	d.store.down = errAway
	_, err := d.Make(t.Context(), key, ref, name)
	require.ErrorIs(t, err, errAway)
	_, err = d.Withdraw(t.Context(), key)
	require.ErrorIs(t, err, errAway)
	_, _, err = d.Look(t.Context(), key)
	require.ErrorIs(t, err, errAway)
	assert.Equal(t, 503, d.visit("GET", "https://usher.example.com/handover/"+key+"/token").Code)
}

func TestDamagedRecords(t *testing.T) {
	for _, stored := range []string{"{", "[]", "{}", `{"token":"AAAA","ref":"x","expiresAt":"2026-11-22T09:00:00Z"}`, `{"token":7}`} {
		d := newDesk(t)
		d.store.values["handover/"+key] = []byte(stored)
		_, _, err := d.Look(t.Context(), key)
		assert.True(t, fault.Is(err, fault.LedgerUnavailable), stored)
		assert.Equal(t, 503, d.visit("POST", "https://usher.example.com/handover/"+key+"/token").Code)
	}
}

// A visitor who has gone away by the time the vault answers leaves the link as it was.
func TestGoneBeforeTheReveal(t *testing.T) {
	d := newDesk(t)
	address := d.make()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	d.page.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", address, nil))
	assert.NotContains(t, w.Body.String(), canary)
	assert.Equal(t, handover.Open, d.state())
}

// broken is a connection that breaks when the page is written.
type broken struct{ http.ResponseWriter }

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// cut is a connection that breaks when the page goes out.
type cut struct{ *httptest.ResponseRecorder }

func (cut) FlushError() error { return errors.New("broken pipe") }

func TestThePageDidNotGoOut(t *testing.T) {
	for name, over := range map[string]func(*httptest.ResponseRecorder) http.ResponseWriter{
		"written": func(w *httptest.ResponseRecorder) http.ResponseWriter { return broken{w} },
		"flushed": func(w *httptest.ResponseRecorder) http.ResponseWriter { return cut{w} },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			r := httptest.NewRequestWithContext(t.Context(), "POST", d.make(), nil)
			d.page.ServeHTTP(over(httptest.NewRecorder()), r)
			require.Len(t, d.alarms, 1)
			assert.Equal(t, handover.NotDelivered, d.alarms[0].Reason)
			assert.Equal(t, handover.Revealed, d.state(), "it is not shown a second time")
		})
	}
}

// Whoever hangs up at once is told of all the same.
func TestGoneBeforeTheAlarm(t *testing.T) {
	d := newDesk(t)
	address := d.make()
	d.visit("POST", address)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.page.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", address, nil))
	require.Len(t, d.alarms, 1)
	assert.Empty(t, d.log.String())
}

// An alarm that cannot be noted is raised again.
func TestAnAlarmThatIsNotNoted(t *testing.T) {
	d := newDesk(t)
	address := d.make()
	d.visit("POST", address)
	d.store.between = func() { d.store.down = errAway }
	assert.Equal(t, 410, d.visit("GET", address).Code)
	assert.Contains(t, d.log.String(), "note an alarm")
	d.store.down = nil
	assert.Equal(t, 410, d.visit("GET", address).Code)
	assert.Len(t, d.alarms, 2)
}

// An alarm that nobody took is raised again.
func TestADeafAlarm(t *testing.T) {
	d := newDesk(t)
	address := d.make()
	d.deaf = errAway
	d.visit("POST", address)
	assert.Contains(t, d.log.String(), "tell of a reveal")
	for range 2 {
		assert.Equal(t, 410, d.visit("GET", address).Code)
	}
	assert.Len(t, d.alarms, 2)
	assert.Contains(t, d.log.String(), "raise an alarm: visited-again")
	d.deaf = nil
	for range 2 {
		assert.Equal(t, 410, d.visit("GET", address).Code)
	}
	assert.Len(t, d.alarms, 3)
}
