package tenantfake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestExchangeAccess(t *testing.T) {
	manage := []string{"Exchange.ManageAsApp"}
	tests := []struct {
		name   string
		grants []string
		roles  []string
		cmdlet string
		status int
		check  func(t *testing.T, body []byte)
	}{
		{"nothing", nil, nil, "Get-RoleGroup", 401, func(t *testing.T, b []byte) { require.Empty(t, b) }},
		{"role without permission", nil, []string{"Exchange Administrator"}, "Get-RoleGroup", 401, func(t *testing.T, b []byte) { require.Empty(t, b) }},
		{"look-alike permission", []string{"Exchange.ManageAsAppV2"}, []string{"Exchange Administrator"}, "Get-RoleGroup", 401, nil},
		{"permission without role", manage, nil, "Get-RoleGroup", 403, func(t *testing.T, b []byte) { require.Equal(t, make([]byte, 4096), b) }},
		{"role not supported", manage, []string{"User Administrator"}, "Get-RoleGroup", 403, textContains("isn't supported in this scenario")},
		{"reader reads", manage, []string{"Global Reader"}, "Get-RoleGroup", 200, nil},
		{"reader writes", manage, []string{"Global Reader"}, "Add-RoleGroupMember", 403, textContains("is not present in the role definition of the current user")},
		{"both", manage, []string{"Exchange Administrator"}, "Get-RoleGroup", 200, nil},
		{"no such cmdlet", manage, []string{"Exchange Administrator"}, "Get-Nonsense", 403, textContains("is not present in the role definition")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			c.tenant.SetPermissions(tenantfake.DefaultClientID, nil, tt.grants)
			c.tenant.SetDirectoryRoles(tenantfake.DefaultClientID, tt.roles...)
			c.login()
			status, body := c.invoke(tt.cmdlet, map[string]any{})
			require.Equal(t, tt.status, status, string(body))
			if tt.check != nil {
				tt.check(t, body)
			}
		})
	}
}

func textContains(part string) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) { require.Contains(t, string(body), part) }
}

func TestExchangeRefusesOtherTokensAndTenants(t *testing.T) {
	c := newClient(t)
	status, _ := c.invokeAt("https://outlook.office365.com/adminapi/beta/fabrikam.com/InvokeCommand", "Get-User", map[string]any{})
	require.Equal(t, 401, status)
	status, _ = c.invokeAt("https://outlook.office365.com/adminapi/beta/contoso.onmicrosoft.com/InvokeCommand", "Get-User", map[string]any{})
	require.Equal(t, 200, status)
	status, _ = c.invokeAt("https://outlook.office365.com/adminapi/v2.0/contoso.onmicrosoft.com/Mailbox", "Get-User", map[string]any{})
	require.Equal(t, 404, status)
	c.exo = c.graph
	status, _ = c.invoke("Get-User", map[string]any{})
	require.Equal(t, 401, status)
}

func TestExchangeErrors(t *testing.T) {
	member := func(identity, who string) map[string]any {
		return map[string]any{"Identity": identity, "Member": who, "Confirm": false, "BypassSecurityGroupManagerCheck": true}
	}
	tests := []struct {
		name, cmdlet string
		params       any
		status       int
		typ          string
	}{
		{"role group unknown", "Add-RoleGroupMember", member("Nonsense", defaultUser), 404, "ManagementObjectNotFoundException|The operation couldn't be performed because object 'Nonsense'"},
		{"member unknown", "Add-RoleGroupMember", member(viewOnly, "nobody"), 404, `ManagementObjectNotFoundException|Couldn't find object \"nobody\"`},
		{"already a member", "Add-RoleGroupMember", member(viewOnly, "LeeG@contoso.com"), 400, "MemberAlreadyExistsException"},
		{"not a member", "Remove-RoleGroupMember", member(viewOnly, defaultUser), 400, "MemberNotFoundException"},
		{"removal prompts", "Remove-RoleGroupMember", map[string]any{"Identity": viewOnly, "Member": "LeeG"}, 400, "does not support user interaction"},
		{"no member", "Add-RoleGroupMember", map[string]any{"Identity": viewOnly}, 400, "AmbiguousParameterSetException"},
		{"no group", "Add-RoleGroupMember", map[string]any{"Member": "LeeG"}, 400, "AmbiguousParameterSetException"},
		{"no identity", "Get-RoleGroupMember", map[string]any{}, 400, "AmbiguousParameterSetException"},
		{"bad parameter", "Get-User", map[string]any{"BogusParameter": 1}, 400, `"internalexception":{"message":"Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet parameters specified. BogusParameter"`},
		{"null parameters", "Get-User", nil, 400, "Invalid Operation"},
		{"user unknown", "Get-User", map[string]any{"Identity": "nobody"}, 404, "Ex6F9304"},
		{"group unknown", "Get-RoleGroup", map[string]any{"Identity": "nobody"}, 404, "Ex6F9304"},
		{"group's members unknown", "Get-RoleGroupMember", map[string]any{"Identity": "nobody"}, 404, "Ex6F9304"},
		{"bad filter", "Get-User", map[string]any{"Filter": "Name -eq"}, 400, "ParameterTransformationException"},
		{"bad group filter", "Get-RoleGroup", map[string]any{"Filter": "("}, 400, "ParameterTransformationException"},
		{"bad result size", "Get-User", map[string]any{"ResultSize": "many"}, 400, "ResultSize"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			require.True(t, c.tenant.AddRoleGroupMemberByHand(viewOnly, "LeeG@contoso.com"))
			status, body := c.invoke(tt.cmdlet, tt.params)
			require.Equal(t, tt.status, status, string(body))
			require.Contains(t, string(body), tt.typ)
			require.Len(t, c.tenant.RoleGroupMembers(viewOnly), 1)
		})
	}
}

func TestExchangeChoices(t *testing.T) {
	c := newClient(t)
	c.tenant.SetExchange(tenantfake.ExchangeBehaviour{UnknownMemberStatus: 400, UnknownIdentityReturnsAll: true})
	status, _ := c.invoke("Add-RoleGroupMember", map[string]any{"Identity": viewOnly, "Member": "nobody"})
	require.Equal(t, 400, status)
	require.Len(t, c.rows("Get-User", map[string]any{"Identity": "nobody"}), 5)
	require.Len(t, c.rows("Get-RoleGroup", map[string]any{"Identity": "nobody"}), len(tenantfake.BuiltInRoleGroups))
	c.tenant.AddRoleGroupMemberByHand(viewOnly, defaultUser)
	require.Len(t, c.rows("Get-RoleGroupMember", map[string]any{"Identity": "nobody"}), 1)
}

func TestGetUser(t *testing.T) {
	c := newClient(t)
	require.Len(t, c.rows("Get-User", map[string]any{"Identity": ""}), 5, "the trap: an empty identity is no identity")
	for _, identity := range []string{defaultUser, "adelev@contoso.com", "AdeleV", "Adele Vance"} {
		rows := c.rows("Get-User", map[string]any{"Identity": identity})
		require.Len(t, rows, 1)
		require.Equal(t, defaultUser, rows[0]["ExternalDirectoryObjectId"])
	}
	filter := "ExternalDirectoryObjectId -eq '" + defaultUser + "' -or UserPrincipalName -eq 'leeg@contoso.com' -or (name -like 'Diego*' -and -not (accountdisabled -eq $true))"
	require.Len(t, c.rows("Get-User", map[string]any{"Filter": filter}), 3)
	status, body := c.invokeAt("https://outlook.office365.com/adminapi/beta/"+tenantfake.DefaultTenantID+"/InvokeCommand?$select=guid", "Get-User", map[string]any{"Identity": defaultUser})
	require.Equal(t, 200, status)
	require.Contains(t, string(body), `"value":[{"Guid":"`+defaultUser+`","Guid@odata.type":"#Guid"}]`)
}

func TestExchangePaging(t *testing.T) {
	c := newClient(t)
	c.tenant.AddUsers(20)
	c.header.Set("Prefer", "odata.maxpagesize=10")
	c.header.Set("X-AnchorMailbox", "APP:SystemMailbox{bb558c35}@x")
	var page struct {
		NextLink string           `json:"@odata.nextLink"`
		Warnings []string         `json:"@adminapi.warnings"`
		Value    []map[string]any `json:"value"`
	}
	params := map[string]any{"ResultSize": "Unlimited"}
	status, body := c.invoke("Get-User", params)
	var sizes []int
	for {
		require.Equal(t, 200, status, string(body))
		page.NextLink = ""
		require.NoError(t, json.Unmarshal(body, &page))
		sizes = append(sizes, len(page.Value))
		if page.NextLink == "" {
			break
		}
		require.Len(t, page.Warnings, 1)
		status, body = c.invokeAt(page.NextLink, "Get-User", params)
	}
	require.Equal(t, []int{10, 10, 5}, sizes)

	_, body = c.invoke("Get-User", params)
	require.NoError(t, json.Unmarshal(body, &page))
	c.header.Set("X-AnchorMailbox", "another server")
	status, body = c.invokeAt(page.NextLink, "Get-User", params)
	require.Equal(t, 400, status)
	require.Contains(t, string(body), "Expired or Invalid pagination request")

	c.header.Del("Prefer")
	rows := c.rows("Get-User", map[string]any{"ResultSize": 7})
	require.Len(t, rows, 7)
	require.Len(t, c.rows("Get-User", map[string]any{"ResultSize": "8"}), 8)
}

func TestExchangeServicePrincipals(t *testing.T) {
	c := newClient(t)
	add := map[string]any{"Identity": viewOnly, "Member": tenantfake.DefaultClientID}
	status, _ := c.invoke("Add-RoleGroupMember", add)
	require.Equal(t, 404, status)
	params := map[string]any{"AppId": tenantfake.DefaultClientID, "ObjectId": "x", "DisplayName": "usher"}
	require.Len(t, c.rows("New-ServicePrincipal", params), 1)
	status, body := c.invoke("New-ServicePrincipal", params)
	require.Equal(t, 400, status)
	require.Contains(t, string(body), "already exist")
	status, _ = c.invoke("New-ServicePrincipal", map[string]any{"AppId": "nobody"})
	require.Equal(t, 404, status)
	c.rows("Add-RoleGroupMember", add)
	require.Equal(t, "usher", c.rows("Get-RoleGroupMember", map[string]any{"Identity": viewOnly})[0]["Name"])
}

func TestDeletionReachesExchangeLater(t *testing.T) {
	c := newClient(t)
	n := 0
	c.tenant.SetReplicationFunc(func(i int) time.Duration { n = i; return time.Duration(i+1) * time.Minute })
	id := c.create("svc-del")
	c.clock.advance(time.Minute)
	c.rows("Add-RoleGroupMember", map[string]any{"Identity": viewOnly, "Member": id})
	c.call(204, "DELETE", "/users/"+id, nil)
	require.Equal(t, 1, n)
	require.Len(t, c.rows("Get-RoleGroupMember", map[string]any{"Identity": viewOnly}), 1)
	c.call(200, "POST", "/directory/deletedItems/"+id+"/restore", nil)
	c.clock.advance(time.Hour / 2)
	require.Equal(t, []string{id}, c.tenant.RoleGroupMembers(viewOnly), "restored before Exchange heard of the deletion")
	c.call(204, "DELETE", "/users/"+id, nil)
	c.clock.advance(3 * time.Minute)
	require.Empty(t, c.tenant.RoleGroupMembers(viewOnly))
	require.Nil(t, c.tenant.RoleGroupMembers("nonsense"))
	c.call(200, "POST", "/directory/deletedItems/"+id+"/restore", nil)
	status, _ := c.invoke("Get-User", map[string]any{"Identity": id})
	require.Equal(t, 404, status)
	c.tenant.Replicate()
	require.Len(t, c.rows("Get-User", map[string]any{"Identity": id}), 1)
}

func TestExchangeBatch(t *testing.T) {
	c := newClient(t)
	item := func(id, cmdlet string) map[string]any {
		return map[string]any{"id": id, "method": "POST", "url": "https://outlook.office365.com/adminapi/beta/" + tenantfake.DefaultTenantID + "/InvokeCommand",
			"headers": map[string]any{"Content-Type": "application/json"}, "body": map[string]any{"CmdletInput": map[string]any{"CmdletName": cmdlet, "Parameters": map[string]any{}}}}
	}
	send := func(items ...map[string]any) (int, map[string]any) {
		raw, err := json.Marshal(map[string]any{"requests": items})
		require.NoError(t, err)
		req, err := http.NewRequest("POST", "https://outlook.office365.com/adminapi/beta/"+tenantfake.DefaultTenantID+"/$batch", bytes.NewReader(raw))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+c.exo)
		resp, err := c.http.Do(req)
		require.NoError(t, err)
		return resp.StatusCode, readJSON(t, resp)
	}
	bad := item("3", "x")
	bad["url"] = "https://outlook.office365.com/elsewhere"
	status, body := send(item("1", "Get-User"), item("2", "Get-Nonsense"), bad)
	require.Equal(t, 200, status)
	var got []string
	for _, r := range body["responses"].([]any) {
		got = append(got, fmt.Sprint(r.(map[string]any)["id"], " ", r.(map[string]any)["status"]))
	}
	require.Equal(t, []string{"1 200", "2 403", "3 400"}, got)
	status, _ = send()
	require.Equal(t, 400, status)
}

func TestMobileDevices(t *testing.T) {
	c := newClient(t)
	require.True(t, c.tenant.AddMobileDevice(defaultUser, tenantfake.MobileDevice{DeviceID: "D1", FriendlyName: "Phone"}))
	require.False(t, c.tenant.AddMobileDevice("nobody", tenantfake.MobileDevice{}))
	require.Len(t, c.rows("Get-MobileDevice", map[string]any{"Mailbox": "AdeleV@contoso.com"}), 1)
	require.Empty(t, c.rows("Get-MobileDevice", map[string]any{"Mailbox": "LeeG@contoso.com"}))
	require.Equal(t, `AdeleV\ExchangeActiveSyncDevices\D1`, c.rows("Get-MobileDeviceStatistics", map[string]any{"Identity": "D1"})[0]["Identity"])
}
