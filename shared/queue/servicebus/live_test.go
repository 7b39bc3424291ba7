package servicebus

import (
	"cmp"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/admin"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/queuetest"
)

// connectionVariable names a real namespace, with the right to manage it, whose queues are
// made for each case and go by themselves.
const connectionVariable = "SERVICEBUS_TEST_CONNECTION"

// TestConformanceOfARealNamespace is the only proof that the fake is like the service.
// Where no namespace is named there is none to be had.
func TestConformanceOfARealNamespace(t *testing.T) {
	connection := os.Getenv(connectionVariable)
	if connection == "" {
		return
	}
	f := queuetest.Features{Lock: 5 * time.Second, Late: 5 * time.Second, Parallel: true}
	queuetest.Run(t, f, func(tb testing.TB, s queuetest.Settings) queuetest.Harness {
		suffix := "-" + uuid.NewString()
		createQueues(tb, connection, suffix, s, f.Lock)
		connect := func() *Queue {
			q, err := New(Options{ConnectionString: connection, Queues: []string{"work" + suffix, "other" + suffix}, Observe: func(queue.Incident) {}})
			require.NoError(tb, err)
			tb.Cleanup(func() { require.NoError(tb, q.Close()) })
			return q
		}
		q := connect()
		return queuetest.Harness{Engine: renamed{q, suffix}, Reopen: func() queuetest.Engine {
			require.NoError(tb, q.Close())
			q = connect()
			return renamed{q, suffix}
		}}
	})
}

func createQueues(tb testing.TB, connection, suffix string, s queuetest.Settings, lock time.Duration) {
	client, err := admin.NewClientFromConnectionString(connection, nil)
	require.NoError(tb, err)
	window := cmp.Or(s.DuplicateWindow, queue.DuplicateWindow)
	for _, name := range []string{"work", "other"} {
		_, err := client.CreateQueue(tb.Context(), name+suffix, &admin.CreateQueueOptions{Properties: &admin.QueueProperties{
			LockDuration: to.Ptr(iso8601(lock)), MaxDeliveryCount: to.Ptr(int32(2000)), RequiresDuplicateDetection: to.Ptr(true),
			DuplicateDetectionHistoryTimeWindow: to.Ptr(iso8601(window)), AutoDeleteOnIdle: to.Ptr(iso8601(5 * time.Minute)),
		}})
		require.NoError(tb, err)
	}
}

// iso8601 writes a duration as the service wants it, such as PT5S.
func iso8601(d time.Duration) string { return "PT" + strings.ToUpper(d.String()) }

// renamed is a Queue whose queues have other names.
type renamed struct {
	*Queue
	suffix string
}

func (r renamed) Enqueue(ctx context.Context, name string, msgs ...queue.Message) error {
	return r.Queue.Enqueue(ctx, name+r.suffix, msgs...)
}

func (r renamed) Run(ctx context.Context, name string, o queue.Options, h queue.Handler) error {
	return r.Queue.Run(ctx, name+r.suffix, o, func(ctx context.Context, d queue.Delivery) queue.Outcome {
		d.Queue = strings.TrimSuffix(d.Queue, r.suffix)
		return h(ctx, d)
	})
}

func (r renamed) Depth(ctx context.Context, name string) (queue.Depth, error) {
	return r.Queue.Depth(ctx, name+r.suffix)
}

func (r renamed) Cancel(ctx context.Context, name, id string) error {
	return r.Queue.Cancel(ctx, name+r.suffix, id)
}

func (r renamed) Dead(ctx context.Context, name string) ([]queue.DeadMessage, error) {
	if name != "" {
		name += r.suffix
	}
	all, err := r.Queue.Dead(ctx, name)
	for i := range all {
		all[i].Queue = strings.TrimSuffix(all[i].Queue, r.suffix)
	}
	return all, err
}

func (r renamed) DeadOne(ctx context.Context, id string) (queue.DeadMessage, error) {
	d, err := r.Queue.DeadOne(ctx, id)
	d.Queue = strings.TrimSuffix(d.Queue, r.suffix)
	return d, err
}
