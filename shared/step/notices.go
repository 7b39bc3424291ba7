package step

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

// Mailer sends a notice to one address. tenant is what people call it.
type Mailer func(ctx context.Context, n ledger.Notice, tenant, to string) error

// Announce is the message that lets notify deliver a fresh notice. The ledger sends it in
// the transaction that raises the notice.
func Announce(n ledger.Notice) ledger.Outgoing {
	data, err := json.Marshal(events.NotifyArgs{Notice: wireNotice(n)})
	if err != nil {
		panic("step: notice cannot be written: " + err.Error()) // strings and a time
	}
	cmd := events.Command{
		Function: events.Notify, Request: n.ID(), Step: noticeStep(1), Attempt: 1,
		Tenant: string(n.Tenant), Subject: n.Kind, Time: n.RaisedAt, Data: data,
	}
	return ledger.Outgoing{Queue: events.Notify, Message: MessageFor(cmd, time.Time{})}
}

func wireNotice(n ledger.Notice) *events.Notice {
	return &events.Notice{
		ID: n.ID(), Key: n.Key, Kind: n.Kind, Text: n.Text, AccountID: n.AccountID, RequestID: n.RequestID, RaisedAt: n.RaisedAt,
	}
}

// post is how the outside is told.
type post struct {
	tell Teller
	mail Mailer
}

// deliverNotice tells and mails a notice. What was delivered is noted one by one, so that
// after a failure only the rest is tried again. A notice that was cleared meanwhile, or
// that took the place of this one, is not delivered.
func (r *Runner) deliverNotice(ctx context.Context, cmd events.Command, sent events.Notice, p Policy, out post, line *Line) queue.Outcome {
	n, err := r.lookAtNotice(ctx, sent.Key)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return line.malformed(err)
	case err != nil:
		return line.unrecorded(cmd, r.Now(), err)
	case n.ID() != sent.ID || !n.Open():
		line.Outcome = OutcomeSkipped
		return queue.Done()
	}
	told, err := r.deliverEach(ctx, n, p.Timeout, out)
	if err != nil {
		return line.unrecorded(cmd, r.Now(), err)
	}
	decision := Decide(told, n.Tenant, cmd, p, r.Now(), r.Random())
	line.Waited = waitedSince(cmd.FirstSeen, r.Now())
	return line.settle(cmd, decision, told)
}

// toCallback names the call-back among what a notice was delivered to; the others are addresses.
const toCallback = "call-back"

// deliverEach goes through what a notice was not delivered to yet. told is why some of it
// failed: what may pass by itself decides whether to try again. err
// says that a delivery could not be noted.
func (r *Runner) deliverEach(ctx context.Context, n ledger.Notice, limit time.Duration, out post) (told, err error) {
	targets := []string{toCallback}
	if out.mail != nil {
		targets = append(targets, n.Mail...)
	}
	var passing, final []error
	for _, to := range targets {
		if slices.Contains(n.Delivered, to) {
			continue
		}
		switch failed := r.deliverTo(ctx, n, to, limit, out); {
		case failed == nil:
			n.Delivered = append(n.Delivered, to)
			err = r.noteDelivery(ctx, n.Key, to)
		case fault.ClassOf(failed) == fault.Permanent:
			final = append(final, failed)
		default:
			passing = append(passing, failed)
		}
		if err != nil {
			return nil, err
		}
	}
	told = errors.Join(append(passing, final...)...)
	if len(passing) > 0 && len(final) > 0 {
		told = fault.Retry(fault.CodeOf(passing[0]), fault.RetryAfter(passing[0]), told)
	}
	return told, r.noteUndelivered(ctx, n, told)
}

func (r *Runner) deliverTo(ctx context.Context, n ledger.Notice, to string, limit time.Duration, out post) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tenant, known := r.Tenant(n.Tenant)
	if !known {
		tenant = account.Tenant{ID: n.Tenant, Alias: string(n.Tenant)}
	}
	if to != toCallback {
		return out.mail(ctx, n, tenantName(tenant), to)
	}
	status, err := r.statusOfNotice(ctx, n, tenant)
	if err != nil {
		return err
	}
	return out.tell(ctx, status)
}

// statusOfNotice is a notice as the ticketing system gets it, with the account and the
// ticket of the request that it belongs to.
func (r *Runner) statusOfNotice(ctx context.Context, n ledger.Notice, tenant account.Tenant) (events.Status, error) {
	data := events.StatusData{
		RequestID: n.ID(), Sequence: 1, Status: events.StatusNotice, Tenant: tenantName(tenant), Reason: n.Text, Notice: wireNotice(n),
	}
	if n.RequestID != "" {
		rec, err := r.look(ctx, n.RequestID)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return events.Status{}, fault.Retry(fault.LedgerUnavailable, 0, err)
		}
		data.Account = events.StatusAccount{UserPrincipalName: rec.Request.UserPrincipalName, ObjectID: rec.Account.ObjectID}
		data.Ticket = rec.Request.Ticket.Reference()
	}
	return events.Status{Type: events.StatusTypeOf(events.StatusNotice), Timestamp: n.RaisedAt, Data: data}, nil
}

func (r *Runner) lookAtNotice(ctx context.Context, key string) (n ledger.Notice, err error) {
	err = r.Ledger.UpdateNotice(ctx, key, func(found *ledger.Notice) error {
		n = *found
		return errOnlyLooked
	})
	if errors.Is(err, errOnlyLooked) {
		err = nil
	}
	return n, err
}

func (r *Runner) noteDelivery(ctx context.Context, key, to string) error {
	return r.Ledger.UpdateNotice(ctx, key, func(n *ledger.Notice) error {
		n.Delivered = append(n.Delivered, to)
		return nil
	})
}

// noteUndelivered keeps why a notice has not come everywhere, for the console.
func (r *Runner) noteUndelivered(ctx context.Context, n ledger.Notice, told error) error {
	var why string
	if told != nil {
		why = told.Error()
	}
	if why == n.Undelivered {
		return nil
	}
	return r.Ledger.UpdateNotice(ctx, n.Key, func(n *ledger.Notice) error {
		n.Undelivered = why
		return nil
	})
}
