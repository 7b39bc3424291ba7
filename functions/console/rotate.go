package console

import (
	"net/http"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// Rotation orders a new password.
type Rotation struct {
	// By is who orders it, for the audit log.
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	// Delivery is vault, age or link. Empty means as for the account's first password.
	Delivery string `json:"delivery,omitempty"`
	// Recipients are public keys of age or SSH, for age.
	Recipients []string `json:"recipients,omitempty"`
}

func (c *console) rotate(r *http.Request) (any, error) {
	var order Rotation
	if err := readJSON(r, &order); err != nil {
		return nil, err
	}
	var how *events.Delivery
	switch method := account.DeliveryMethod(order.Delivery); {
	case order.By == "":
		return nil, badRequest("a rotation needs a name in \"by\"")
	case method == "" && len(order.Recipients) > 0:
		return nil, badRequest("recipients need delivery age")
	case method != "" && method != account.DeliverToVault && method != account.DeliverByAge && method != account.DeliverByLink:
		return nil, badRequest("delivery must be vault, age or link, not %q", order.Delivery)
	case method != "":
		how = &events.Delivery{Method: order.Delivery, Recipients: order.Recipients}
	}
	a, err := c.account(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return c.ordered(c.Passwords.Rotate(r.Context(), a, order.By, order.Reason, how))
}
