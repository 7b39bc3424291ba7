package activedirectory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
)

// ending is how a connection ends.
type ending int

const (
	// unsent ends before the write reaches the server.
	unsent ending = iota
	// unanswered ends when the answer comes, so the server has acted.
	unanswered
	// silent lets the write through, and no answer ever.
	silent
)

// breaking is a connection that ends at one of its writes.
type breaking struct {
	net.Conn
	how ending
	// left counts the writes down; at zero it is over.
	left *atomic.Int64
}

func (b breaking) Write(p []byte) (int, error) {
	if b.left.Add(-1) == 0 && b.how == unsent {
		return 0, errors.Join(net.ErrClosed, b.Close())
	}
	return b.Conn.Write(p)
}

func (b breaking) Read(p []byte) (int, error) {
	for {
		n, err := b.Conn.Read(p)
		switch {
		case err != nil || b.left.Load() > 0:
			return n, err
		case b.how != silent:
			return 0, errors.Join(io.ErrUnexpectedEOF, b.Close())
		}
	}
}

// cut gives a client whose connections end at the nth write of them all.
func (s *scene) cut(nth int64, how ending) (*Client, *atomic.Int64) {
	left := new(atomic.Int64)
	left.Store(nth)
	return s.with(func(o *Options) {
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return breaking{conn, how, left}, err
		}
	}), left
}

// Wherever the connection ends, with or without the server having acted, the next
// Create goes on from there and the next Delete ends it.
func TestServerThatIsGoneHalfWay(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t), t.Context()
	seen := map[fault.Code]int{}
	for _, how := range []ending{unsent, unanswered} {
		for nth := int64(1); ; nth++ {
			require.Less(t, nth, int64(30))
			n := s.account("svc-cut")
			c, left := s.cut(nth, how)
			_, err := c.Create(ctx, n)
			if left.Load() > 0 {
				require.NoError(t, err)
				require.NoError(t, s.client.Delete(ctx, s.only(n).GUID, n.Stamp))
				break
			}
			if err != nil {
				require.Equal(t, fault.Transient, fault.ClassOf(err), "write %d: %v", nth, err)
				seen[fault.CodeOf(err)]++
			}
			made, err := s.client.Create(ctx, n)
			require.NoError(t, err, "write %d", nth)
			require.Equal(t, s.only(n), made)
			require.NoError(t, s.signsIn(made, good), "write %d", nth)

			c, _ = s.cut(nth, how)
			if err := c.Delete(ctx, made.GUID, n.Stamp); err != nil {
				require.Equal(t, fault.Transient, fault.ClassOf(err), "write %d: %v", nth, err)
			}
			require.NoError(t, s.client.Delete(ctx, made.GUID, n.Stamp))
		}
	}
	assert.Len(t, seen, 2)
	assert.Positive(t, seen[fault.Unreachable], "before TLS stood")
	assert.Greater(t, seen[fault.ADConnectionLost], 10, "at each request of two rounds")
}

// only gives the one account that there is, which is finished.
func (s *scene) only(n NewAccount) User {
	s.t.Helper()
	require.Equal(s.t, 1, s.accounts())
	u, err := s.client.FindStamp(s.t.Context(), n.Stamp)
	require.NoError(s.t, err)
	require.True(s.t, u.Enabled)
	return u
}

func TestServerThatStandsStill(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for nth, code := range map[int64]fault.Code{1: fault.Unreachable, 3: fault.ADConnectionLost, 4: fault.ADConnectionLost} {
		t.Run(fmt.Sprint("from write ", nth), func(t *testing.T) {
			t.Parallel()
			c, _ := s.cut(nth, silent)
			c.timeout = 2 * time.Second // what comes before must be done by then
			_, err := c.FindStamp(t.Context(), "usher:x")
			assertFault(t, fault.Transient, code, err)
		})
	}
}

func TestCallerThatGivesUp(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.client.FindStamp(ctx, "usher:x")
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
}
