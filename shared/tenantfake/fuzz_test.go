package tenantfake

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// FuzzFilter parses both dialects and evaluates what parses: no input may panic or recurse without bound.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"displayName eq 'O''Hara'", "startswith(mail,'x') and not (a ne null)", "assignedLicenses/any(x:x/skuId eq 1)",
		"createdDateTime ge 2026-11-01T00:00:00Z", "a in ('x',1,true)", "ExternalDirectoryObjectId -eq 'x' -or Name -like '[*'", "((", "'", "a eq", "x/$count eq 0"} {
		f.Add(s)
	}
	u := &User{DisplayName: "Adele", Licenses: []string{skuE3}}
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (*expr, error){parseFilter, parseOPATH} {
			e, err := parse(s)
			if err != nil {
				continue
			}
			e.needs(userFilters)
			e.matches(u.property)
		}
	})
}

// fuzzServer is a tenant with a token for each service.
func fuzzServer() (s *Server, graph, exo string) {
	s = New(Options{})
	t := s.AddTenant(DefaultTenant())
	return s, t.issue(t.apps[0], "https://graph.microsoft.com", "https://x"), t.issue(t.apps[0], "https://outlook.office365.com", "https://x")
}

func send(t *testing.T, s *Server, path, token, body string) *response {
	t.Helper()
	r, err := http.NewRequest("POST", "https://host"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.handle(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.status < 200 || resp.status > 599 {
		t.Fatalf("status %d", resp.status)
	}
	return resp
}

// FuzzInvokeCommand sends bodies to the Exchange door: every one gets an answer.
func FuzzInvokeCommand(f *testing.F) {
	for _, s := range []string{`{"CmdletInput":{"CmdletName":"Get-User","Parameters":{"Identity":"x","ResultSize":"Unlimited"}}}`,
		`{"CmdletInput":{"CmdletName":"Remove-RoleGroupMember","Parameters":{"Identity":"Help Desk","Member":"LeeG","Confirm":false}}}`,
		`{"CmdletInput":{"CmdletName":"Get-RoleGroup","Parameters":{"Filter":"Name -like 'H*'"}}}`, `{"CmdletInput":null}`, `[]`, ``} {
		f.Add(s)
	}
	s, _, exo := fuzzServer()
	f.Fuzz(func(t *testing.T, body string) {
		send(t, s, "/adminapi/beta/"+DefaultTenantID+"/InvokeCommand", exo, body)
	})
}

// FuzzBatch sends bodies to Graph's $batch: every answer is JSON, and a batch that is taken answers each of its items once.
func FuzzBatch(f *testing.F) {
	for _, s := range []string{`{"requests":[{"id":"1","method":"GET","url":"/users"},{"id":"2","method":"DELETE","url":"/users/x","dependsOn":["1"]}]}`,
		`{"requests":[{"id":"1","method":"POST","url":"/users","headers":{"Content-Type":"application/json"},"body":{"displayName":null}}]}`,
		`{"requests":[{"id":"1","method":"GET","url":"https://elsewhere/v1.0/users"}]}`, `{"requests":[{"id":"1","method":"G T","url":"/"}]}`, `{}`, ``} {
		f.Add(s)
	}
	s, graph, _ := fuzzServer()
	f.Fuzz(func(t *testing.T, body string) {
		resp := send(t, s, "/v1.0/$batch", graph, body)
		var out struct{ Responses []struct{ ID string } }
		if err := json.Unmarshal(resp.body, &out); err != nil {
			t.Fatal(err)
		}
		if items, err := parseBatch([]byte(body)); err == nil && len(items) != len(out.Responses) {
			t.Fatalf("%d answers for %d requests", len(out.Responses), len(items))
		}
	})
}

// FuzzUserBody sends bodies to the creation of users.
func FuzzUserBody(f *testing.F) {
	f.Add(`{"accountEnabled":true,"displayName":"Z","mailNickname":"zip","userPrincipalName":"zip@contoso.com","passwordProfile":{"password":"xWwvJ]6NMw"}}`)
	f.Add(`{"onPremisesExtensionAttributes":{"extensionAttribute1":1},"businessPhones":[null]}`)
	f.Add(`[1]`)
	s, graph, _ := fuzzServer()
	f.Fuzz(func(t *testing.T, body string) { send(t, s, "/v1.0/users", graph, body) })
}
