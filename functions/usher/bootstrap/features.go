package bootstrap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/profile"
)

// Feature is something that Usher does where it is wanted, and needs more rights for
// than for accounts, roles and role groups.
type Feature string

// The features. Each has its rights in additions.
const (
	// WithConsents gives vendors' applications their permissions.
	WithConsents Feature = "consents"
	// WithConsentPolicy reads and sets the tenant's admin consent request policy.
	WithConsentPolicy Feature = "consent-policy"
	// WithTargets says whom a vendor's application is for.
	WithTargets Feature = "targets"
	// WithFitness tells beforehand what would keep an account from signing in.
	WithFitness Feature = "fitness"
	// WithPerUserMFA lets the fitness check see the legacy multifactor setting of a user.
	WithPerUserMFA Feature = "per-user-mfa"
	// WithExclusions excludes accounts from Conditional Access policies.
	WithExclusions Feature = "exclusions"
	// WithPIM gives directory roles that end by themselves.
	WithPIM Feature = "pim"
	// WithRotation sets new passwords.
	WithRotation Feature = "rotation"
)

// Features lists them all.
func Features() []Feature {
	return []Feature{WithConsents, WithConsentPolicy, WithTargets, WithFitness, WithPerUserMFA, WithExclusions, WithPIM, WithRotation}
}

// FeaturesNamed reads a list of names. Its error names the ones that are not known.
func FeaturesNamed(names []string) (list []Feature, err error) {
	var unknown []string
	for _, name := range names {
		f := Feature(strings.TrimSpace(name))
		if !slices.Contains(Features(), f) {
			unknown = append(unknown, fmt.Sprintf("%q", name))
			continue
		}
		list = append(list, f)
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("there is no feature %s; they are %s", strings.Join(unknown, ", "), strings.Trim(fmt.Sprint(Features()), "[]"))
	}
	return list, nil
}

// addition is what a feature adds to the rights of an application.
type addition struct {
	app         string
	permissions []Permission
	role        Role
	// sync is what the application that only reads needs for it besides.
	sync []Permission
}

// additions say what each feature takes (source: Microsoft Graph, the permissions of
// each operation, the least privileged ones).
func additions(f Feature) addition {
	readPolicies := Permission{Graph, "Policy.Read.All", "read security defaults and Conditional Access policies"}
	nightly := []Permission{{Graph, "Policy.Read.All", "compare accounts with Conditional Access policies each night"}}
	switch f {
	case WithConsents:
		return addition{app: ofConsents, sync: []Permission{
			{Graph, "Application.Read.All", "see each hour whether vendors' applications still have what they were given"},
		}, permissions: []Permission{
			{Graph, "Application.ReadWrite.All", "make vendors' applications known, and remove them"},
			{Graph, "AppRoleAssignment.ReadWrite.All", "give application permissions, and withdraw them"},
			{Graph, "DelegatedPermissionGrant.ReadWrite.All", "give delegated permissions, and withdraw them"},
		}}
	case WithConsentPolicy:
		return addition{app: ofConsents, permissions: []Permission{
			{Graph, "Policy.Read.All", "read the admin consent request policy"},
			{Graph, "Policy.ReadWrite.ConsentRequest", "set the admin consent request policy, and put it back"},
			{Graph, "User.Read.All", "find reviewers by name"},
			{Graph, "GroupMember.Read.All", "find groups of reviewers"},
		}}
	case WithTargets:
		return addition{app: ofConsents, permissions: []Permission{
			{Graph, "Application.ReadWrite.All", "ask for an assignment before an application is used"},
			{Graph, "AppRoleAssignment.ReadWrite.All", "assign users to applications"},
			{Graph, "DelegatedPermissionGrant.ReadWrite.All", "withdraw what single users consented to"},
			{Graph, "User.Read.All", "find users by name"},
			{Graph, "GroupMember.Read.All", "find groups and their members"},
		}}
	case WithFitness:
		return addition{app: ofProvisioner, sync: nightly, permissions: []Permission{readPolicies}}
	case WithPerUserMFA:
		// Graph has no permission that only reads it.
		return addition{app: ofProvisioner, permissions: []Permission{{Graph, "Policy.ReadWrite.AuthenticationMethod", "read the multifactor setting of a user"}}}
	case WithExclusions:
		return addition{app: ofProvisioner, sync: nightly, permissions: []Permission{
			readPolicies, {Graph, "Policy.ReadWrite.ConditionalAccess", "exclude accounts from policies, and take that back"},
		}}
	case WithPIM:
		return addition{app: ofProvisioner, permissions: []Permission{{Graph, "RoleAssignmentSchedule.ReadWrite.Directory", "give directory roles that end by themselves"}}}
	case WithRotation:
		return addition{app: ofProvisioner, role: Role{"User Administrator", "set new passwords"}, permissions: []Permission{
			{Graph, "User-PasswordProfile.ReadWrite.All", "set new passwords"},
		}}
	}
	panic("bootstrap: no feature " + string(f))
}

// with adds what features take of this application. A permission that is held already
// is not added again.
func (r Rights) with(features []Feature) Rights {
	for _, f := range features {
		a := additions(f)
		if r.App == ofSync {
			a = addition{app: ofSync, permissions: a.sync}
		}
		if a.app != r.App {
			continue
		}
		for _, p := range a.permissions {
			if !slices.ContainsFunc(r.Permissions, func(held Permission) bool { return held.Resource == p.Resource && held.Name == p.Name }) {
				r.Permissions = append(r.Permissions, p)
			}
		}
		if a.role.Name != "" && !slices.Contains(r.Roles, a.role) {
			r.Roles = append(r.Roles, a.role)
		}
	}
	return r
}

// Lacking names what a feature takes of one of our applications (provisioner or consents)
// and that is not among what it holds: permissions of Microsoft Graph by name, directory
// roles by template id. ofIt is false when the feature takes nothing of that application.
func (f Feature) Lacking(app string, held, roles []string) (lacking []string, ofIt bool) {
	a := additions(f)
	for _, p := range a.permissions {
		if !slices.Contains(held, p.Name) {
			lacking = append(lacking, p.Name)
		}
	}
	if id, _, _ := profile.Role(a.role.Name); a.role.Name != "" && !slices.Contains(roles, id) {
		lacking = append(lacking, a.role.Name)
	}
	return lacking, a.app == app
}

// TooMuch names the permissions that are held in one hand and must not be; empty when
// they are not.
func TooMuch(held []string) []string {
	for _, name := range neverTogether {
		if !slices.Contains(held, name) {
			return nil
		}
	}
	return slices.Clone(neverTogether)
}
