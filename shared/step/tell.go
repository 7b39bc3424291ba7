package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

// Tell queues a status event about a request. Events are numbered per request and
// delivered in that order. That routine goes well is not worth one.
func Tell(rec *ledger.Record, kind events.StatusKind, tenant account.Tenant, reason string, now time.Time) {
	if rec.Request.Routine && (kind == events.StatusAccepted || kind == events.StatusSucceeded) {
		return
	}
	send(rec, statusOf(rec, kind, tenant, reason, now), tenant, now)
}

// tellCredential queues the status event that hands a password over.
func tellCredential(rec *ledger.Record, tenant account.Tenant, c events.StatusSecret, now time.Time) {
	status := statusOf(rec, events.StatusHandover, tenant, "", now)
	status.Data.Credential = &c
	send(rec, status, tenant, now)
}

// TellConsent queues the status event that asks for an administrator's consent. Its link
// is made when it leaves, so each one told brings a new link.
func TellConsent(rec *ledger.Record, tenant account.Tenant, c events.StatusConsentLink, now time.Time) {
	status := statusOf(rec, events.StatusConsent, tenant, "", now)
	status.Data.Consent = &c
	send(rec, status, tenant, now)
}

func send(rec *ledger.Record, status events.Status, tenant account.Tenant, now time.Time) {
	rec.Request.Notices++
	status.Data.Sequence = rec.Request.Notices
	data, err := json.Marshal(events.NotifyArgs{Status: &status})
	if err != nil {
		panic("step: status cannot be written: " + err.Error())
	}
	cmd := events.Command{
		Function: events.Notify, Request: rec.Request.ID, Step: noticeStep(rec.Request.Notices), Attempt: 1,
		Tenant: tenant.Alias, Subject: rec.Request.UserPrincipalName, Time: now, Data: data,
	}
	rec.Send = append(rec.Send, ledger.Outgoing{Queue: events.Notify, Message: MessageFor(cmd, time.Time{})})
}

const noticePrefix = "notice-"

func noticeStep(sequence int) string { return noticePrefix + strconv.Itoa(sequence) }

func statusOf(rec *ledger.Record, kind events.StatusKind, tenant account.Tenant, reason string, now time.Time) events.Status {
	r, acc := rec.Request, rec.Account
	data := events.StatusData{
		RequestID: r.ID, Status: kind, Action: string(r.Action), Tenant: tenantName(tenant),
		Account: events.StatusAccount{UserPrincipalName: r.UserPrincipalName, ObjectID: acc.ObjectID},
		Reason:  reason, FaultCode: faultOf(r), Ticket: r.Ticket.Reference(),
	}
	for _, s := range r.Steps {
		data.Steps = append(data.Steps, events.StatusStep{
			Name: s.Name, Status: string(s.State), Attempts: s.Attempt, WaitedSeconds: int(s.Waited(now).Seconds()),
		})
	}
	if kind == events.StatusSucceeded && acc.SecretRef != "" && !handsOver(r) && (gives(r.Action) || r.Action == account.Rotate) {
		data.Credential = &events.StatusSecret{Method: string(account.DeliverToVault), VaultReference: acc.SecretRef}
	}
	if gives(r.Action) {
		for _, f := range acc.Fitness.Findings {
			data.Fitness = append(data.Fitness, events.StatusFinding{Code: f.Code, Severity: f.Severity, Text: f.Text, Remedy: f.Remedy})
		}
	}
	if data.FaultCode != "" {
		data.NextAction = fault.Remedy(fault.Code(data.FaultCode))
	}
	return events.Status{Type: events.StatusTypeOf(kind), Timestamp: now.UTC(), Data: data}
}

// handsOver reports whether a step of the request hands the password over.
func handsOver(r account.Request) bool {
	return slices.ContainsFunc(r.Steps, func(s account.Step) bool { return s.Name == events.StepHandOver })
}

func tenantName(t account.Tenant) string {
	if d := t.InitialDomain(); d != "" {
		return d
	}
	return t.Alias
}

// faultOf is the code that explains the request's state: a refusal, a failure, or a wait.
func faultOf(r account.Request) string {
	if r.RefusedCode != "" {
		return r.RefusedCode
	}
	if failed := firstFailed(r); failed.FaultCode != "" {
		return failed.FaultCode
	}
	if next := r.Next(); next != nil {
		return next.FaultCode
	}
	return ""
}

// Teller delivers one status event to the outside.
type Teller func(context.Context, events.Status) error

// HandleNotices makes the queue.Handler of notify: events of a request go out in
// their order, each retried by the policy; one that cannot be delivered is dead-lettered
// and the later ones go on. A notice is told too, and mailed; a nil mail mails nothing.
func (r *Runner) HandleNotices(p Policy, tell Teller, mail Mailer) queue.Handler {
	p = p.withDefaults()
	return func(ctx context.Context, d queue.Delivery) queue.Outcome {
		started := r.Now()
		line := Line{Function: events.Notify, Deliveries: d.Count}
		outcome := r.notify(ctx, d, p, post{tell, mail}, &line)
		line.Duration = r.Now().Sub(started)
		r.Observe(ctx, line)
		return outcome
	}
}

func (r *Runner) notify(ctx context.Context, d queue.Delivery, p Policy, out post, line *Line) queue.Outcome {
	cmd, args, err := decodeNotice(d)
	if err != nil {
		return line.malformed(err)
	}
	line.Request, line.Step, line.Attempt, line.Tenant, line.Account = cmd.Request, cmd.Step, cmd.Attempt, cmd.Tenant, cmd.Subject
	if cmd.FirstSeen.IsZero() {
		cmd.FirstSeen = r.Now()
	}
	if args.Notice != nil {
		return r.deliverNotice(ctx, cmd, *args.Notice, p, out, line)
	}
	return r.tellStatus(ctx, cmd, *args.Status, p, out.tell, line)
}

func (r *Runner) tellStatus(ctx context.Context, cmd events.Command, s events.Status, p Policy, tell Teller, line *Line) queue.Outcome {
	sequence := s.Data.Sequence
	rec, err := r.look(ctx, cmd.Request)
	tenant, notified := rec.Request.Tenant, rec.Request.Notified
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return line.malformed(fmt.Errorf("no request %s: %w", cmd.Request, err))
	case err != nil:
		return line.unrecorded(cmd, r.Now(), err)
	case sequence <= notified:
		line.Outcome = OutcomeSkipped
		return queue.Done()
	case sequence > notified+1:
		return line.again(cmd, r.Now().Add(time.Second), fault.NoticeOutOfOrder)
	}
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	told := tell(ctx, s)
	decision := Decide(told, tenant, cmd, p, r.Now(), r.Random())
	if decision.Verdict == Finish || decision.Verdict == GiveUp {
		if err := r.markNotified(ctx, cmd, sequence, told); err != nil {
			return line.unrecorded(cmd, r.Now(), err)
		}
	}
	line.Waited = waitedSince(cmd.FirstSeen, r.Now())
	return line.settle(cmd, decision, told)
}

func decodeNotice(d queue.Delivery) (cmd events.Command, args events.NotifyArgs, err error) {
	if err := json.Unmarshal(d.Body, &cmd); err != nil {
		return cmd, args, err
	}
	if cmd.Function != events.Notify || !strings.HasPrefix(cmd.Step, noticePrefix) {
		return cmd, args, fmt.Errorf("%q is not a notice", cmd.ID())
	}
	if err := json.Unmarshal(cmd.Data, &args); err != nil {
		return cmd, args, fmt.Errorf("read status: %w", err)
	}
	if (args.Status == nil) == (args.Notice == nil) {
		return cmd, args, fmt.Errorf("%q tells neither a status nor a notice, or both", cmd.ID())
	}
	return cmd, args, nil
}

// errOnlyLooked ends an update that changes nothing without a commit.
var errOnlyLooked = errors.New("only looked")

// look reads a record.
func (r *Runner) look(ctx context.Context, request string) (rec ledger.Record, err error) {
	err = r.Ledger.Update(ctx, request, func(found *ledger.Record) error {
		rec = *found
		return errOnlyLooked
	})
	if errors.Is(err, errOnlyLooked) {
		err = nil
	}
	return rec, err
}

func (r *Runner) markNotified(ctx context.Context, cmd events.Command, sequence int, told error) error {
	return r.Ledger.Update(ctx, cmd.Request, func(rec *ledger.Record) error {
		rec.Request.Notified = max(rec.Request.Notified, sequence)
		if told != nil {
			rec.Request.Lost = append(rec.Request.Lost, sequence)
			rec.Audit = append(rec.Audit, ledger.Entry{
				Tenant: rec.Request.Tenant, At: r.Now(), Kind: "notice.lost", RequestID: rec.Request.ID,
				AccountID: rec.Account.ID, Actor: events.Notify, Text: fmt.Sprintf("status %d was not delivered: %v", sequence, told),
			})
		}
		return nil
	})
}
