package queuetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

func surviving() []testCase {
	reopens := func(h Harness) bool { return h.Reopen != nil }
	crashes := func(h Harness) bool { return h.Crash != nil }
	return []testCase{
		{name: "everything is there after a restart", can: reopens, run: restart},
		{name: "what a dead process held comes again at once and is counted", can: crashes, run: crash},
		{name: "a message that kills its process becomes a dead letter", can: crashes, run: killer},
		{name: "nothing is lost in chaos", can: func(h Harness) bool { return crashes(h) && h.ExpireLocks != nil }, run: chaos},
	}
}

func restart(b *bench) {
	b.bury("dead")
	start := time.Now()
	b.enqueue(message("due"), planned("later", start.Add(b.delay())))
	b.h.Engine = b.h.Reopen()
	one, err := b.h.DeadOne(b.Context(), "dead")
	require.NoError(b, err)
	require.Equal(b, "reason-dead", one.Reason)
	b.enqueue(message("dead"), message("due"), message("later")) // all of them known
	seen, _ := b.collect(queue.Options{}, nil)
	require.Equal(b, "due", next(b, seen).ID)
	require.Equal(b, "later", next(b, seen).ID)
	require.GreaterOrEqual(b, time.Since(start), b.delay())
	quiet(b, seen)
}

// die crashes the engine while its handlers are at work; they end too late.
func (b *bench) die(stop func()) {
	b.h.Engine = b.h.Crash()
	stop()
}

func crash(b *bench) {
	busy := make(chan string, 10)
	b.enqueue(message("1"))
	stop := b.consume(queue.Options{}, func(ctx context.Context, d queue.Delivery) queue.Outcome {
		busy <- d.ID
		<-ctx.Done()
		return queue.Done() // too late: it must not count
	})
	next(b, busy)
	b.die(stop)
	start := time.Now()
	seen, _ := b.collect(queue.Options{}, nil)
	require.Equal(b, 2, next(b, seen).Count)
	require.LessOrEqual(b, time.Since(start), b.late(), "nobody waits for the lock of the dead")
	b.empty()
}

func killer(b *bench) {
	b.enqueue(message("1"))
	for range 3 {
		busy := make(chan string, 10)
		stop := b.consume(queue.Options{MaxDeliveries: 3}, func(ctx context.Context, d queue.Delivery) queue.Outcome {
			busy <- d.ID
			<-ctx.Done()
			return queue.Abandoned()
		})
		next(b, busy)
		b.die(stop)
	}
	seen, _ := b.collect(queue.Options{MaxDeliveries: 3}, nil)
	b.depth(func(d queue.Depth) bool { return d == queue.Depth{Dead: 1} })
	require.Empty(b, seen)
	one, err := b.h.DeadOne(b.Context(), "1")
	require.NoError(b, err)
	require.Equal(b, queue.ReasonMaxDeliveries, one.Reason)
}

// chaosLog is what the handlers of the chaos case saw.
type chaosLog struct {
	mu   sync.Mutex
	rnd  *rand.Rand
	runs map[string]int
	done map[string]bool
}

// chaos sends many messages through handlers that fail in every way, over locks that
// expire and processes that die, and counts what came out.
func chaos(b *bench) {
	const messages = 120
	log := &chaosLog{rnd: rand.New(rand.NewPCG(1, 2)), runs: map[string]int{}, done: map[string]bool{}}
	o := queue.Options{Workers: 4, MaxDeliveries: 1000}
	stop := b.consume(o, log.handle)
	for i := range messages {
		b.enqueue(message(fmt.Sprintf("%d/1", i)))
		time.Sleep(5 * time.Millisecond)
		if i%17 == 0 {
			b.h.ExpireLocks()
		}
		if i%40 == 39 {
			b.die(stop)
			stop = b.consume(o, log.handle)
		}
	}
	b.empty()
	stop()
	for i := range messages {
		assert.NotZero(b, log.runs[fmt.Sprintf("%d/1", i)], "message %d was lost", i)
		assert.True(b, log.done[fmt.Sprint(i)], "message %d never ended", i)
	}
}

// handle fails in some way, or answers done; a message may take up to three attempts.
func (l *chaosLog) handle(ctx context.Context, d queue.Delivery) queue.Outcome {
	l.mu.Lock()
	var number, attempt int
	if _, err := fmt.Sscanf(d.ID, "%d/%d", &number, &attempt); err != nil {
		panic(err)
	}
	l.runs[d.ID]++
	dice, nap := l.rnd.IntN(10), time.Duration(l.rnd.IntN(40))*time.Millisecond
	l.mu.Unlock()
	select {
	case <-ctx.Done():
		return queue.Abandoned()
	case <-time.After(nap):
	}
	switch {
	case dice == 0:
		panic("chaos")
	case dice < 3:
		return queue.Abandoned()
	case dice < 6 && attempt < 3:
		return queue.RetryWith(planned(fmt.Sprintf("%d/%d", number, attempt+1), time.Now().Add(nap)))
	}
	l.mu.Lock()
	l.done[fmt.Sprint(number)] = true
	l.mu.Unlock()
	return queue.Done()
}
