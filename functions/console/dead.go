package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

func (c *console) listDead(r *http.Request) (any, error) {
	found, err := c.DeadLetters.Dead(r.Context(), r.URL.Query().Get("queue"))
	if err != nil {
		return nil, err
	}
	list := make([]DeadLetter, 0, len(found))
	for _, m := range found {
		list = append(list, viewDead(m))
	}
	return list, nil
}

func (c *console) showDead(r *http.Request) (any, error) {
	m, err := c.DeadLetters.DeadOne(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v := viewDead(m)
	if v.Body = m.Body; !json.Valid(m.Body) {
		if v.Body, err = json.Marshal(string(m.Body)); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (c *console) replay(r *http.Request) (any, error) {
	id, ok := strings.CutSuffix(r.PathValue("id"), "/replay")
	if !ok {
		return nil, notFound("there is no "+r.URL.Path, "a dead letter is replayed with POST /api/dead/ID/replay")
	}
	return c.settle(r, id, "dead.replayed", c.DeadLetters.Replay)
}

func (c *console) discard(r *http.Request) (any, error) {
	return c.settle(r, r.PathValue("id"), "dead.discarded", c.DeadLetters.Discard)
}

// settle does something for good with a dead letter, and says in the audit who did it.
func (c *console) settle(r *http.Request, id, kind string, do func(context.Context, string) error) (any, error) {
	m, err := c.DeadLetters.DeadOne(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if err := do(r.Context(), id); err != nil {
		return nil, err
	}
	if err := c.note(r, m, kind); err != nil {
		return nil, err
	}
	return viewDead(m), nil
}

// anonymous stands in the audit where an order that needs no name gave none.
const anonymous = "operator"

// note writes the audit entry. A message of no known request belongs to no tenant's chain.
func (c *console) note(r *http.Request, m queue.DeadMessage, kind string) error {
	req, err := c.Requests.Request(r.Context(), m.CorrelationID)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	by := r.URL.Query().Get("by")
	if by == "" {
		by = anonymous
	}
	return c.Audit.Append(r.Context(), ledger.Entry{
		Tenant: req.Tenant, At: c.Now(), Kind: kind, RequestID: req.ID, AccountID: req.AccountID, Actor: by, Text: m.ID + ": " + m.Reason,
	})
}

func viewDead(m queue.DeadMessage) DeadLetter {
	return DeadLetter{
		ID: m.ID, Queue: m.Queue, RequestID: m.CorrelationID, Reason: m.Reason, Text: m.Text, Remedy: remedyOf(m.Reason),
		Deliveries: m.Count, EnqueuedAt: m.EnqueuedAt, DeadAt: m.DeadAt,
	}
}

// remedyOf knows the engines' own reason as well as the fault codes.
func remedyOf(reason string) string {
	if reason == queue.ReasonMaxDeliveries {
		reason = string(fault.DeliveriesExceeded)
	}
	return fault.Remedy(fault.Code(reason))
}
