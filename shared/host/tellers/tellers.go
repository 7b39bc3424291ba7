// Package tellers makes what tells the outside how a request stands out of the
// configuration. It is apart from package parts because notify needs no schema, which
// takes milliseconds to set up at each start.
package tellers

import (
	"context"
	"log/slog"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/ticket"
)

// Teller tells status events to the configured call-back, or to the log where there is none.
type Teller func(context.Context, events.Status) error

// Tell delivers one status event.
func (t Teller) Tell(ctx context.Context, s events.Status) error { return t(ctx, s) }

// New makes the teller of a configuration.
func New(c config.Callback, log *slog.Logger, now func() time.Time) (Teller, error) {
	if c.URL == "" {
		return ticket.Log(log), nil
	}
	if c.Secret.IsZero() {
		return nil, config.Problems{{Where: "callback.url (or USHER_CALLBACK_URL)", What: "needs a secret to sign with; set USHER_CALLBACK_SECRET or callback.secret"}}
	}
	callback, err := ticket.New(ticket.Options{
		URL: c.URL, Secret: c.Secret, AllowHosts: c.AllowHosts, AllowPrivate: c.AllowPrivate, Now: now,
	})
	if err != nil {
		return nil, config.Problems{{Where: "callback.url (or USHER_CALLBACK_URL)", What: err.Error()}}
	}
	return callback.Tell, nil
}
