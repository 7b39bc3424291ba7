package guides

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

// byLink has administrators of the tenant consent.
const byLink = approvers + `
publicAddress: ` + public + `
tenants:
  - {alias: contoso, id: ` + tenantfake.DefaultTenantID + `, consent: link}
`

// asked are the consent links that a ticket got.
func (s *stage) asked(id string) (links []*events.StatusConsentLink) {
	for _, d := range s.heard(id, events.StatusConsent) {
		links = append(links, d.Consent)
	}
	return links
}

// awaits sends the mediafly request, has it approved, and gives it with its first link.
func (s *stage) awaits(doc map[string]any) (id, link string) {
	s.Helper()
	a := s.post(doc)
	require.NotEqual(s, intake.Refused, a.Status, a.Reason)
	for _, who := range []string{"ann@contoso.com", "bob@contoso.com"} {
		if s.request(a.RequestID).State == account.Parked {
			require.Equal(s, http.StatusOK, s.approve(a.RequestID, who))
		}
	}
	time.Sleep(time.Minute)
	require.Len(s, s.asked(a.RequestID), 1)
	return a.RequestID, s.asked(a.RequestID)[0].URL
}

// browse is the administrator's browser on Microsoft's page: it gives where that sends it.
func (s *stage) browse(link string) string {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, link, nil)
	require.NoError(s, err)
	resp, err := s.server.Transport().RoundTrip(req)
	require.NoError(s, err)
	require.NoError(s, resp.Body.Close())
	require.Equal(s, http.StatusFound, resp.StatusCode, link)
	back, err := resp.Location()
	require.NoError(s, err)
	return back.String()
}

// callBack is the browser at our address: the status and the page.
func (s *stage) callBack(address string) (int, string) {
	s.Helper()
	w := httptest.NewRecorder()
	s.app.Handler().ServeHTTP(w, httptest.NewRequestWithContext(s.Context(), http.MethodGet, strings.TrimPrefix(address, public), nil))
	assert.NotContains(s, w.Body.String(), "<script")
	assert.Contains(s, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	assert.Equal(s, "no-referrer", w.Header().Get("Referrer-Policy"))
	return w.Code, w.Body.String()
}

// answers opens a link and brings the answer back.
func (s *stage) answers(link string) (int, string) {
	s.Helper()
	return s.callBack(s.browse(link))
}

// waitsFor is the fault of the step that waits for a consent.
func (s *stage) waitsFor(id string) fault.Code {
	s.Helper()
	return fault.Code(step(s.T, s.request(id), "grantconsent").FaultCode)
}

func TestAConsentIsAcceptedOnce(t *testing.T) {
	tell(t, byLink, func(s *stage) {
		id, link := s.awaits(s.sample("onboard-mediafly-intelligence.json"))
		assert.Equal(t, fault.ConsentAwaited, s.waitsFor(id))
		back := s.browse(link)
		code, page := s.callBack(back)
		require.Equal(t, http.StatusOK, code)
		assert.Contains(t, page, "Thank you")
		code, page = s.callBack(back)
		assert.Equal(t, http.StatusGone, code)
		assert.Contains(t, page, "Answered already")
		s.reaches(id, account.Succeeded, 15*time.Minute)
		s.keptNoState(link)
	})
}

// keptNoState looks for the link's state wherever something is kept.
func (s *stage) keptNoState(link string) {
	s.Helper()
	u, err := url.Parse(link)
	require.NoError(s, err)
	state := u.Query().Get("state")
	require.Len(s, state, 43)
	assert.NotContains(s, s.log.String(), state)
	files := 0
	require.NoError(s, filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		kept, err := os.ReadFile(path)
		assert.NotContains(s, string(kept), state, path)
		return err
	}))
	assert.Positive(s, files)
}

func TestAConsentIsDeclinedAndAskedForAnew(t *testing.T) {
	tell(t, byLink, func(s *stage) {
		doc := s.sample("onboard-mediafly-intelligence.json")
		id, link := s.awaits(doc)
		s.post(doc)
		time.Sleep(time.Minute)
		require.Len(t, s.asked(id), 1, "a link that works is not replaced because the ticket comes once more")
		s.server.OnConsentPage(func(tenantfake.ConsentPrompt) tenantfake.ConsentAnswer {
			return tenantfake.ConsentAnswer{Declined: true}
		})
		code, page := s.answers(link)
		assert.Equal(t, http.StatusOK, code)
		assert.Contains(t, page, "Not consented")
		time.Sleep(10 * time.Second)
		told := s.heard(id, events.StatusWaiting)
		require.Len(t, told, 1, "the ticket hears of it at once")
		assert.Equal(t, string(fault.ConsentDeclined), told[0].FaultCode)
		time.Sleep(time.Hour)
		require.Len(t, s.heard(id, events.StatusWaiting), 1, "and once")

		// The ticket comes once more, and gets a new link.
		s.post(doc)
		time.Sleep(10 * time.Minute)
		require.Len(t, s.asked(id), 2)
		assert.Equal(t, fault.ConsentAwaited, s.waitsFor(id))
		// The operator makes one, which replaces it.
		var renewed console.ConsentLink
		require.Equal(t, http.StatusOK, s.api(http.MethodPost, "/api/requests/"+id+"/consent-link", console.ConsentOrder{By: "ops"}, &renewed))
		s.server.OnConsentPage(nil)
		code, page = s.callBack(public + "/consent/callback?admin_consent=True&state=" + stateOf(t, s.asked(id)[1].URL))
		assert.Equal(t, http.StatusGone, code)
		assert.Contains(t, page, "newer link")
		code, _ = s.answers(renewed.URL)
		assert.Equal(t, http.StatusOK, code)
		s.reaches(id, account.Succeeded, 15*time.Minute)
		assert.NotEqual(t, http.StatusOK, s.api(http.MethodPost, "/api/requests/"+id+"/consent-link", console.ConsentOrder{By: "ops"}, nil), "nobody waits any more")
		assert.Equal(t, http.StatusBadRequest, s.api(http.MethodPost, "/api/requests/"+id+"/consent-link", console.ConsentOrder{}, nil))
	})
}

func stateOf(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	return u.Query().Get("state")
}

// What a browser brings is a claim: nothing but the tenant's own list counts.
func TestALieAboutAConsentGrantsNothing(t *testing.T) {
	tell(t, byLink, func(s *stage) {
		id, link := s.awaits(s.sample("onboard-mediafly-intelligence.json"))
		code, page := s.callBack(public + "/consent/callback?admin_consent=True&tenant=" + tenantfake.DefaultTenantID + "&state=" + strings.Repeat("A", 43))
		assert.Equal(t, http.StatusNotFound, code)
		assert.Contains(t, page, "Unknown link")
		code, _ = s.callBack(public + "/consent/callback?admin_consent=True&tenant=11111111-2222-4333-8444-555555555555&state=" + stateOf(t, link))
		assert.Equal(t, http.StatusOK, code)
		time.Sleep(10 * time.Second)
		assert.Equal(t, fault.ConsentUnproven, s.waitsFor(id))
		time.Sleep(30 * time.Minute)
		told := s.heard(id, events.StatusWaiting)
		require.Len(t, told, 1)
		assert.Equal(t, string(fault.ConsentElsewhere), told[0].FaultCode)
		assert.Equal(t, account.Waits, s.request(id).State)
	})
}

func TestAStrangerAndNobody(t *testing.T) {
	tell(t, byLink, func(s *stage) {
		s.server.OnConsentPage(func(tenantfake.ConsentPrompt) tenantfake.ConsentAnswer {
			return tenantfake.ConsentAnswer{Tenant: "vendors.onmicrosoft.com"}
		})
		id, link := s.awaits(s.sample("onboard-mediafly-intelligence.json"))
		_, page := s.answers(link)
		assert.Contains(t, page, "Another tenant")
		time.Sleep(10 * time.Second)
		assert.Equal(t, fault.ConsentElsewhere, s.waitsFor(id))

		// Nobody opens the next link in time; who comes late consents all the same.
		var renewed console.ConsentLink
		require.Equal(t, http.StatusOK, s.api(http.MethodPost, "/api/requests/"+id+"/consent-link", console.ConsentOrder{By: "ops"}, &renewed))
		time.Sleep(25 * time.Hour)
		assert.Equal(t, fault.ConsentExpired, s.waitsFor(id))
		require.Len(t, s.heard(id, events.StatusWaiting), 2)
		s.server.OnConsentPage(nil)
		code, page := s.answers(renewed.URL)
		assert.Equal(t, http.StatusGone, code)
		assert.Contains(t, page, "Too late")
		s.reaches(id, account.Succeeded, 15*time.Minute)
	})
}

func TestAfterAWeekAPersonIsAsked(t *testing.T) {
	tell(t, byLink, func(s *stage) {
		id, _ := s.awaits(s.sample("onboard-mediafly-intelligence.json"))
		time.Sleep(7*24*time.Hour + 10*time.Minute)
		require.Equal(t, account.Parked, s.request(id).State)
		require.Equal(t, http.StatusOK, s.approve(id, "ann@contoso.com"))
		time.Sleep(time.Minute)
		require.Len(t, s.asked(id), 2, "it is tried anew with a new link")
		_, page := s.answers(s.asked(id)[1].URL)
		assert.Contains(t, page, "Thank you")
		s.reaches(id, account.Succeeded, 15*time.Minute)
	})
}
