package lambda

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
)

const (
	// wakeTimeout bounds one wake. A wake that is lost costs a minute, never work.
	wakeTimeout = 2 * time.Second
	// wakePause is the shortest time between two wakes of one function.
	wakePause = time.Second
)

// waker wakes the consumer of a queue.
type waker func(ctx context.Context, queue string) error

// sender takes messages to their queues, and wakes who works on them.
type sender struct {
	tables.Sender
	wakes *wakes
	now   func() time.Time
}

// Enqueue sends messages, and has the consumer woken when one of them is due. It does
// not wait for the wake.
func (s sender) Enqueue(ctx context.Context, name string, msgs ...queue.Message) error {
	if err := s.Sender.Enqueue(ctx, name, msgs...); err != nil {
		return err
	}
	for _, m := range msgs {
		if !m.NotBefore.After(s.now()) {
			s.wakes.wake(name)
			return nil
		}
	}
	return nil
}

// wakes wakes consumers in the background, each at most once in a while: after the last
// message there is always one wake more. A nil *wakes wakes nobody.
type wakes struct {
	waker waker
	log   *slog.Logger

	mu sync.Mutex
	// again tells of each queue that is being woken whether it has to be once more.
	again map[string]bool
	// own is the queue that this process works on by itself.
	own string
	// hurry is closed when nobody should pause any more.
	hurry   chan struct{}
	running sync.WaitGroup
}

// newWakes gives nil without a waker.
func newWakes(w waker, log *slog.Logger) *wakes {
	if w == nil {
		return nil
	}
	return &wakes{waker: w, log: log, again: map[string]bool{}, hurry: make(chan struct{})}
}

// work says that this process drains a queue, until settle.
func (w *wakes) work(queue string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.own = queue
}

func (w *wakes) wake(queue string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if queue == w.own {
		return
	}
	if _, being := w.again[queue]; being {
		w.again[queue] = true
		return
	}
	w.again[queue] = false
	w.running.Go(func() { w.run(queue, w.hurry) })
}

// run wakes a consumer, and once more for what came in the pause after it.
func (w *wakes) run(queue string, hurry <-chan struct{}) {
	for more := true; more; more = w.more(queue) {
		ctx, cancel := context.WithTimeout(context.Background(), wakeTimeout)
		if err := w.waker(ctx, queue); err != nil {
			w.log.WarnContext(ctx, "a consumer was not woken; its schedule does it within a minute", "queue", queue, "error", err)
		}
		cancel()
		select {
		case <-time.After(wakePause):
		case <-hurry:
		}
	}
}

func (w *wakes) more(queue string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.again[queue] {
		w.again[queue] = false
		return true
	}
	delete(w.again, queue)
	return false
}

// settle ends the pauses and waits for every wake: nothing runs on when the process is frozen.
func (w *wakes) settle() {
	if w == nil {
		return
	}
	w.mu.Lock()
	close(w.hurry)
	w.mu.Unlock()
	w.running.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hurry, w.own = make(chan struct{}), ""
}
