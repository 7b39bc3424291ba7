package lambda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/embedded"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/telemetry/cloudwatch"
)

// contoso is the tenant of the samples.
var contoso = account.Tenant{Alias: "contoso", ID: "0550b473-9fd2-4dbb-a058-a1640b4bf458", Domains: []string{"contoso.onmicrosoft.com"}}

// bench is a function on engines in memory.
type bench struct {
	*testing.T
	drainer
	process *Process
	metrics bytes.Buffer
	alarm   alarm
}

func newBench(t *testing.T, function string, c Consumer) *bench {
	t.Helper()
	b := &bench{T: t}
	b.machine = &machine{function: function, env: variables(), log: quiet}
	b.meter = cloudwatch.New(&b.metrics, time.Now)
	b.alarm.began = time.Now()
	b.wakes = newWakes(b.alarm.wake, quiet)
	o := host.Options{Config: config.Config{Tenants: []account.Tenant{contoso}}, Log: quiet, Meter: b.meter}
	engines, err := embedded.Open(t.Context(), o, database.Memory)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engines.Close()) })
	b.process = &Process{Engines: engines}
	b.keep(b.process)
	b.consumer = &opened[Consumer]{open: func(context.Context) (Consumer, error) { return c, nil }}
	return b
}

// invoke handles one event in the given time.
func (b *bench) invoke(j job, timeout time.Duration) (Report, error) {
	ctx, cancel := context.WithTimeout(b.Context(), timeout)
	defer cancel()
	return b.handle(ctx, j)
}

func (b *bench) send(n int) {
	b.Helper()
	for i := range n {
		require.NoError(b, b.process.Queue.Enqueue(b.Context(), b.function, queue.Message{ID: fmt.Sprint("m", i)}))
	}
}

// taking is a handler that takes its time and counts.
func taking(d time.Duration, n *atomic.Int32) queue.Handler {
	return func(ctx context.Context, _ queue.Delivery) queue.Outcome {
		n.Add(1)
		select {
		case <-time.After(d):
			return queue.Done()
		case <-ctx.Done():
			return queue.Abandoned()
		}
	}
}

func TestADrainEmptiesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		b := newBench(t, "create", Consumer{Handle: taking(10*time.Second, &n)})
		b.send(20)
		began := time.Now()
		report, err := b.invoke(job{Job: jobDrain}, 5*time.Minute)
		require.NoError(t, err)
		assert.Equal(t, Report{Queue: "create", Deliveries: 20}, report)
		assert.InDelta(t, 31, time.Since(began).Seconds(), 1, "eight at once, and a second of silence")
		assert.Contains(t, b.metrics.String(), `"usher_queue_messages":0`)
		assert.Contains(t, b.metrics.String(), `"usher_queue_oldest_due_seconds":0`)
	})
}

func TestADrainBeginsNothingThatMightNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		b := newBench(t, "create", Consumer{Handle: taking(50*time.Second, &n), Longest: time.Minute, Workers: 1})
		b.send(5)
		began := time.Now()
		report, err := b.invoke(job{Job: jobDrain}, 3*time.Minute)
		require.NoError(t, err)
		assert.Equal(t, Report{Queue: "create", Deliveries: 3, Active: 2}, report, "at 0, 50 and 100 s; at 150 s a minute and the end do not fit")
		assert.Equal(t, 150*time.Second, time.Since(began).Round(time.Second))
	})
}

func TestADeliveryThatTakesTooLongIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		b := newBench(t, "create", Consumer{Handle: taking(time.Hour, &n), Longest: time.Minute})
		b.send(1)
		began := time.Now()
		report, err := b.invoke(job{Job: jobDrain}, 3*time.Minute)
		require.NoError(t, err)
		assert.Equal(t, Report{Queue: "create", Deliveries: 1, Active: 1}, report)
		assert.Equal(t, 170*time.Second, time.Since(began).Round(time.Second), "before the process is frozen")
	})
}

func TestARetryThatIsDueSoonIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			pause time.Duration
			want  Report
		}{
			"Soon":  {14 * time.Second, Report{Queue: "create", Deliveries: 3}},
			"Later": {16 * time.Second, Report{Queue: "create", Deliveries: 1, Planned: 1}},
		} {
			attempts := 0
			b := newBench(t, "create", Consumer{Handle: func(_ context.Context, d queue.Delivery) queue.Outcome {
				if attempts++; attempts == 3 {
					return queue.Done()
				}
				return queue.RetryWith(queue.Message{ID: fmt.Sprint(d.ID, attempts), NotBefore: time.Now().Add(c.pause)})
			}})
			b.send(1)
			report, err := b.invoke(job{Job: jobDrain}, 5*time.Minute)
			require.NoError(t, err)
			assert.Equal(t, c.want, report, name)
		}
	})
}

func TestALongPollListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		b := newBench(t, "create", Consumer{Handle: taking(time.Second, &n)})
		b.env = variables("USHER_DRAIN_POLL", "50s")
		began := time.Now()
		late := time.AfterFunc(49*time.Second, func() { b.send(1) })
		defer late.Stop()
		report, err := b.invoke(job{Job: jobDrain}, 5*time.Minute)
		require.NoError(t, err)
		assert.EqualValues(t, 1, report.Deliveries)
		assert.InDelta(t, 51.5, time.Since(began).Seconds(), 1)
		for _, wrong := range []string{"50", "-1s", "often"} {
			b.env = variables("USHER_DRAIN_POLL", wrong)
			_, err = b.invoke(job{Job: jobDrain}, 5*time.Minute)
			require.ErrorContains(t, err, "it is a time such as 50s")
		}
	})
}

func TestATimeOutThatIsTooShortIsToldPlainly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "create", Consumer{Handle: taking(0, &atomic.Int32{})})
		b.send(1)
		_, err := b.invoke(job{Job: jobDrain}, time.Minute)
		require.EqualError(t, err, "there are 1m0s left, and one delivery of create may take 2m0s: raise the time-out of the function to 2m20s at least")
	})
}

func TestWhatCannotBeOpenedIsTriedAgain(t *testing.T) {
	b := newBench(t, "create", Consumer{})
	problems := []error{errors.New("the database does not answer"), nil}
	b.consumer = &opened[Consumer]{open: func(context.Context) (Consumer, error) {
		err := problems[0]
		problems = problems[1:]
		return Consumer{Handle: taking(0, &atomic.Int32{})}, err
	}}
	_, err := b.invoke(job{Job: jobDrain}, 5*time.Minute)
	require.EqualError(t, err, "create cannot be opened; the next event tries again: the database does not answer")
	for range 2 {
		_, err = b.invoke(job{Job: jobDrain}, 5*time.Minute)
		require.NoError(t, err, "it is opened once")
	}
}

func TestADoorThatCannotBeOpenedAsksToComeBack(t *testing.T) {
	var out bytes.Buffer
	m := newMachine("intake", variables("AZURE_TENANT_ID", string(contoso.ID)), &bytes.Buffer{}, &out)
	d := door{m, wired(m, func(context.Context, *Process) (http.Handler, error) { return nil, nil })}
	got, err := d.handle(t.Context(), event(t, `{}`))
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.Equal(t, "30", got.Headers["retry-after"])
	assert.NotContains(t, got.Body, "USHER_DATABASE_URL")
	assert.Contains(t, out.String(), "USHER_DATABASE_URL")
}

// desk starts syncs as told.
type desk struct {
	fails error
	calls []string
}

func (d *desk) Sync(_ context.Context, alias, by string) ([]account.Request, error) {
	d.calls = append(d.calls, alias+" by "+by)
	return []account.Request{{ID: "req-1"}}, d.fails
}

func TestAFullSyncIsStartedOnceANight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running := fault.Stopf(fault.SyncRunning, "the sync req-0 is still running")
		d := &desk{fails: errors.Join(running, errors.New("no ledger"))}
		b := newBench(t, events.FullSync, Consumer{Handle: taking(0, &atomic.Int32{}), Desk: d})
		at := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
		order := job{Job: jobFullSync, Tenant: everyTenant, ScheduledTime: at}
		report, err := b.invoke(order, 5*time.Minute)
		require.EqualError(t, err, "start the full sync: no ledger", "what still runs is no failure")
		assert.Equal(t, []string{"req-1"}, report.Started)
		d.fails = running
		for range 3 {
			_, err = b.invoke(order, 5*time.Minute)
			require.NoError(t, err)
		}
		assert.Equal(t, []string{" by timer", " by timer"}, d.calls, "a failure is tried again, a success is not")
		order.ScheduledTime = at.Add(24 * time.Hour)
		_, err = b.invoke(order, 5*time.Minute)
		require.NoError(t, err)
		order.Tenant = "contoso"
		_, err = b.invoke(order, 5*time.Minute)
		require.NoError(t, err)
		assert.Equal(t, []string{" by timer", " by timer", " by timer", "contoso by timer"}, d.calls)
	})
}

func TestTheAgeOfSyncsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, events.FullSync, Consumer{Handle: taking(0, &atomic.Int32{}), Desk: &desk{}})
		now := time.Now()
		for i, run := range []ledger.SyncRun{
			{StartedAt: now.Add(-27 * time.Hour), FinishedAt: now.Add(-26 * time.Hour)},
			{StartedAt: now.Add(-2 * time.Hour), FinishedAt: now.Add(-time.Hour), Error: "no answer"},
		} {
			run.RequestID, run.Tenant = fmt.Sprint("req-", i), contoso.ID
			require.NoError(t, b.process.Ledger.SaveRun(t.Context(), run))
		}
		_, err := b.invoke(job{Job: jobDrain}, 5*time.Minute)
		require.NoError(t, err)
		assert.Contains(t, b.metrics.String(), `"tenant":"contoso","usher_sync_age_seconds":93601}`)
	})
}

func TestOnlyFullsyncStartsSyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "create", Consumer{Handle: taking(0, &atomic.Int32{})})
		_, err := b.invoke(job{Job: jobFullSync, Tenant: everyTenant}, 5*time.Minute)
		require.ErrorContains(t, err, "fullsync does")
	})
}

// A drain wakes who works on what it sent, and not itself.
func TestADrainWakesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "create", Consumer{})
		out := sender{b.process.Queue, b.wakes, time.Now}
		b.consumer.open = func(context.Context) (Consumer, error) {
			return Consumer{Handle: func(ctx context.Context, d queue.Delivery) queue.Outcome {
				for _, name := range []string{"create", "assignrole", "notify"} {
					if d.ID == "m0" {
						assert.NoError(t, out.Enqueue(ctx, name, queue.Message{ID: "next"}))
					}
				}
				return queue.Done()
			}}, nil
		}
		b.send(1)
		_, err := b.invoke(job{Job: jobDrain}, 5*time.Minute)
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"assignrole 0s", "notify 0s"}, b.alarm.woken)
	})
}
