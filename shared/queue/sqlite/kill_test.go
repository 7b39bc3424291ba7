package sqlite

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/queue"
)

// childDirectory tells this test binary to be the process that is killed.
const childDirectory = "USHER_TEST_QUEUE_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDirectory); dir != "" {
		fmt.Fprintln(os.Stderr, child(context.Background(), dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const killQueues = 3

// The lines of the log "work" begin with one of these.
const (
	handled   = "handled:"
	completed = "completed:"
)

// child enqueues and handles until it is killed. Each queue has one worker, so that
// the completion of a message was acknowledged when the next one is handed over.
func child(ctx context.Context, dir string) error {
	db, err := database.Open(ctx, database.Options{Path: filepath.Join(dir, "usher.db")})
	if err != nil {
		return err
	}
	trouble := make(chan error, 1)
	q, err := New(ctx, db, Options{Observe: func(i queue.Incident) { trouble <- i.Err }})
	if err != nil {
		return err
	}
	for n := range killQueues {
		name := fmt.Sprint("q", n)
		previous := ""
		go func() {
			trouble <- q.Run(ctx, name, queue.Options{}, func(_ context.Context, d queue.Delivery) queue.Outcome {
				if previous != "" {
					note(dir, "work", completed+previous)
				}
				note(dir, "work", handled+d.ID)
				previous = d.ID
				return queue.Done()
			})
		}()
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s/%d/%d", name, os.Getpid(), i)
				if err := q.Enqueue(ctx, name, message(id)); err != nil {
					trouble <- err
				}
				note(dir, "acked", id)
			}
		}()
	}
	return <-trouble
}

func message(id string) queue.Message { return queue.Message{ID: id, Body: make([]byte, 1024)} }

// note appends a line in one write, which a kill cannot tear.
func note(dir, log, line string) {
	f, err := os.OpenFile(filepath.Join(dir, log), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(line + "\n")
		_ = f.Close()
	}
	if err != nil {
		panic(err)
	}
}

func lines(t *testing.T, dir, log string) []string {
	b, err := os.ReadFile(filepath.Join(dir, log))
	require.NoError(t, err)
	return strings.Fields(string(b))
}

func TestKilledProcessLosesNothing(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		kill(t, dir, (round+1)*40)
	}
	drain(t, dir)
	count, done := map[string]int{}, map[string]bool{}
	twice := 0
	for _, line := range lines(t, dir, "work") {
		if id, ok := strings.CutPrefix(line, completed); ok {
			done[id] = true
			continue
		}
		id := strings.TrimPrefix(line, handled)
		assert.False(t, done[id], "%s ran again after its completion was acknowledged", id)
		if count[id]++; count[id] > 1 {
			twice++
		}
	}
	acked := lines(t, dir, "acked")
	require.Greater(t, len(acked), 100)
	for _, id := range acked {
		assert.NotZero(t, count[id], "%s was lost", id)
	}
	assert.LessOrEqual(t, twice, 3*killQueues, "only what was in hand may run again")
	t.Logf("%d acknowledged, %d handled twice", len(acked), twice)
}

// kill starts the child, lets it handle some messages, and kills it.
func kill(t *testing.T, dir string, total int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDirectory+"="+dir)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "work"))
		return err == nil && strings.Count(string(b), handled) > total
	}, 30*time.Second, 2*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Empty(t, complaint.String())
}

// drain handles what is left, in this process.
func drain(t *testing.T, dir string) {
	db, err := database.Open(t.Context(), database.Options{Path: filepath.Join(dir, "usher.db"), Relaxed: true})
	require.NoError(t, err)
	q, err := New(t.Context(), db, Options{})
	require.NoError(t, err)
	for n := range killQueues {
		name := fmt.Sprint("q", n)
		ctx, stop := context.WithCancel(t.Context())
		depth, err := q.Depth(ctx, name)
		require.NoError(t, err)
		left := depth.Active
		if left == 0 {
			stop()
			continue
		}
		require.NoError(t, q.Run(ctx, name, queue.Options{}, func(_ context.Context, d queue.Delivery) queue.Outcome {
			note(dir, "work", handled+d.ID)
			if left--; left == 0 {
				stop()
			}
			return queue.Done()
		}))
	}
	require.NoError(t, q.Close())
	require.NoError(t, db.Close())
}
