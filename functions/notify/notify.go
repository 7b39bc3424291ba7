// Package notify tells the ticketing system how a request stands, and people by mail what
// they should know.
package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/mail"
	"github.com/usher365/usher/shared/step"
)

// Ticket takes a status event: a signed call-back, or the log when none is configured.
type Ticket interface {
	Tell(ctx context.Context, s events.Status) error
}

// Post takes a letter.
type Post interface {
	Send(ctx context.Context, l mail.Letter) error
}

// Policy is how patient the function is: about a day of growing pauses, longer than
// most ticketing systems and mail servers are down.
var Policy = step.Policy{MaxFailures: 150, Timeout: 30 * time.Second}

// Links makes the one-time link of a hand-over. fault.HandoverOver says that there will be
// no other: the password was shown already, or the link was withdrawn.
type Links interface {
	Address(ctx context.Context, key, ref, upn string) (account.Secret, time.Time, error)
}

// Consents makes the link of a consent that is waited for. A zero address says that
// nobody waits for it any more.
type Consents interface {
	Address(ctx context.Context, request, step string) (account.Secret, time.Time, error)
}

// Handler tells tickets and mails notices.
type Handler struct {
	ticket   Ticket
	post     Post
	links    Links
	consents Consents
}

// New makes the handler. A nil post mails nothing.
func New(t Ticket, p Post, l Links, c Consents) *Handler { return &Handler{t, p, l, c} }

// Handle delivers one status event. The runner keeps the order and retries.
//
// A link is made here, at each try: it is in no queue and in no ledger, and only
// the one that was delivered last works.
func (h *Handler) Handle(ctx context.Context, s events.Status) error {
	if c := s.Data.Credential; c != nil && c.Method == string(account.DeliverByLink) {
		withLink, err := h.link(ctx, *c, s.Data.Account.UserPrincipalName)
		if fault.Is(err, fault.HandoverOver) {
			s.Data.Reason, err = "this hand-over is over: "+fault.Remedy(fault.HandoverOver), nil
		}
		if err != nil {
			return fmt.Errorf("make the link of hand-over %s: %w", c.Handover, err)
		}
		s.Data.Credential = withLink
	}
	if c := s.Data.Consent; c != nil {
		asked, err := h.ask(ctx, s.Data.RequestID, *c)
		if err != nil {
			return fmt.Errorf("make the consent link of request %s: %w", s.Data.RequestID, err)
		}
		s.Data.Consent = asked
	}
	return h.ticket.Tell(ctx, s)
}

const howToConsent = "An administrator of the tenant opens the link in a private browser window, compares the list with what was asked for, and accepts. Application permissions take a Global Administrator or a Privileged Role Administrator. The link works once."

// ask puts the link into a status that asks for a consent. What cannot be answered any
// more is told without one.
func (h *Handler) ask(ctx context.Context, request string, c events.StatusConsentLink) (*events.StatusConsentLink, error) {
	address, until, err := h.consents.Address(ctx, request, c.Step)
	if err != nil {
		return nil, err
	}
	if c.HowTo = howToConsent; address.IsZero() {
		c.HowTo = "This consent is not waited for any more: nothing is to be done."
	}
	c.URL, c.ExpiresAt = address.Reveal(), until
	return &c, nil
}

const howTo = "Open the link in a browser and press the button: the password is shown once. Whoever has the link can take it, so keep it to yourself."

func (h *Handler) link(ctx context.Context, c events.StatusSecret, upn string) (*events.StatusSecret, error) {
	address, until, err := h.links.Address(ctx, c.Handover, c.VaultReference, upn)
	if err != nil {
		return nil, err
	}
	c.Link, c.ExpiresAt, c.HowTo, c.VaultReference = address.Reveal(), until, howTo, ""
	return &c, nil
}

// Mailer mails notices; nil where no mail is configured. The runner sees to it that each
// address gets each notice once, unless the process dies between the mail and the note of it.
func (h *Handler) Mailer() step.Mailer {
	if h.post == nil {
		return nil
	}
	return func(ctx context.Context, n ledger.Notice, tenant, to string) error {
		return h.post.Send(ctx, LetterOf(n, tenant, to))
	}
}
