package entra_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const (
	assignments  = "/v1.0/roleManagement/directory/roleAssignments"
	notFound     = "Resource 'x' does not exist or one of its queried reference-property objects are not present."
	assignmentID = "YUb1sHQtUEyvox7IA_Eu_mm3jqnUe4lEhvatluHVi2I-1"
)

func TestAssignRole(t *testing.T) {
	g := newGraph(t, answer(201, `{"id":"`+assignmentID+`"}`))
	id, err := g.client(t).AssignRole(ctx, tenant, userID, roleID)
	require.NoError(t, err)
	assert.Equal(t, assignmentID, id)
	assert.Equal(t, "POST "+assignments, g.last(t).Method+" "+g.last(t).URL.Path)
	assert.JSONEq(t, golden(t, "assign-role.json"), g.last(t).body)
}

func TestAssignRoleConflictIsForTheCallerToReadBack(t *testing.T) {
	for _, body := range []string{
		`{"error":{"code":"Request_BadRequest","message":"…","details":[{"code":"ConflictingObjects","message":"…","target":"…"}]}}`,
		graphError("Request_BadRequest", "A conflicting object with one or more of the specified property values is present in the directory."),
		graphError("RoleAssignmentExists", "The Role assignment already exists."),
	} {
		_, err := newGraph(t, answer(400, body)).client(t).AssignRole(ctx, tenant, userID, roleID)
		assert.True(t, fault.Is(err, fault.RoleConflict), err)
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	}
}

// Entra answers an unknown role and an unknown principal alike.
func TestAssignRoleTellsWhatIsMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		definition http.HandlerFunc
		code       fault.Code
		class      fault.Class
	}{
		"principal":   {answer(200, `{"id":"`+roleID+`"}`), fault.UserNotReadable, fault.Waiting},
		"role":        {answer(404, graphError("Request_ResourceNotFound", notFound)), fault.RoleNotFound, fault.Permanent},
		"not allowed": {answer(403, graphError("Authorization_RequestDenied", "…")), fault.PermissionMissing, fault.Permanent},
		"not known":   {answer(503, ""), fault.ServiceUnavailable, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "/roleDefinitions/"+roleID) {
					tc.definition(w, r)
					return
				}
				write(w, 404, graphError("Request_ResourceNotFound", notFound))
			})
			_, err := g.client(t).AssignRole(ctx, tenant, userID, roleID)
			assert.True(t, fault.Is(err, tc.code), err)
			assert.Equal(t, tc.class, fault.ClassOf(err))
		})
	}
}

func TestRoleAssignmentLists(t *testing.T) {
	one := `{"id":"a","roleDefinitionId":"r","principalId":"p","directoryScopeId":"/"}`
	two := `{"id":"b","roleDefinitionId":"r","principalId":"p","directoryScopeId":"/administrativeUnits/x"}`
	want := []account.RoleAssignment{{ID: "a", RoleID: "r", PrincipalID: "p", Scope: "/"}, {ID: "b", RoleID: "r", PrincipalID: "p", Scope: "/administrativeUnits/x"}}
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("$skiptoken") == "" {
			write(w, 200, `{"value":[`+one+`],"@odata.nextLink":"https://`+r.Host+assignments+`?$skiptoken=2"}`)
			return
		}
		write(w, 200, `{"value":[`+two+`]}`)
	})
	c := g.client(t)

	got, err := c.RoleAssignments(ctx, tenant, "o'neil")
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, "principalId eq 'o''neil'", g.requests()[0].URL.Query().Get("$filter"))
	assert.NotContains(t, g.requests()[0].URL.RawQuery, "+")

	all, cursor, err := c.RoleAssignmentPage(ctx, tenant, "")
	require.NoError(t, err)
	assert.Empty(t, g.last(t).URL.Query().Get("$filter"))
	rest, cursor, err := c.RoleAssignmentPage(ctx, tenant, cursor)
	require.NoError(t, err)
	assert.Equal(t, want, append(all, rest...))
	assert.Empty(t, cursor)
}

// Whoever may activate a role counts as one who holds it.
func TestRoleHolders(t *testing.T) {
	active, eligible := `{"id":"a","roleDefinitionId":"r","principalId":"p","directoryScopeId":"/"}`, `{"id":"e","roleDefinitionId":"r","principalId":"q","directoryScopeId":"/"}`
	want := []account.RoleAssignment{{ID: "a", RoleID: "r", PrincipalID: "p", Scope: "/"}, {ID: "e", RoleID: "r", PrincipalID: "q", Scope: "/"}}
	for name, tt := range map[string]struct {
		schedules http.HandlerFunc
		want      []account.RoleAssignment
		code      fault.Code
	}{
		"licensed":     {answer(200, `{"value":[`+eligible+`]}`), want, ""},
		"not licensed": {answer(400, graphError("AadPremiumLicenseRequired", "…")), want[:1], ""},
		"not allowed":  {answer(403, graphError("Authorization_RequestDenied", "…")), nil, fault.PermissionMissing},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "roleDefinitionId eq '"+roleID+"'", r.URL.Query().Get("$filter"))
				if r.URL.Path == assignments {
					write(w, 200, `{"value":[`+active+`]}`)
					return
				}
				assert.Equal(t, "/v1.0/roleManagement/directory/roleEligibilitySchedules", r.URL.Path)
				tt.schedules(w, r)
			})
			got, err := g.client(t).RoleHolders(ctx, tenant, roleID)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.code, fault.CodeOf(err))
		})
	}
}

func TestRemoveRoleAssignment(t *testing.T) {
	g := newGraph(t, answer(204, ""))
	require.NoError(t, g.client(t).RemoveRoleAssignment(ctx, tenant, assignmentID))
	assert.Equal(t, "DELETE "+assignments+"/"+assignmentID, g.last(t).Method+" "+g.last(t).URL.Path)
}
