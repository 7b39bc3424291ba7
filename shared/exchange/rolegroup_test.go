package exchange_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/fault"
)

var update = flag.Bool("update", false, "write the golden files")

func TestRequestsAreGolden(t *testing.T) {
	for name, call := range map[string]func(*exchange.Client) error{
		"add":    func(c *exchange.Client) error { return c.AddRoleGroupMember(t.Context(), tenant, viewOnly, member) },
		"remove": func(c *exchange.Client) error { return c.RemoveRoleGroupMember(t.Context(), tenant, viewOnly, member) },
		"exists": func(c *exchange.Client) error {
			_, err := c.RoleGroupMembers(t.Context(), tenant, "Help Desk")
			assert.True(t, fault.Is(err, fault.RoleGroupNotFound), "%v", err)
			return nil
		},
		"members": func(c *exchange.Client) error {
			_, err := c.RoleGroupMembers(t.Context(), tenant, viewOnly)
			return err
		},
		"visible": func(c *exchange.Client) error {
			_, err := c.Visible(t.Context(), tenant, member, account.Member{ObjectID: "00001111-aaaa-2222-bbbb-3333cccc4444"})
			return err
		},
		"reach": func(c *exchange.Client) error { return c.Reach(t.Context(), tenant) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newService().withGroup().on("Get-RoleGroupMember", ok(`[]`)).on("Get-User", ok(`[]`)).
				on("Add-RoleGroupMember", answer{status: 200}).on("Remove-RoleGroupMember", answer{status: 204})
			require.NoError(t, call(client(t, s)))
			last := s.calls[len(s.calls)-1]
			var b bytes.Buffer
			fmt.Fprintf(&b, "%s %s\n", last.Method, last.URL)
			require.NoError(t, last.Header.Write(&b))
			b.WriteString("\n")
			require.NoError(t, json.Indent(&b, []byte(s.bodies[len(s.bodies)-1]), "", "  "))
			b.WriteString("\n")
			golden(t, name, bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n")))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".http")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestAddRoleGroupMember(t *testing.T) {
	unknown := exception(400, notFoundType, "Couldn't find object.")
	for _, tc := range []struct {
		name  string
		add   answer
		group answer
		code  fault.Code
		class fault.Class
		calls int
	}{
		{"done", ok(`null`), ok(`[]`), "", 0, 1},
		{"done, empty list", ok(`[]`), ok(`[]`), "", 0, 1},
		{"already a member", exception(400, "Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException", "x"), ok(`[]`), "", 0, 1},
		{"member unknown", unknown, ok(`[{"Name":"view-only organization management"}]`), fault.ExchangeNotReplicated, fault.Waiting, 2},
		{"member unknown, 404", exception(404, notFoundType, "x"), ok(`[{"Identity":"contoso/View-Only Organization Management"}]`), fault.ExchangeNotReplicated, fault.Waiting, 2},
		{"group unknown", unknown, exception(404, notFoundType, "x"), fault.RoleGroupNotFound, fault.Permanent, 2},
		{"group unknown, all others answered", unknown, ok(`[{"Name":"Help Desk"}]`), fault.RoleGroupNotFound, fault.Permanent, 2},
		{"group cannot be asked", unknown, answer{status: 503}, fault.ServiceUnavailable, fault.Transient, 2},
		{"answer is no JSON", answer{status: 200, body: "hello"}, ok(`[]`), fault.AnswerNotUnderstood, fault.Transient, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newService().on("Add-RoleGroupMember", tc.add).on("Get-RoleGroup", tc.group)
			err := client(t, s).AddRoleGroupMember(t.Context(), tenant, viewOnly, member)
			assert.Equal(t, tc.code, fault.CodeOf(err), "%v", err)
			assert.Len(t, s.calls, tc.calls)
			if err != nil {
				assert.Equal(t, tc.class, fault.ClassOf(err))
			}
		})
	}
}

func TestWaitingCostsOneCallATryOnceTheGroupIsKnown(t *testing.T) {
	s := newService().withGroup().on("Add-RoleGroupMember", exception(400, notFoundType, "x"))
	c := client(t, s)
	for range 3 {
		require.True(t, fault.Is(c.AddRoleGroupMember(t.Context(), tenant, viewOnly, member), fault.ExchangeNotReplicated))
	}
	assert.Equal(t, []string{"Add-RoleGroupMember", "Get-RoleGroup", "Add-RoleGroupMember", "Add-RoleGroupMember"}, s.cmdlets())
}

func TestRemoveRoleGroupMember(t *testing.T) {
	for _, tc := range []struct {
		name          string
		remove, group answer
		code          fault.Code
	}{
		{"done", ok(`[]`), ok(`[]`), ""},
		{"not a member", exception(400, "Microsoft.Exchange.Management.Tasks.MemberNotFoundException", "x"), ok(`[]`), ""},
		{"account unknown", exception(404, notFoundType, "x"), ok(`[{"Name":"` + viewOnly + `"}]`), ""},
		{"group unknown", exception(404, notFoundType, "x"), ok(`[]`), fault.RoleGroupNotFound},
		{"throttled", answer{status: 429}, ok(`[]`), fault.Throttled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newService().on("Remove-RoleGroupMember", tc.remove).on("Get-RoleGroup", tc.group)
			err := client(t, s).RemoveRoleGroupMember(t.Context(), tenant, viewOnly, member)
			assert.Equal(t, tc.code, fault.CodeOf(err), "%v", err)
		})
	}
}

func TestIsRoleGroupMember(t *testing.T) {
	for _, tc := range []struct {
		name    string
		members answer
		is      bool
		code    fault.Code
	}{
		{"by object id, other case", ok(`[{"ExternalDirectoryObjectId":"87D349ED-44D7-43E1-9A83-5F2406DEE5BD","Guid@odata.type":"#Guid"}]`), true, ""},
		{"nobody", ok(`[]`), false, ""},
		{"value null", ok(`null`), false, ""},
		{"value missing", answer{status: 200, body: `{"@adminapi.warnings":[]}`}, false, ""},
		{"empty answer is no answer", answer{status: 200}, false, fault.AnswerNotUnderstood},
		{"NUL bytes are no answer", answer{status: 200, body: "\x00\x00\x00"}, false, fault.AnswerNotUnderstood},
		{"an object instead of a list", answer{status: 200, body: `{"value":{}}`}, false, fault.AnswerNotUnderstood},
		{"null instead of a record", ok(`[null]`), false, fault.AnswerNotUnderstood},
		{"error in a success", answer{status: 200, body: `{"error":{"code":"x"}}`}, false, fault.AnswerNotUnderstood},
		{"too many calls, as a success", answer{status: 200, body: "You have reached the maximum number of concurrent requests per tenant. Please wait and try again"}, false, fault.Throttled},
		{"the listing is not found", exception(404, notFoundType, "x"), false, fault.ExchangeIncomplete},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newService().withGroup().on("Get-RoleGroupMember", tc.members)
			is, err := client(t, s).IsRoleGroupMember(t.Context(), tenant, viewOnly, member)
			assert.Equal(t, tc.code, fault.CodeOf(err), "%v", err)
			assert.Equal(t, tc.is, is)
		})
	}
}

func TestAMissingGroupIsNeverAnEmptyOne(t *testing.T) {
	// The trap: asked about an unknown identity, the cmdlets answer with everything.
	s := newService().on("Get-RoleGroup", ok(`[{"Name":"Help Desk"},{"Name":"Recipient Management"}]`)).
		on("Get-RoleGroupMember", ok(`[{"ExternalDirectoryObjectId":"`+objectID+`"}]`))
	_, err := client(t, s).IsRoleGroupMember(t.Context(), tenant, viewOnly, member)
	assert.True(t, fault.Is(err, fault.RoleGroupNotFound))
	assert.Contains(t, err.Error(), viewOnly)
	assert.Equal(t, []string{"Get-RoleGroup"}, s.cmdlets())
}

func TestEmptyNamesAreNeverSent(t *testing.T) {
	s := newService()
	c := client(t, s)
	for _, bad := range []string{"", "  ", "*", "View*"} {
		assert.True(t, fault.Is(c.AddRoleGroupMember(t.Context(), tenant, bad, member), fault.MalformedCommand))
		assert.True(t, fault.Is(c.RemoveRoleGroupMember(t.Context(), tenant, viewOnly, account.Member{UserPrincipalName: bad}), fault.MalformedCommand))
		_, err := c.IsRoleGroupMember(t.Context(), tenant, bad, member)
		assert.True(t, fault.Is(err, fault.MalformedCommand))
	}
	assert.True(t, fault.Is(c.Reach(t.Context(), ""), fault.MalformedCommand))
	assert.Empty(t, s.calls)
}

func TestMemberIs(t *testing.T) {
	for _, tc := range []struct {
		name, record string
		is           bool
	}{
		{"object id", `{"ExternalDirectoryObjectId":"` + objectID + `"}`, true},
		{"other object id, same name", `{"ExternalDirectoryObjectId":"00001111-aaaa-2222-bbbb-3333cccc4444","UserPrincipalName":"svc-sam360@contoso.onmicrosoft.com"}`, false},
		{"own guid", `{"Guid":"` + objectID + `"}`, true},
		{"sign-in name", `{"WindowsLiveID":"SVC-sam360@contoso.onmicrosoft.com","Name":"other"}`, true},
		{"other sign-in name, same alias", `{"WindowsLiveID":"svc-sam360@fabrikam.com","Alias":"svc-sam360"}`, false},
		{"mail", `{"PrimarySmtpAddress":"svc-sam360@contoso.onmicrosoft.com"}`, true},
		{"identity path", `{"Identity":"EURPR06A001.prod.outlook.com/contoso.onmicrosoft.com/svc-sam360"}`, true},
		{"name", `{"Name":"svc-sam360"}`, true},
		{"longer name", `{"Name":"svc-sam3601"}`, false},
		{"fields of other types", `{"Name":7,"Guid":{},"ExternalDirectoryObjectId":null}`, false},
		{"nothing", `{}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newService().withGroup().on("Get-RoleGroupMember", ok(`[`+tc.record+`]`))
			is, err := client(t, s).IsRoleGroupMember(t.Context(), tenant, viewOnly, member)
			require.NoError(t, err)
			assert.Equal(t, tc.is, is)
		})
	}
	assert.False(t, exchange.Member{}.Is(account.Member{}))
}

func TestHoldersOfTakesOneListing(t *testing.T) {
	s := newService().withGroup().on("Get-RoleGroupMember", ok(`[{"ExternalDirectoryObjectId":"`+objectID+`"},{"Name":"other"}]`))
	held, err := client(t, s).HoldersOf(t.Context(), tenant, viewOnly, account.Member{ObjectID: "x", UserPrincipalName: "y@z"}, member)
	require.NoError(t, err)
	assert.Equal(t, []bool{false, true}, held)
	assert.Len(t, s.calls, 2)
}

func TestVisible(t *testing.T) {
	other := account.Member{ObjectID: "00001111-aaaa-2222-bbbb-3333cccc4444"}
	s := newService().on("Get-User", ok(`[{"ExternalDirectoryObjectId":"87D349ED-44D7-43E1-9A83-5F2406DEE5BD"},{"ExternalDirectoryObjectId":"stranger"},{}]`))
	seen, err := client(t, s).Visible(t.Context(), tenant, member, other, account.Member{ObjectID: "' -or Name -ne '"}, account.Member{})
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{objectID: true, other.ObjectID: false}, seen)
	assert.Len(t, s.calls, 1)

	none, err := client(t, newService()).Visible(t.Context(), tenant)
	require.NoError(t, err)
	assert.Empty(t, none)

	many := make([]account.Member, 90)
	for i := range many {
		many[i].ObjectID = fmt.Sprintf("00001111-aaaa-2222-bbbb-%012d", i)
	}
	s = newService().on("Get-User", ok(`[]`))
	seen, err = client(t, s).Visible(t.Context(), tenant, many...)
	require.NoError(t, err)
	assert.Len(t, seen, 90)
	assert.Len(t, s.calls, 3)

	s = newService().on("Get-User", answer{status: 400, body: `{"error":{"message":"bad filter"}}`})
	_, err = client(t, s).Visible(t.Context(), tenant, member)
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
	require.Error(t, err)
}
