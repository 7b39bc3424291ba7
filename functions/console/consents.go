package console

import (
	"context"
	"net/http"
	"time"

	"github.com/usher365/usher/shared/account"
)

// Consents makes links on which administrators consent.
type Consents interface {
	// Renew makes a new link for a request that waits for a consent; the one before stops
	// working. by goes into the audit log.
	Renew(ctx context.Context, requestID, by string) (account.Secret, time.Time, error)
}

// ConsentOrder asks for a new consent link.
type ConsentOrder struct {
	// By is who asks, for the audit log.
	By string `json:"by"`
}

// ConsentLink is a link for an administrator of the tenant. It works once.
type ConsentLink struct {
	RequestID string    `json:"requestId"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func (c *console) consentLink(r *http.Request) (any, error) {
	var order ConsentOrder
	if err := readJSON(r, &order); err != nil {
		return nil, err
	}
	if order.By == "" {
		return nil, badRequest("a consent link needs a name in \"by\"")
	}
	id := r.PathValue("id")
	address, until, err := c.Consents.Renew(r.Context(), id, order.By)
	if err != nil {
		return nil, err
	}
	return ConsentLink{RequestID: id, URL: address.Reveal(), ExpiresAt: until}, nil
}
