package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/signin"
)

// parameters of a cmdlet. Sizes are text ("Unlimited"), switches are booleans.
type parameters map[string]any

const (
	// maxAnswer bounds one answer in bytes; a page of 1000 members has about 1 MB.
	maxAnswer = 32 << 20
	// maxPages bounds a listing, against a service that goes round in circles.
	maxPages = 1000
)

// read runs a cmdlet that answers with records and follows its pages to the end.
// Records are all there are, or there is an error.
func (c *Client) read(ctx context.Context, s *session, cmdlet string, p parameters) ([]record, error) {
	address := c.address(s)
	var all []record
	for number := range maxPages {
		reply, err := c.invoke(ctx, s, address, cmdlet, p)
		if err != nil && number > 0 {
			return nil, brokenOff(len(all), err)
		}
		if err != nil {
			return nil, err
		}
		got, err := readPage(reply.body)
		if err != nil {
			return nil, reply.notUnderstood(c.now(), err)
		}
		all = append(all, got.records...)
		if got.next == "" {
			return all, nil
		}
		if address, err = c.follow(address, got.next); err != nil {
			return nil, err
		}
	}
	return nil, fault.Retry(fault.ExchangeIncomplete, 0, fmt.Errorf("%s: no end after %d pages", cmdlet, maxPages))
}

// write runs a cmdlet without output; an empty answer is a success.
func (c *Client) write(ctx context.Context, s *session, cmdlet string, p parameters) error {
	reply, err := c.invoke(ctx, s, c.address(s), cmdlet, p)
	if err != nil || len(bytes.TrimSpace(reply.body)) == 0 {
		return err
	}
	if _, err := readPage(reply.body); err != nil {
		return reply.notUnderstood(c.now(), err)
	}
	return nil
}

// notUnderstood is for an answer with the status of a success. Its body may still
// hold a refusal that the table knows, such as the plain text of too many calls.
func (r reply) notUnderstood(now time.Time, cause error) error {
	err := r.classify(now)
	if fault.Is(err, fault.AnswerNotUnderstood) {
		return fault.Retry(fault.AnswerNotUnderstood, 0, fmt.Errorf("%s: %w", r.cmdlet, cause))
	}
	return err
}

// brokenOff is what a refusal means once part of a listing has come. A cursor lives
// on one server for a short time, so a later page that is rejected says that the rest
// cannot be had, not that there is none. Other failures keep their meaning.
func brokenOff(have int, err error) error {
	if !fault.Is(err, fault.ExchangeRequestRejected) && !fault.Is(err, fault.ExchangeNotReplicated) {
		return err
	}
	return fault.Retry(fault.ExchangeIncomplete, 0, fmt.Errorf("the listing broke off after %d records: %w", have, err))
}

// address is where the tenant's cmdlets are invoked.
func (c *Client) address(s *session) string {
	return c.endpoint.String() + "/adminapi/beta/" + url.PathEscape(string(s.tenant)) + "/InvokeCommand"
}

// follow checks the address of the next page: the token goes to our endpoint only.
func (c *Client) follow(current, next string) (string, error) {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != c.endpoint.Scheme || u.Host != c.endpoint.Host || next == current {
		return "", fault.Retry(fault.ExchangeIncomplete, 0, fmt.Errorf("the address of the next page, %q, is not one of %s", quote(next), c.endpoint))
	}
	return next, nil
}

// invoke makes one call. A refusal for lack of access is repeated once with a new
// credential, because the token may be older than the grant.
func (c *Client) invoke(ctx context.Context, s *session, address, cmdlet string, p parameters) (reply, error) {
	body, err := json.Marshal(map[string]any{"CmdletInput": map[string]any{"CmdletName": cmdlet, "Parameters": p}})
	if err != nil {
		return reply{}, fault.Stop(fault.MalformedCommand, fmt.Errorf("%s: write the parameters: %w", cmdlet, err))
	}
	got, err := c.send(ctx, s, address, cmdlet, body)
	if fault.Is(err, fault.ExchangeAccessMissing) && s.forget(c.now()) {
		got, err = c.send(ctx, s, address, cmdlet, body)
	}
	return got, err
}

func (c *Client) send(ctx context.Context, s *session, address, cmdlet string, body []byte) (reply, error) {
	leave, err := s.gate.enter(ctx, c.now())
	if err != nil {
		return reply{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, c.limits.Timeout)
	defer cancel()
	token, err := c.token(ctx, s)
	if err != nil {
		return reply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return reply{}, fault.Stop(fault.MalformedCommand, fmt.Errorf("%s: %w", cmdlet, err))
	}
	c.setHeaders(req, s, cmdlet, token)
	got, err := c.exchange(req, cmdlet)
	if err != nil {
		return reply{}, err
	}
	if got.status < 200 || got.status > 299 {
		err = got.classify(c.now())
		s.gate.hold(c.now(), fault.RetryAfter(err))
	}
	return got, err
}

func (c *Client) exchange(req *http.Request, cmdlet string) (reply, error) {
	resp, err := c.transport.Do(req)
	if err != nil {
		return reply{}, unreachable(cmdlet, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return reply{}, unreachable(cmdlet, err)
	}
	if len(body) > maxAnswer {
		return reply{}, fault.Retry(fault.AnswerNotUnderstood, 0, fmt.Errorf("%s: the answer is larger than %d bytes", cmdlet, maxAnswer))
	}
	return reply{cmdlet: cmdlet, status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// unreachable also means that the outcome of a write is not known: callers read back.
func unreachable(cmdlet string, err error) error {
	return fault.Retry(fault.Unreachable, 0, fmt.Errorf("%s: no answer from Exchange: %w", cmdlet, err))
}

// anchor routes all calls of an application to one and the same server; the GUID is
// that of a mailbox every organisation has.
const anchor = "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@"

func (c *Client) setHeaders(req *http.Request, s *session, cmdlet, token string) {
	h := req.Header
	h.Set("Authorization", "Bearer "+token)
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Accept", "application/json")
	h.Set("Prefer", "odata.maxpagesize=1000")
	h.Set("User-Agent", "usher")
	h.Set("X-AnchorMailbox", anchor+string(s.tenant))
	h.Set("X-ClientApplication", "ExoManagementModule") // the only name known to be accepted
	h.Set("X-CmdletName", cmdlet)
	h.Set("X-ResponseFormat", "json")
	h.Set("X-SerializationLevel", "Partial")
	h.Set("connection-id", s.connectionID)
	h.Set("client-request-id", c.newID())
	h.Set("parameter-based-routing", "true")
}

func (c *Client) token(ctx context.Context, s *session) (string, error) {
	credential, err := c.credentialOf(s)
	if err != nil {
		return "", err
	}
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.scope}})
	if err != nil {
		return "", signin.Classify(err)
	}
	return token.Token, nil
}

func (c *Client) credentialOf(s *session) (azcore.TokenCredential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.credential != nil {
		return s.credential, nil
	}
	credential, err := c.credential(s.tenant)
	if err != nil {
		return nil, fault.Stop(fault.CredentialInvalid, fmt.Errorf("make the credential for Exchange: %w", err))
	}
	s.credential, s.since = credential, c.now()
	return credential, nil
}

// freshFor is how long a credential counts as new: a refusal of one so young says
// nothing new if repeated.
const freshFor = time.Minute

// forget drops the tenant's credential, and reports whether it was old enough for a
// new one to make a difference.
func (s *session) forget(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.credential == nil || now.Sub(s.since) < freshFor {
		return s.credential == nil
	}
	s.credential = nil
	return true
}
