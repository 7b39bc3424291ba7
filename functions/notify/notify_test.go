package notify_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/mail"
)

var gone = ledger.Notice{
	Key: "owner.gone/tid/acc-1", Tenant: "tid", AccountID: "acc-1", RequestID: "req-1", Kind: "owner.gone",
	Text: "svc@contoso.com: the owner is gone. Name another one.", RaisedAt: time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC),
}

func TestLetterOf(t *testing.T) {
	l := notify.LetterOf(gone, "contoso.onmicrosoft.com", "jane@contoso.com")
	assert.Equal(t, mail.Letter{
		ID: gone.ID(), To: "jane@contoso.com", Subject: "Usher: owner gone in contoso.onmicrosoft.com",
		Text: `svc@contoso.com: the owner is gone. Name another one.

Tenant:  contoso.onmicrosoft.com
Account: acc-1
Request: req-1
Notice:  owner.gone
Since:   2026-11-21 02:00 UTC

This mail comes once. 'usher notices' lists what is open.
`,
	}, l)
	again := gone
	again.RaisedAt = again.RaisedAt.Add(time.Hour)
	assert.NotEqual(t, l.ID, notify.LetterOf(again, "c", "j").ID, "the same matter comes again as another mail")
}

type box struct {
	letters []mail.Letter
	err     error
}

func (b *box) Send(_ context.Context, l mail.Letter) error {
	b.letters = append(b.letters, l)
	return b.err
}

func TestMailer(t *testing.T) {
	assert.Nil(t, notify.New(nil, nil, nil, nil).Mailer())
	b := &box{err: errors.New("later")}
	require.ErrorIs(t, notify.New(nil, b, nil, nil).Mailer()(t.Context(), gone, "contoso", "jane@contoso.com"), b.err)
	require.Len(t, b.letters, 1)
	assert.Equal(t, "jane@contoso.com", b.letters[0].To)
}
