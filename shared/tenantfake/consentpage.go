package tenantfake

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ConsentPrompt is what the admin consent page shows.
type ConsentPrompt struct {
	// Tenant is as the address names it: an id, a domain, or "organizations".
	Tenant string
	// Scope is empty on the older page, which asks for all that the registration does.
	ClientID, Scope, RedirectURI string
}

// ConsentAnswer is who sits before the admin consent page, and what they do.
type ConsentAnswer struct {
	// Tenant (id or domain) is whose administrator it is. Empty is the tenant that the address names.
	Tenant string
	// Declined is a click on Cancel.
	Declined bool
}

// OnConsentPage decides what happens at the admin consent page, which is GET /{tenant}/v2.0/adminconsent and GET /{tenant}/adminconsent.
// Nil, the default, is an administrator of the tenant that the address names, who consents.
func (s *Server) OnConsentPage(answer func(ConsentPrompt) ConsentAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.consentPage = answer
}

func (s *Server) askForConsent(p ConsentPrompt) ConsentAnswer {
	s.mu.Lock()
	answer := s.consentPage
	s.mu.Unlock()
	if answer == nil {
		return ConsentAnswer{}
	}
	return answer(p)
}

// anyTenant are the names in an address that leave the tenant to the sign-in.
var anyTenant = []string{"organizations", "common"}

// adminConsent is the admin consent page with its administrator: it ends in a redirect (reference: Microsoft Entra docs, v2-admin-consent).
// What is wrong with the address itself is shown and not redirected.
func (c *loginCall) adminConsent(named string, v2 bool) *response {
	q := c.r.URL.Query()
	prompt := ConsentPrompt{Tenant: named, ClientID: q.Get("client_id"), Scope: q.Get("scope"), RedirectURI: q.Get("redirect_uri")}
	anywhere := slices.Contains(anyTenant, named)
	if c.t == nil && !anywhere {
		return errorPage(90002, "Tenant '"+named+"' not found.")
	}
	wanted, known := c.s.application(prompt.ClientID)
	switch {
	case !known:
		return errorPage(700016, "Application with identifier '"+prompt.ClientID+"' was not found in the directory.")
	case !slices.Contains(wanted.RedirectURIs, prompt.RedirectURI):
		return errorPage(50011, "The redirect URI '"+prompt.RedirectURI+"' specified in the request does not match the redirect URIs configured for the application.")
	case v2 && prompt.Scope == "":
		return errorPage(900144, "The request body must contain the following parameter: 'scope'.")
	}
	answer := c.s.askForConsent(prompt)
	t := c.t
	if answer.Tenant != "" {
		t = c.s.Tenant(answer.Tenant)
	}
	back := url.Values{"admin_consent": {"True"}}
	if state := q.Get("state"); state != "" {
		back.Set("state", state)
	}
	switch {
	case t == nil:
		return errorPage(90002, "Tenant '"+answer.Tenant+"' not found.")
	case t != c.t && !anywhere:
		c.denied(back, 50020, "User account from identity provider 'https://sts.windows.net/"+t.ID()+"/' does not exist in tenant '"+c.t.spec.DisplayName+"' and cannot access the application in that tenant.")
	case answer.Declined:
		c.denied(back, 65004, "User declined to consent to access the app.")
	default:
		t.consent(wanted.narrowed(prompt.Scope))
		back.Set("tenant", t.ID())
		if v2 {
			back.Set("scope", prompt.Scope)
		}
	}
	return redirect(prompt.RedirectURI, back)
}

// denied fills the answer of a consent that did not come about: it names no tenant.
func (c *loginCall) denied(back url.Values, number int, text string) {
	back.Set("error", "access_denied")
	back.Set("error_description", fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
		number, text, c.id, c.s.guid(), c.s.now().UTC().Format("2006-01-02 15:04:05Z")))
	back.Set("error_uri", fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", number))
}

// narrowed is what a consent page grants for its scope: the whole registration for /.default and on the older page, otherwise the delegated
// permissions that are named.
func (r Registration) narrowed(scope string) Registration {
	if scope == "" || strings.HasSuffix(scope, "/.default") {
		return r
	}
	r.Permissions, r.Delegated = nil, map[string][]string{}
	for _, one := range strings.Fields(scope) {
		name := one[strings.LastIndex(one, "/")+1:]
		if id, ok := scopeTable[graphAppID][name]; ok {
			r.Delegated[graphAppID] = append(r.Delegated[graphAppID], id)
		}
	}
	return r
}

func redirect(to string, q url.Values) *response {
	resp := newResponse(http.StatusFound)
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	resp.header.Set("Location", to+separator+q.Encode())
	return resp
}

func errorPage(number int, text string) *response {
	resp := newResponse(http.StatusBadRequest)
	resp.header.Set("Content-Type", "text/html; charset=utf-8")
	resp.body = fmt.Appendf(nil, "<html><head><title>Sign in to your account</title></head><body><p>AADSTS%d: %s</p></body></html>", number, html.EscapeString(text))
	return resp
}
