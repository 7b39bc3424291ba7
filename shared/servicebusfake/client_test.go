package servicebusfake_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/servicebusfake"
)

const connectionString = "Endpoint=sb://fake.local;SharedAccessKeyName=any;SharedAccessKey=c2VjcmV0;UseDevelopmentEmulator=true"

// bench is a namespace with the queue "q" and the real client on it.
type bench struct {
	*testing.T
	s        *servicebusfake.Server
	client   *sb.Client
	sender   *sb.Sender
	receiver *sb.Receiver
}

// inBubble runs a case in virtual time.
func inBubble(t *testing.T, settings servicebusfake.QueueSettings, run func(b *bench)) {
	inBubbleWith(t, servicebusfake.Options{Queues: map[string]servicebusfake.QueueSettings{"q": settings}}, run)
}

func inBubbleWith(t *testing.T, o servicebusfake.Options, run func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		s := servicebusfake.New(o)
		client, err := sb.NewClientFromConnectionString(connectionString, &sb.ClientOptions{
			NewWebSocketConn: func(ctx context.Context, _ sb.NewWebSocketConnArgs) (net.Conn, error) { return s.Dial(ctx) },
			RetryOptions:     sb.RetryOptions{MaxRetries: 2, RetryDelay: 100 * time.Millisecond},
		})
		require.NoError(t, err)
		defer func() {
			require.NoError(t, client.Close(context.Background()))
			require.NoError(t, s.Close())
		}()
		b := &bench{T: t, s: s, client: client}
		b.sender, err = client.NewSender("q", nil)
		require.NoError(t, err)
		b.receiver = b.newReceiver(nil)
		run(b)
	})
}

func (b *bench) newReceiver(o *sb.ReceiverOptions) *sb.Receiver {
	r, err := b.client.NewReceiverForQueue("q", o)
	require.NoError(b, err)
	return r
}

func (b *bench) send(m *sb.Message) {
	b.Helper()
	require.NoError(b, b.sender.SendMessage(b.Context(), m, nil))
}

// receive waits for one message.
func (b *bench) receive() *sb.ReceivedMessage {
	b.Helper()
	return receiveOn(b, b.receiver)
}

func receiveOn(b *bench, r *sb.Receiver) *sb.ReceivedMessage {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 24*time.Hour)
	defer cancel()
	got, err := r.ReceiveMessages(ctx, 1, nil)
	require.NoError(b, err)
	require.Len(b, got, 1)
	return got[0]
}

// nothing checks that no message comes for an hour.
func (b *bench) nothing() {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	_, err := b.receiver.ReceiveMessages(ctx, 1, nil)
	require.ErrorIs(b, err, context.DeadlineExceeded)
}

func text(id string) *sb.Message { return &sb.Message{MessageID: &id, Body: []byte("body of " + id)} }

func TestRoundTripKeepsEveryField(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		properties := map[string]any{"s": "x", "i": int64(7), "i32": int32(-1), "b": true, "f": 1.5, "t": time.UnixMilli(1000)}
		b.send(&sb.Message{
			MessageID: to.Ptr("1"), Subject: to.Ptr("subject"), CorrelationID: to.Ptr("c"), ContentType: to.Ptr("text/plain"),
			Body: []byte{0, 1, 255}, ApplicationProperties: properties,
		})
		got := b.receive()
		require.Equal(b, []any{"1", "subject", "c", "text/plain"}, []any{got.MessageID, *got.Subject, *got.CorrelationID, *got.ContentType})
		require.Equal(b, []byte{0, 1, 255}, got.Body)
		require.Equal(b, properties, got.ApplicationProperties)
		require.EqualValues(b, 1, got.DeliveryCount)
		require.WithinDuration(b, time.Now().Add(servicebusfake.DefaultLock), *got.LockedUntil, time.Second)
		require.NoError(b, b.receiver.CompleteMessage(b.Context(), got, nil))
		require.Zero(b, b.s.Depth("q"))
	})
}
