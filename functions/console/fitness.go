package console

import (
	"context"
	"io"
	"net/http"

	"github.com/usher365/usher/shared/account"
)

// Fitness looks whether an account could sign in and do its job. It changes nothing.
type Fitness interface {
	// OfDocument is about the account of a request document that was not sent.
	OfDocument(ctx context.Context, document []byte) (FitnessReport, error)
	OfAccount(ctx context.Context, a account.Account) (FitnessReport, error)
}

// FitnessReport is what was found about one account.
type FitnessReport struct {
	Tenant            string `json:"tenant"`
	UserPrincipalName string `json:"userPrincipalName"`
	Profile           string `json:"profile,omitempty"`
	// Mode says what would follow a finding that stops the account: warn, park or exclude.
	Mode string `json:"mode"`
	account.Fitness
}

func (c *console) fitnessOfDocument(r *http.Request) (any, error) {
	if c.Fitness == nil {
		return nil, noCalls()
	}
	document, err := documentOf(r)
	if err != nil {
		return nil, err
	}
	return c.Fitness.OfDocument(r.Context(), document)
}

func (c *console) fitnessOfAccount(r *http.Request) (any, error) {
	if c.Fitness == nil {
		return nil, noCalls()
	}
	a, err := c.account(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if a.AppID != "" {
		return nil, badRequest("%s signs in as an application: no rule about second factors concerns it", a.UserPrincipalName)
	}
	return c.Fitness.OfAccount(r.Context(), a)
}

func noCalls() error {
	return notFound("this process makes no calls to tenants, so it cannot look", "run 'usher fitness' where the functions run")
}

// documentOf reads a request document that is not to be taken.
func documentOf(r *http.Request) ([]byte, error) {
	document, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, badRequest("the body could not be read: %v", err)
	case len(document) > maxBody:
		return nil, problem(http.StatusRequestEntityTooLarge, CodeBadRequest, "the body is larger than 64 KiB", "")
	case len(document) == 0:
		return nil, badRequest("send the request document that is to be looked at")
	}
	return document, nil
}
