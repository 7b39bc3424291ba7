package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/signin"
)

// tokenExchange is the audience that Entra wants in other issuers' tokens (source:
// Microsoft Graph, federatedIdentityCredential, property audiences).
const tokenExchange = "api://AzureADTokenExchange"

// fetcher asks the cloud that runs us for a token that proves who we are, and says
// when the token ends. Its errors are classified.
type fetcher func(context.Context) (token string, ends time.Time, err error)

// spare is how long before its end a token is not used any more, for the way to Entra.
const spare = time.Minute

// assertions keep the one token that stands for us in every tenant while it lasts.
type assertions struct {
	fetch fetcher
	now   func() time.Time
	// turn is held by whoever looks at the token: one fetches, the others wait for it.
	turn  chan struct{}
	token string
	ends  time.Time
}

func newAssertions(fetch fetcher, now func() time.Time) *assertions {
	return &assertions{fetch: fetch, now: now, turn: make(chan struct{}, 1)}
}

func (a *assertions) get(ctx context.Context) (string, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return "", fmt.Errorf("wait for a token of our own identity: %w", ctx.Err())
	}
	if a.token != "" && a.now().Before(a.ends.Add(-spare)) {
		return a.token, nil
	}
	token, ends, err := a.fetch(ctx)
	if err != nil {
		return "", err
	}
	a.token, a.ends = token, ends
	return token, nil
}

// drop forgets a token that was refused, unless another has taken its place.
func (a *assertions) drop(token string) {
	a.turn <- struct{}{}
	if a.token == token {
		a.token = ""
	}
	<-a.turn
}

// asserting makes credentials that show such a token in the place of a secret. A
// credential takes no other tenant than its own (AdditionallyAllowedTenants stays
// empty): one for each tenant is what lets the tokens of one be dropped.
func (c chooser) asserting(id string, fetch fetcher) maker {
	own := newAssertions(fetch, c.Now)
	return func(tenant string, _ bool) (azcore.TokenCredential, error) {
		inner, err := azidentity.NewClientAssertionCredential(tenant, id, own.noted, &azidentity.ClientAssertionCredentialOptions{
			ClientOptions: c.client, DisableInstanceDiscovery: c.direct,
		})
		if err != nil {
			return nil, err
		}
		return &asserted{inner: inner, own: own, clientID: id}, nil
	}
}

// attempt is what one GetToken met: azidentity keeps only the text of a callback's error.
type attempt struct {
	token string
	err   error
}

type attemptKey struct{}

// noted is get, with its result noted in the attempt that the context carries.
func (a *assertions) noted(ctx context.Context) (string, error) {
	token, err := a.get(ctx)
	if met, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		met.token, met.err = token, err
	}
	return token, err
}

// asserted is the credential of one tenant. Its errors tell apart that the cloud gave
// no token and that Entra did not like it.
type asserted struct {
	inner    azcore.TokenCredential
	own      *assertions
	clientID string
}

// GetToken asks Entra for a token (azcore.TokenCredential).
func (c *asserted) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	met := &attempt{}
	t, err := c.inner.GetToken(context.WithValue(ctx, attemptKey{}, met), o)
	switch {
	case err == nil:
		return t, nil
	case met.err != nil:
		return azcore.AccessToken{}, met.err
	case met.token == "":
		return azcore.AccessToken{}, err
	}
	return azcore.AccessToken{}, c.refused(met.token, err)
}

// refused says which token was not taken, for a person to compare it with the
// application's federated credential. The token itself is not shown, and not used again.
func (c *asserted) refused(token string, err error) error {
	f, ok := errors.AsType[*fault.Error](signin.Classify(err))
	if !ok || f.Code != fault.CredentialInvalid {
		return err
	}
	c.own.drop(token)
	issuer, subject := claimsOf(token)
	return &fault.Error{Class: f.Class, Code: f.Code, After: f.After, Err: &refusal{cause: err, text: fmt.Sprintf(
		"%v; we came with a token of issuer %q and subject %q: application %s needs a federated credential with exactly these, and audience %s",
		f.Err, issuer, subject, c.clientID, tokenExchange)}}
}

// refusal is the cause of a fault in other words than its own.
type refusal struct {
	text  string
	cause error
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.cause }

// claimsOf reads who a token is of, without checking it; empty when it is no JSON web token.
func claimsOf(token string) (issuer, subject string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", ""
	}
	var claims struct{ Iss, Sub string }
	if json.Unmarshal(payload, &claims) != nil {
		return "", ""
	}
	return claims.Iss, claims.Sub
}
