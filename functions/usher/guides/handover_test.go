package guides

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
)

const withPage = "handover: {address: https://usher.example.com/handover}\n"

// delivered is a request for an account whose password is handed over in one way.
func (s *stage) delivered(user, method string, recipients ...string) map[string]any {
	doc := s.sample("onboard-sam360.json")
	doc["account"].(map[string]any)["userName"] = user
	doc["ticket"].(map[string]any)["id"] = user
	how := map[string]any{"method": method}
	if len(recipients) > 0 {
		how["recipients"] = recipients
	}
	doc["delivery"] = how
	return doc
}

// handed is what the ticket was handed for a request: once.
func (s *stage) handed(id string) events.StatusSecret {
	s.Helper()
	heard := s.heard(id, events.StatusHandover)
	require.Len(s, heard, 1)
	require.NotNil(s, heard[0].Credential)
	for _, other := range s.heard(id, events.StatusSucceeded) {
		assert.Nil(s, other.Credential, "said once")
	}
	return *heard[0].Credential
}

func (s *stage) unseal(key *age.X25519Identity, text string) string {
	s.Helper()
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(text)), key)
	require.NoError(s, err)
	password, err := io.ReadAll(r)
	require.NoError(s, err)
	return string(password)
}

// keeps checks that a secret is in no file of ours and in no log, and in no status but the
// one that brings it.
func (s *stage) keeps(secrets ...string) {
	s.Helper()
	ledger, err := filepath.Glob(filepath.Join(s.app.Config.Data, "usher.db*"))
	require.NoError(s, err)
	require.NotEmpty(s, ledger, "ledger and queue are in a file")
	for _, secret := range secrets {
		require.NoError(s, filepath.WalkDir(s.app.Config.Data, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			assert.NotContains(s, string(content), secret, path)
			return err
		}))
		assert.NotContains(s, s.log.String(), secret)
	}
}

func (s *stage) visit(method, link string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.app.Handler().ServeHTTP(w, httptest.NewRequestWithContext(s.Context(), method, link, http.NoBody))
	return w
}

// shown is the password that a page shows.
func shown(t *testing.T, page *httptest.ResponseRecorder) string {
	t.Helper()
	found := regexp.MustCompile(`class="password" translate="no">([^<]+)<`).FindStringSubmatch(page.Body.String())
	require.Len(t, found, 2)
	return html.UnescapeString(found[1])
}

func key(t *testing.T) *age.X25519Identity {
	k, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return k
}

func TestAPasswordIsHandedOverSealed(t *testing.T) {
	tell(t, "", func(s *stage) {
		ours, theirs := key(t), key(t)
		id := s.taken(s.delivered("sealed", "age", ours.Recipient().String(), theirs.Recipient().String()))
		r := s.reaches(id, account.Succeeded, 2*time.Hour)
		secret := s.handed(id)
		first := s.unseal(ours, secret.Sealed)
		assert.Equal(t, first, s.unseal(theirs, secret.Sealed))
		assert.True(t, s.tenant.CheckPassword("sealed@"+domain, first))
		assert.Empty(t, s.account(r).SecretRef, "the vault keeps no copy")

		// A new one: the role is taken for a moment, for our identity may not reset an administrator's password.
		time.Sleep(time.Hour)
		var rotation console.Request
		require.Equal(t, http.StatusOK, s.api(http.MethodPost, "/api/accounts/sealed@"+domain+"/rotate", console.Rotation{By: "ann"}, &rotation))
		rotated := s.reaches(rotation.ID, account.Succeeded, time.Hour)
		assert.Equal(t, account.StepDone, step(t, rotated, "revoke-role-").State)
		second := s.unseal(ours, s.handed(rotation.ID).Sealed)
		assert.NotEqual(t, first, second)
		assert.True(t, s.tenant.CheckPassword("sealed@"+domain, second))
		assert.False(t, s.tenant.CheckPassword("sealed@"+domain, first))
		user, _ := s.tenant.User("sealed@" + domain)
		assert.Equal(t, []string{"Service Support Administrator"}, s.tenant.RolesOf(user.ID), "given again")
		s.keeps(first, second)
	})
}

func TestAPasswordIsHandedOverByLink(t *testing.T) {
	tell(t, withPage, func(s *stage) {
		id := s.taken(s.delivered("linked", "link"))
		r := s.reaches(id, account.Succeeded, 2*time.Hour)
		secret := s.handed(id)
		require.Contains(t, secret.Link, "https://usher.example.com/handover/")
		token := secret.Link[strings.LastIndexByte(secret.Link, '/')+1:]

		// Scanners burn nothing; the button shows it once.
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
			require.Equal(t, http.StatusOK, s.visit(method, secret.Link).Code)
		}
		page := s.visit(http.MethodPost, secret.Link)
		require.Equal(t, http.StatusOK, page.Code)
		first := shown(t, page)
		assert.True(t, s.tenant.CheckPassword("linked@"+domain, first))
		assert.Empty(t, s.account(r).SecretRef, "the vault keeps no copy")

		// Whoever comes second sees nothing, and the password is worth nothing any more.
		time.Sleep(time.Minute)
		require.Equal(t, http.StatusGone, s.visit(http.MethodPost, secret.Link).Code)
		time.Sleep(time.Hour)
		assert.False(t, s.tenant.CheckPassword("linked@"+domain, first))
		var notices []console.Notice
		require.Equal(t, http.StatusOK, s.api(http.MethodGet, "/api/notices", nil, &notices))
		kinds := []string{}
		for _, n := range notices {
			kinds = append(kinds, n.Kind)
			assert.NotContains(t, n.Text, token)
		}
		assert.Contains(t, kinds, "link.visited-again")
		user, _ := s.tenant.User("linked@" + domain)
		assert.Equal(t, []string{"Service Support Administrator"}, s.tenant.RolesOf(user.ID))
		s.keeps(first, token)
	})
}

func TestDeliveriesThatAreRefusedBeforeThereIsAnAccount(t *testing.T) {
	tell(t, "", func(s *stage) {
		private := key(t).String()
		for says, doc := range map[string]map[string]any{
			"delivery.recipients[0]":    s.delivered("a", "age", private),
			"handover.address":          s.delivered("refused-link", "link"),
			"needs a public key of age": s.delivered("refused-without-a-recipient-at-all", "age"),
		} {
			a := s.post(doc)
			assert.Contains(t, a.Reason, says)
			assert.NotContains(t, a.Reason, private)
		}
		time.Sleep(time.Minute)
		assert.Equal(t, s.before, s.tenant.Holdings())
		s.keeps(private)
	})
}
