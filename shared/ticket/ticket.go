// Package ticket tells the ticketing system how a request stands: a call-back signed
// as the Standard Webhooks specification says, or a log line where none is configured.
package ticket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/address"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/webhook"
)

const (
	// timeout bounds one call-back (source: Standard Webhooks advises 15 to 30 s).
	timeout = 30 * time.Second
	// maxAnswer bounds what is read of an answer, for the reason it may hold.
	maxAnswer = 64 << 10
	// maxExcerpt bounds what an error repeats of it.
	maxExcerpt = 200
)

// Options of a Callback.
type Options struct {
	// URL takes the events: https, or http to this machine.
	URL string
	// Secret signs them.
	Secret webhook.Secret
	// AllowHosts are the hosts URL may name; empty allows the one it names.
	AllowHosts []string
	// AllowPrivate allows addresses of private networks. Link-local and metadata
	// addresses stay refused.
	AllowPrivate bool
	// Transport replaces the connection, and with it the check of the address. Nil
	// connects directly, without a proxy.
	Transport http.RoundTripper
	// Now is the clock of the signatures. Nil means time.Now.
	Now func() time.Time
}

// Callback posts status events to one URL.
type Callback struct {
	url    *url.URL
	secret webhook.Secret
	client *http.Client
	now    func() time.Time
}

// New checks the options and makes a Callback. Errors name what to change; none
// repeats more of the URL than its host, for senders put tokens in the rest.
func New(o Options) (*Callback, error) {
	target, err := url.Parse(o.URL)
	if err != nil || target.Hostname() == "" {
		return nil, errors.New("the call-back URL is not a URL with a host; use https://HOST/PATH")
	}
	host := target.Hostname()
	switch {
	case target.Scheme != "https" && (target.Scheme != "http" || !address.Loopback(host)):
		return nil, fmt.Errorf("the call-back URL of %s must begin with https:// (http only to this machine)", host)
	case target.User != nil:
		return nil, fmt.Errorf("the call-back URL of %s holds a user name; events are signed, leave it out", host)
	case len(o.AllowHosts) > 0 && !slices.ContainsFunc(o.AllowHosts, func(h string) bool { return strings.EqualFold(h, host) }):
		return nil, fmt.Errorf("the call-back host %s is not among the allowed hosts (%s)", host, strings.Join(o.AllowHosts, ", "))
	case o.Secret.IsZero():
		return nil, fmt.Errorf("the call-back to %s has no secret to sign with", host)
	}
	if o.Transport == nil {
		o.Transport = guarded(guard{loopback: address.Loopback(host), private: o.AllowPrivate})
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	client := &http.Client{
		Transport:     o.Transport,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Callback{url: target, secret: o.Secret, client: client, now: o.Now}, nil
}

// Tell posts one event; its webhook-id, <request>-<sequence>, is the same each time.
// It fails with fault.CallbackRefused (permanent) where the receiver will not take
// it, and fault.CallbackFailed (transient, with the receiver's Retry-After) otherwise.
func (c *Callback) Tell(ctx context.Context, s events.Status) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fault.Stopf(fault.CallbackRefused, "write the status event: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url.String(), bytes.NewReader(body))
	if err != nil {
		return fault.Stopf(fault.CallbackRefused, "call back %s: the URL cannot be used", c.url.Hostname())
	}
	id := s.Data.RequestID + "-" + strconv.Itoa(s.Data.Sequence)
	req.Header = webhook.Sign(c.secret, id, c.now(), body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "usher")
	resp, err := c.client.Do(req)
	if err != nil {
		return c.unsent(err)
	}
	defer resp.Body.Close()
	return c.classify(resp, carriesLink(s))
}

// carriesLink reports whether an event holds what must not be repeated: a receiver may
// answer with what it was sent.
func carriesLink(s events.Status) bool {
	d := s.Data
	return d.Credential != nil && d.Credential.Link != "" || d.Consent != nil && d.Consent.URL != ""
}

// unsent words a request without an answer, without the URL that net/http puts in.
func (c *Callback) unsent(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	err = fmt.Errorf("call back %s: %w", c.url.Hostname(), err)
	if errors.Is(err, errAddress) {
		return fault.Stop(fault.CallbackRefused, err)
	}
	return fault.Retry(fault.CallbackFailed, 0, err)
}

// classify reads an answer (source: Standard Webhooks, "Delivery": 2xx is success,
// 410 means never again, 429 and 5xx mean later).
func (c *Callback) classify(resp *http.Response, silent bool) error {
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	status := resp.StatusCode
	if silent {
		answer = nil
	}
	if status >= 200 && status < 300 {
		return nil
	}
	said := fmt.Errorf("call back %s: status %d%s", c.url.Hostname(), status, excerpt(answer))
	switch {
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return fault.Retry(fault.CallbackFailed, fault.ParseRetryAfter(resp.Header.Get("Retry-After"), c.now()), errors.Join(said, err))
	case status >= 300 && status < 400:
		return fault.Stopf(fault.CallbackRefused, "%w: redirects are not followed, set the address it leads to", said)
	}
	return fault.Stop(fault.CallbackRefused, said)
}

// excerpt is the beginning of an answer on one line.
func excerpt(answer []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(answer), "?")), " ")
	if text == "" {
		return ""
	}
	if len(text) > maxExcerpt {
		text = strings.ToValidUTF8(text[:maxExcerpt], "") + "…"
	}
	return fmt.Sprintf(" (it says: %q)", text)
}

// Log makes a teller that writes each event to the log and never fails: for use
// where no call-back URL is configured.
func Log(log *slog.Logger) func(context.Context, events.Status) error {
	return func(ctx context.Context, s events.Status) error {
		d := s.Data
		log.LogAttrs(ctx, slog.LevelInfo, s.Type,
			slog.String("request", d.RequestID), slog.Int("sequence", d.Sequence), slog.String("status", string(d.Status)),
			slog.String("action", d.Action), slog.String("tenant", d.Tenant), slog.String("account", d.Account.UserPrincipalName),
			slog.String("fault_code", d.FaultCode), slog.String("reason", d.Reason), slog.Any("ticket", d.Ticket))
		return nil
	}
}
