package simulation

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// open waits for a link, some hours at most, and opens it as people do: until the page
// says something definite.
func (p *person) open(answer reply) {
	for range 40 {
		if told := p.lastTold(p.nameOf(answer), func(c events.StatusSecret) bool { return c.Link != "" }); told.Link != "" {
			p.visit(p.nameOf(answer), told.Link)
			return
		}
		time.Sleep(10 * time.Minute)
	}
}

// nameOf is the account that a request is about.
func (s *story) nameOf(answer reply) string {
	r, err := s.current().ledger.Request(s.ctx, answer.RequestID)
	require.NoError(s, err)
	return r.UserPrincipalName
}

// lastTold is the latest credential that a ticket got about an account, and took.
func (w *world) lastTold(upn string, which func(events.StatusSecret) bool) (last events.StatusSecret) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, status := range w.told {
		if c := status.Data.Credential; c != nil && !w.lost(c) && strings.EqualFold(status.Data.Account.UserPrincipalName, upn) && which(*c) {
			last = *c
		}
	}
	return last
}

// lost reports whether the ticketing system refused the status with a credential.
func (w *world) lost(c *events.StatusSecret) bool {
	return slices.ContainsFunc(w.refused, func(s events.Status) bool {
		return s.Data.Credential != nil && c.Handover != "" && s.Data.Credential.Handover == c.Handover
	})
}

var shown = regexp.MustCompile(`class="password" translate="no">([^<]+)<`)

// visit presses the button. What a dying process says is lost on the way.
func (p *person) visit(upn, link string) {
	for range 100 {
		recorder := httptest.NewRecorder()
		if u := p.current(); !u.dead.Load() {
			u.page.ServeHTTP(recorder, httptest.NewRequestWithContext(p.ctx, http.MethodPost, link, http.NoBody))
			if found := shown.FindStringSubmatch(recorder.Body.String()); found != nil && !u.dead.Load() {
				p.mu.Lock()
				p.seen[upn] = html.UnescapeString(found[1])
				p.mu.Unlock()
				return
			}
			if recorder.Code == http.StatusGone || recorder.Code == http.StatusNotFound {
				return
			}
		}
		time.Sleep(time.Minute)
	}
}

// passwordsSignIn finds for each account of ours the password that somebody has: in the
// vault, in the last sealed text of its ticket, or on the page that a person opened.
func (s *story) passwordsSignIn(accounts []account.Account) {
	for _, a := range accounts {
		if !s.lives(a) || a.ObjectID == "" || a.Origin != account.Created || a.AppID != "" {
			continue
		}
		password, where := s.passwordOf(a)
		works := s.signsIn(a, password)
		if !works && a.Password.NextRef != "" { // a rotation that failed: perhaps it is set, perhaps not
			next, err := s.vault.Open(s.ctx, a.Password.NextRef)
			works = err == nil && s.signsIn(a, next.Reveal())
		}
		assert.True(s, works, "the password of %s from %s does not sign in", a.UserPrincipalName, where)
	}
}

// lostPasswordsAreWorthless: what a ticketing system read and did not take signs in nobody.
// An account whose revocation or return failed for good is left to the person who was told.
func (s *story) lostPasswordsAreWorthless(accounts []account.Account) {
	for _, status := range s.refused {
		c, upn := status.Data.Credential, status.Data.Account.UserPrincipalName
		switch {
		case c == nil:
		case c.Link != "":
			page := httptest.NewRecorder()
			s.current().page.ServeHTTP(page, httptest.NewRequestWithContext(s.ctx, http.MethodPost, c.Link, http.NoBody))
			// Of a status that was sent twice the first link is not even known.
			assert.Contains(s, []int{http.StatusGone, http.StatusNotFound}, page.Code, "the link of %s that was refused opens", upn)
		case c.Sealed != "":
			for _, a := range accounts {
				assert.False(s, s.lives(a) && strings.EqualFold(a.UserPrincipalName, upn) && s.signsIn(a, s.opened(c.Sealed)), "the password of %s that was refused signs in", upn)
			}
		}
	}
}

// opened is what lies in a sealed text, with whoever's key.
func (s *story) opened(sealed string) string {
	for _, key := range s.keys {
		if r, err := age.Decrypt(armor.NewReader(strings.NewReader(sealed)), key); err == nil {
			text, err := io.ReadAll(r)
			require.NoError(s, err)
			return string(text)
		}
	}
	require.Fail(s, "nobody can open what was sealed")
	return ""
}

func (s *story) passwordOf(a account.Account) (password, where string) {
	switch {
	case a.SecretRef != "":
		secret, err := s.vault.Open(s.ctx, a.SecretRef)
		assert.NoError(s, err, a.UserPrincipalName)
		return secret.Reveal(), "the vault"
	case a.Delivery.Method == account.DeliverByLink:
		return s.seen[a.UserPrincipalName], "the page"
	}
	return s.unseal(a), "the ticket"
}

// unseal opens what a ticket got last, with the key it is for and with no other.
func (s *story) unseal(a account.Account) (password string) {
	told := s.lastTold(a.UserPrincipalName, func(c events.StatusSecret) bool { return c.Sealed != "" })
	for public, key := range s.keys {
		r, err := age.Decrypt(armor.NewReader(strings.NewReader(told.Sealed)), key)
		if len(a.Delivery.Recipients) != 1 || a.Delivery.Recipients[0] != public {
			assert.Error(s, err, "the password of %s opens with a key of somebody else", a.UserPrincipalName)
			continue
		}
		if assert.NoError(s, err, "the sealed password of %s does not open", a.UserPrincipalName) {
			text, err := io.ReadAll(r)
			assert.NoError(s, err)
			password = string(text)
		}
	}
	return password
}

// signsIn tries a password where the account is mastered.
func (s *story) signsIn(a account.Account, password string) bool {
	if a.OnPremises.Mastered() {
		return password != "" && s.domain.Password(a.OnPremises.GUID).Reveal() == password
	}
	return s.tenant.CheckPassword(a.UserPrincipalName, password)
}

// secretsAreNowhereElse: passwords are in no text of ours, and a link is in the one status
// that brought it.
func (s *story) secretsAreNowhereElse() {
	told, err := json.Marshal(s.told)
	require.NoError(s, err)
	places := map[string]string{"the log": strings.Join(s.logged, "\n"), "the database": s.disk()}
	for place, text := range places {
		assert.NotContains(s, text, canary, "a password in "+place)
	}
	assert.NotContains(s, string(told), canary, "a password in a status event")
	for _, call := range s.server.Log() {
		line, err := json.Marshal(call)
		require.NoError(s, err)
		assert.NotContains(s, string(line), canary, "a password in the emulator's log")
	}
	for _, status := range s.told {
		if c := status.Data.Credential; c != nil && c.Link != "" {
			token := c.Link[strings.LastIndexByte(c.Link, '/')+1:]
			assert.Equal(s, 1, strings.Count(string(told), token), "a link was told twice")
			for place, text := range places {
				assert.NotContains(s, text, token, "a link in "+place)
			}
		}
	}
}
