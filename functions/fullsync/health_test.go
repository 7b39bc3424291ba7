package fullsync_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
)

// watch remembers whose credentials it was asked about.
type watch struct {
	asked []string
	err   error
}

func (w *watch) Probe(_ context.Context, t account.Tenant) (int, []string, error) {
	w.asked = append(w.asked, t.Alias)
	return 0, []string{"something cannot be seen"}, w.err
}

// The night looks at the credentials too: first, for one that is refused stops the rest,
// and once, however many deliveries the rest takes.
func TestTheNightLooksAtTheCredentials(t *testing.T) {
	b, w := setup(t), &watch{}
	h := fullsync.New(b.tenant, b.tenant, b.ledger, b.ledger, b.desk, func() time.Time { return b.task.Now })
	h.Health = w
	refused := errors.New("the sign-in is refused")
	b.tenant.Before = func(string) error { return refused }
	res, err := h.Handle(t.Context(), b.task)
	require.ErrorIs(t, err, refused)
	assert.Equal(t, []string{"contoso"}, w.asked, "a tenant that cannot be read is told of")

	b.tenant.Before = nil
	b.task.Step.Checkpoint = res.Checkpoint
	_, err = h.Handle(t.Context(), b.task)
	require.NoError(t, err)
	assert.Len(t, w.asked, 1, "once a run")

	b.task.Step.Checkpoint, w.err = nil, errors.New("the ledger is away")
	_, err = h.Handle(t.Context(), b.task)
	require.ErrorIs(t, err, w.err, "what could not be told is tried again")
}
