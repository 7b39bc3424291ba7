package console

import (
	"context"
	"net/http"
	"strings"

	"github.com/usher365/usher/shared/account"
)

// Lives changes the dates of accounts.
type Lives interface {
	Extend(ctx context.Context, a account.Account, by, reason string, x account.Extension) (account.Request, error)
}

// Extension is the body of an extend: until, forever or review must be given.
type Extension struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
	account.Extension
}

func (c *console) extend(r *http.Request) (any, error) {
	var order Extension
	if err := readJSON(r, &order); err != nil {
		return nil, err
	}
	switch {
	case strings.TrimSpace(order.By) == "":
		return nil, badRequest("an extension needs a name in \"by\"")
	case strings.TrimSpace(order.Reason) == "":
		return nil, badRequest("an extension needs a \"reason\"")
	case order.Extension == (account.Extension{}):
		return nil, badRequest("say what changes: \"until\" (the new end), \"forever\" (no end) or \"review\" (the next review)")
	}
	a, err := c.account(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return c.ordered(c.Lives.Extend(r.Context(), a, order.By, order.Reason, order.Extension))
}
