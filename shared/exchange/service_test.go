package exchange_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/exchange"
)

const (
	tenant   = account.TenantID("0550b473-9fd2-4dbb-a058-a1640b4bf458")
	viewOnly = "View-Only Organization Management"
	objectID = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
)

var member = account.Member{ObjectID: objectID, UserPrincipalName: "svc-sam360@contoso.onmicrosoft.com"}

// answer is what the scripted service says to one call.
type answer struct {
	status int
	body   string
	header http.Header
	err    error
}

func ok(records string) answer { return answer{status: 200, body: `{"value":` + records + `}`} }

// exception is a refusal in the service's envelope.
func exception(status int, kind, text string) answer {
	body := map[string]any{"error": map[string]any{
		"code": "NotFound", "message": "Error executing cmdlet",
		"details":    []any{map[string]any{"code": "Context", "message": "Ex94914C|" + kind + "|" + text}},
		"innererror": map[string]any{"type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException"},
	}}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return answer{status: status, body: string(b)}
}

const notFoundType = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"

// service answers each cmdlet from its script; the last answer of a cmdlet repeats.
type service struct {
	mu      sync.Mutex
	scripts map[string][]answer
	calls   []*http.Request
	bodies  []string
	tokens  int
}

func newService() *service { return &service{scripts: map[string][]answer{}} }

func (s *service) on(cmdlet string, answers ...answer) *service {
	s.scripts[cmdlet] = answers
	return s
}

// withGroup lets the role group be found.
func (s *service) withGroup() *service {
	return s.on("Get-RoleGroup", ok(`[{"Name":"`+viewOnly+`","Guid":"g"}]`))
}

func (s *service) Do(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	s.calls, s.bodies = append(s.calls, req), append(s.bodies, string(body))
	cmdlet := req.Header.Get("X-CmdletName")
	script := s.scripts[cmdlet]
	if len(script) == 0 {
		return nil, fmt.Errorf("the script has no answer to %s", cmdlet)
	}
	if len(script) > 1 {
		s.scripts[cmdlet] = script[1:]
	}
	a := script[0]
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)), Request: req}, nil
}

// cmdlets names the calls made so far.
func (s *service) cmdlets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, c := range s.calls {
		names = append(names, c.Header.Get("X-CmdletName"))
	}
	return names
}

// GetToken makes the service its own credential.
func (s *service) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens++
	return azcore.AccessToken{Token: fmt.Sprintf("token-%d-%s", s.tokens, strings.Join(o.Scopes, " "))}, nil
}

func (s *service) credential(account.TenantID) (azcore.TokenCredential, error) { return s, nil }

// client has no pacing and the time and ids of a test, unless changed.
func client(t *testing.T, s *service, change ...func(*exchange.Options)) *exchange.Client {
	t.Helper()
	var ids atomic.Int64 // calls are made side by side
	o := exchange.Options{
		Credential: s.credential, Transport: s,
		Limits: exchange.Limits{Interval: -1, InFlight: -1},
		Now:    func() time.Time { return time.Date(2026, 2, 20, 7, 0, 0, 0, time.UTC) },
		NewID:  func() string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", ids.Add(1)) },
	}
	for _, c := range change {
		c(&o)
	}
	c, err := exchange.New(o)
	require.NoError(t, err)
	return c
}
