package tenantfake

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Throttle switches the service limits of one app in one tenant (reference: Microsoft Graph docs, service-specific throttling limits).
type Throttle struct {
	// Scale multiplies the limits; zero or negative switches throttling off. 1 is a tenant of more than 500 users: 8,000 resource units
	// per 10 s and 3,000 writes per 150 s, with Retry-After; one Conditional Access request a second, without.
	Scale float64
	// HTTPDate announces Retry-After as a date instead of seconds.
	HTTPDate bool
}

// throttle is the state of the token buckets.
type throttle struct {
	Throttle
	units, writes, conditional bucket
}

// bucket holds tokens that come back at a steady rate.
type bucket struct {
	size, perSecond float64
	tokens          float64
	at              time.Time
}

func newBucket(size, window float64, now time.Time) bucket {
	return bucket{size: size, perSecond: size / window, tokens: size, at: now}
}

// take takes n tokens, or returns how long it takes until there are enough.
func (b *bucket) take(n float64, now time.Time) time.Duration {
	b.tokens = math.Min(b.size, b.tokens+b.perSecond*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens >= n {
		b.tokens -= n
		return 0
	}
	return time.Duration(math.Ceil((n-b.tokens)/b.perSecond)) * time.Second
}

// SetThrottle switches the tenant's limits on or off, with full buckets.
func (t *Tenant) SetThrottle(th Throttle) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.throttle = nil
	if th.Scale <= 0 {
		return
	}
	now := t.s.now()
	t.throttle = &throttle{Throttle: th,
		units: newBucket(math.Max(8000*th.Scale, 5), 10, now), writes: newBucket(math.Max(3000*th.Scale, 1), 150, now),
		conditional: newBucket(math.Max(th.Scale, 1), 1, now)}
}

// warnAbove is the share of a limit from which on answers tell how much of it is used.
const warnAbove = 0.8

// cost is the price of a request in resource units.
func (c *graphCall) cost() float64 {
	n := 1.0
	switch c.route.pattern {
	case "/users", "/users/{id}/licenseDetails":
		n = 2
	case "/subscribedSkus":
		n = 3
	}
	if c.r.Method != http.MethodGet {
		n = 1
	}
	q := c.r.URL.RawQuery
	if strings.Contains(q, "select=") {
		n--
	}
	if strings.Contains(q, "expand=") {
		n++
	}
	return math.Max(n, 1)
}

// graph answers 429 when a bucket is empty. A nil receiver has no limits.
func (th *throttle) graph(c *graphCall) *response {
	if th == nil {
		return nil
	}
	if strings.HasPrefix(c.route.pattern, "/identity/conditionalAccess") {
		if th.conditional.take(1, c.now) > 0 {
			return th.refuse(c, 0, "Read", "ConditionalAccess")
		}
		return nil
	}
	if after := th.units.take(c.cost(), c.now); after > 0 {
		return th.refuse(c, after, "ReadWrite", "ResourceUnitLimitExceeded")
	}
	if c.r.Method != http.MethodGet {
		if after := th.writes.take(1, c.now); after > 0 {
			return th.refuse(c, after, "Write", "WriteLimitExceeded")
		}
	}
	c.used = 1 - th.units.tokens/th.units.size
	return nil
}

func (th *throttle) refuse(c *graphCall, after time.Duration, scope, why string) *response {
	resp := c.fail(http.StatusTooManyRequests, "TooManyRequests", "Too many requests")
	if after > 0 && th.HTTPDate {
		resp.header.Set("Retry-After", c.now.Add(after).UTC().Format(http.TimeFormat))
	} else {
		retryAfter(resp, Decision{RetryAfter: after})
	}
	resp.header.Set("x-ms-throttle-scope", "Tenant_Application/"+scope+"/"+c.claims.AppID+"/"+c.t.ID())
	resp.header.Set("x-ms-throttle-information", why)
	return resp
}

// retryAfter announces a wait in whole seconds, rounded up.
func retryAfter(resp *response, d Decision) {
	if d.RetryAfter > 0 {
		resp.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.RetryAfter.Seconds()))))
	}
}
