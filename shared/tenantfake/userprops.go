package tenantfake

import (
	"cmp"
	"strings"
	"time"
)

// defaultProps are what a user read gives without $select (reference: Microsoft Graph docs, user resource type).
var defaultProps = []string{"businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
	"preferredLanguage", "surname", "userPrincipalName", "id"}

// userProps maps the properties that the emulator knows to their wire values; any other property of Microsoft's user type is null or what
// a client wrote.
var userProps = map[string]func(*User) any{
	"id":                    func(u *User) any { return u.ID },
	"userPrincipalName":     func(u *User) any { return u.UserPrincipalName },
	"displayName":           func(u *User) any { return orNull(u.DisplayName) },
	"mailNickname":          func(u *User) any { return orNull(u.MailNickname) },
	"givenName":             func(u *User) any { return orNull(u.GivenName) },
	"surname":               func(u *User) any { return orNull(u.Surname) },
	"mail":                  func(u *User) any { return orNull(u.Mail) },
	"usageLocation":         func(u *User) any { return orNull(u.UsageLocation) },
	"userType":              func(u *User) any { return cmp.Or(u.UserType, "Member") },
	"passwordPolicies":      func(u *User) any { return orNull(u.PasswordPolicies) },
	"accountEnabled":        func(u *User) any { return u.AccountEnabled },
	"createdDateTime":       func(u *User) any { return timeOrNull(u.Created) },
	"deletedDateTime":       func(u *User) any { return timeOrNull(u.Deleted) },
	"onPremisesImmutableId": func(u *User) any { return orNull(u.OnPremisesImmutableID) },
	"onPremisesSyncEnabled": func(u *User) any {
		if !u.OnPremisesSync {
			return nil
		}
		return true
	},
	"lastPasswordChangeDateTime":      func(u *User) any { return timeOrNull(cmp.Or(u.LastPasswordChange, u.Created)) },
	"signInSessionsValidFromDateTime": func(u *User) any { return timeOrNull(cmp.Or(u.SessionsValidFrom, u.Created)) },
	"refreshTokensValidFromDateTime":  func(u *User) any { return timeOrNull(cmp.Or(u.SessionsValidFrom, u.Created)) },
	"assignedLicenses":                assignedLicenses,
	"onPremisesExtensionAttributes":   extensionAttributes,
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

func assignedLicenses(u *User) any {
	out := make([]any, 0, len(u.Licenses))
	for _, sku := range u.Licenses {
		out = append(out, map[string]any{"disabledPlans": []any{}, "skuId": sku})
	}
	return out
}

// extensionNames are the properties of onPremisesExtensionAttributes.
var extensionNames = []string{"extensionAttribute1", "extensionAttribute2", "extensionAttribute3", "extensionAttribute4", "extensionAttribute5",
	"extensionAttribute6", "extensionAttribute7", "extensionAttribute8", "extensionAttribute9", "extensionAttribute10",
	"extensionAttribute11", "extensionAttribute12", "extensionAttribute13", "extensionAttribute14", "extensionAttribute15"}

func extensionAttributes(u *User) any {
	out := make(map[string]any, len(extensionNames))
	for _, name := range extensionNames {
		out[name] = orNull(u.ExtensionAttributes[name])
	}
	return out
}

// property returns the wire value of a property of Microsoft's user type.
func (u *User) property(name string) any {
	if get, ok := userProps[name]; ok {
		return get(u)
	}
	if v, ok := u.Other[name]; ok {
		return v
	}
	if p, ok := schema.property("user", name); ok && p.Collection {
		return []any{}
	}
	return nil
}

// project renders the chosen properties.
func (u *User) project(props []string) map[string]any {
	out := make(map[string]any, len(props)+1)
	for _, p := range props {
		out[p] = u.property(p)
	}
	return out
}

// selected reads $select. id comes along always, as in the directory. Unknown names are refused.
func (c *graphCall) selected() ([]string, *response) {
	list := c.option("select")
	if list == "" {
		return defaultProps, nil
	}
	props := []string{"id"}
	for _, name := range strings.Split(list, ",") {
		name = strings.TrimSpace(name)
		p, ok := schema.property("user", name)
		if !ok && !(c.version == "beta" && name != "") {
			return nil, c.fail(400, "BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '"+name+"' on type 'microsoft.graph.user'.")
		}
		if ok && p.Navigation {
			return nil, c.notImplemented()
		}
		if name != "id" {
			props = append(props, name)
		}
	}
	return props, nil
}

// userContext names the shape of an answer in its @odata.context.
func (c *graphCall) userContext(suffix string) string {
	if list := c.option("select"); list != "" {
		return "users(" + list + ")" + suffix
	}
	return "users" + suffix
}
