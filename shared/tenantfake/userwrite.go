package tenantfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
)

// userBody is what a client writes. Pointers and raw messages tell absent from null.
type userBody map[string]json.RawMessage

// userStrings are the writable text properties that User has fields for.
var userStrings = map[string]func(*User) *string{
	"userPrincipalName":     func(u *User) *string { return &u.UserPrincipalName },
	"displayName":           func(u *User) *string { return &u.DisplayName },
	"mailNickname":          func(u *User) *string { return &u.MailNickname },
	"givenName":             func(u *User) *string { return &u.GivenName },
	"surname":               func(u *User) *string { return &u.Surname },
	"mail":                  func(u *User) *string { return &u.Mail },
	"usageLocation":         func(u *User) *string { return &u.UsageLocation },
	"userType":              func(u *User) *string { return &u.UserType },
	"passwordPolicies":      func(u *User) *string { return &u.PasswordPolicies },
	"onPremisesImmutableId": func(u *User) *string { return &u.OnPremisesImmutableID },
}

// readOnly properties are refused in writes.
var readOnly = map[string]bool{"id": true, "createdDateTime": true, "deletedDateTime": true, "assignedLicenses": true, "assignedPlans": true,
	"lastPasswordChangeDateTime": true, "signInSessionsValidFromDateTime": true, "onPremisesSyncEnabled": true, "refreshTokensValidFromDateTime": true}

type passwordProfile struct {
	Password                      *string
	ForceChangePasswordNextSignIn *bool
}

const invalidValues = "One or more properties contains invalid values."

// decode reads the request body, if there is one.
func (c *graphCall) decode(into any) *response {
	if len(c.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return c.badRequest(invalidValues)
	}
	return nil
}

// apply writes the body's properties into u and returns the password, if one is set. The error names the property.
func (b userBody) apply(u *User) (password string, err error) {
	for _, name := range sortedKeys(b) {
		raw := b[name]
		switch {
		case strings.Contains(name, "@"):
		case readOnly[name]:
			err = fmt.Errorf("property '%s' is read-only and cannot be set", name)
		case name == "accountEnabled":
			err = json.Unmarshal(raw, &u.AccountEnabled)
		case name == "passwordProfile":
			password, err = applyPassword(u, raw)
		case name == "onPremisesExtensionAttributes":
			err = applyExtensions(u, raw)
		case userStrings[name] != nil:
			err = applyString(userStrings[name](u), raw)
		default:
			err = applyOther(u, name, raw)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	return password, nil
}

// applyString sets a text; null clears it.
func applyString(field *string, raw json.RawMessage) error {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	*field = ""
	if s != nil {
		*field = *s
	}
	return nil
}

func applyPassword(u *User, raw json.RawMessage) (string, error) {
	var p passwordProfile
	if err := json.Unmarshal(raw, &p); err != nil {
		return "", err
	}
	if p.Password != nil {
		u.ForcePasswordChange = true // the service's default
	}
	if p.ForceChangePasswordNextSignIn != nil {
		u.ForcePasswordChange = *p.ForceChangePasswordNextSignIn
	}
	if p.Password == nil {
		return "", nil
	}
	return *p.Password, nil
}

func applyExtensions(u *User, raw json.RawMessage) error {
	var attrs map[string]*string
	if err := json.Unmarshal(raw, &attrs); err != nil {
		return err
	}
	if u.ExtensionAttributes == nil {
		u.ExtensionAttributes = map[string]string{}
	}
	for name, v := range attrs {
		delete(u.ExtensionAttributes, name)
		if v != nil {
			u.ExtensionAttributes[name] = *v
		}
	}
	return nil
}

func applyOther(u *User, name string, raw json.RawMessage) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if u.Other == nil {
		u.Other = map[string]any{}
	}
	u.Other[name] = v
	return nil
}

// upnLocal holds the characters allowed before the @ (reference: Microsoft Graph docs, create user).
var upnLocal = regexp.MustCompile(`^[A-Za-z0-9'._!#^~-]{1,64}$`)

// checkName refuses a user principal name that is malformed, of a foreign domain, or held by another user.
func (c *graphCall) checkName(upn, ownID string) *response {
	local, domain, ok := strings.Cut(upn, "@")
	if !ok || !upnLocal.MatchString(local) || strings.HasSuffix(local, ".") {
		return c.badRequest("Property userPrincipalName is invalid.", detail{"InvalidValue", "Property userPrincipalName is invalid.", "userPrincipalName"})
	}
	if d, known := c.t.domain(domain); !known || d.Unverified {
		return c.badRequest("The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.")
	}
	if holder := c.t.holderOf(upn); holder != nil && holder.current().ID != ownID {
		return c.conflict("userPrincipalName", holder.current().ID)
	}
	return nil
}

// conflict answers that another object has the value of a unique property.
func (c *graphCall) conflict(property, holder string) *response {
	message := "Another object with the same value for property " + property + " already exists."
	if c.t.terse {
		return c.badRequest(message, detail{Code: "ObjectConflict", Target: property})
	}
	return c.badRequest(message, detail{"ObjectConflict", message, property}, detail{"ConflictingObjects", message, "User_" + holder})
}

// strongEnough is Entra's rule for cloud passwords: 8 to 256 characters of ASCII, three of four classes, not the user's name.
func strongEnough(password, upn string) bool {
	if len(password) < 8 || len(password) > 256 {
		return false
	}
	var lower, upper, digit, symbol int
	for _, r := range password {
		switch {
		case r > unicode.MaxASCII || r < ' ':
			return false
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			symbol = 1
		}
	}
	local, _, _ := strings.Cut(upn, "@")
	named := len(local) >= 4 && strings.Contains(strings.ToLower(password), strings.ToLower(local))
	return lower+upper+digit+symbol >= 3 && !named
}

func (c *graphCall) checkPassword(password, upn string) *response {
	if strongEnough(password, upn) {
		return nil
	}
	return c.badRequest("The specified password does not comply with password complexity requirements. Please provide a different password.")
}

func (c *graphCall) createUser() *response {
	var body userBody
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	u := User{UserType: "Member"}
	password, err := body.apply(&u)
	if err != nil {
		return c.badRequest(invalidValues)
	}
	if resp := c.checkNew(body, u, password); resp != nil {
		return resp
	}
	u.ID = c.s.guid()
	u.Created = c.now.UTC()
	rec := c.t.addUser(c.now, u)
	rec.password = c.s.hashPassword(password)
	return c.entity(http.StatusCreated, "users/$entity", u.project(defaultProps))
}

// checkNew validates a new user (reference: Microsoft Graph docs, create user).
func (c *graphCall) checkNew(body userBody, u User, password string) *response {
	for _, name := range []string{"accountEnabled", "displayName", "mailNickname", "userPrincipalName"} {
		if raw, ok := body[name]; !ok || string(raw) == "null" || string(raw) == `""` {
			return c.badRequest("A value is required for property '"+name+"' of resource 'User'.", detail{"PropertyRequired", "A value is required.", name})
		}
	}
	if password == "" {
		return c.badRequest("A password must be specified to create a new user.")
	}
	if len(u.DisplayName) > 256 || len(u.MailNickname) > 64 || strings.ContainsAny(u.MailNickname, "@()\\[]\";:<>, ") {
		return c.badRequest(invalidValues)
	}
	if resp := c.checkName(u.UserPrincipalName, ""); resp != nil {
		return resp
	}
	if holder := c.t.immutable(u.OnPremisesImmutableID); holder != "" {
		return c.conflict("onPremisesImmutableId", holder)
	}
	_, domain, _ := strings.Cut(u.UserPrincipalName, "@")
	if d, _ := c.t.domain(domain); d.Federated && u.OnPremisesImmutableID == "" {
		return c.badRequest("A value is required for property 'onPremisesImmutableId' of resource 'User'.")
	}
	return c.checkPassword(password, u.UserPrincipalName)
}

// sensitive properties need more than a permission when the user is an administrator (reference: Microsoft Graph docs, users).
var sensitive = []string{"accountEnabled", "passwordProfile", "userPrincipalName", "onPremisesImmutableId", "businessPhones", "mobilePhone", "otherMails"}

func (c *graphCall) updateUser() *response {
	var body userBody
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	rec, u := c.getUser(c.params["id"])
	if u == nil || live(rec.current()) == nil {
		return c.notFound(c.params["id"])
	}
	if !c.mayUpdate(body, u.ID) {
		return c.denied()
	}
	changed := rec.current().clone()
	if changed.OnPremisesSync {
		return c.mastered()
	}
	password, err := body.apply(&changed)
	if err != nil {
		return c.badRequest(invalidValues)
	}
	return c.saveUpdate(rec, changed, password)
}

// mastered refuses to change a user in the cloud that Entra Connect brings.
func (c *graphCall) mastered() *response {
	return c.badRequest("Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.")
}

func (c *graphCall) saveUpdate(rec *userRecord, changed User, password string) *response {
	if changed.UserPrincipalName != rec.current().UserPrincipalName {
		if resp := c.checkName(changed.UserPrincipalName, changed.ID); resp != nil {
			return resp
		}
	}
	if password != "" {
		if resp := c.checkPassword(password, changed.UserPrincipalName); resp != nil {
			return resp
		}
		rec.password = c.s.hashPassword(password)
		changed.LastPasswordChange = c.now.UTC()
	}
	c.t.change(c.now, rec, changed)
	return newResponse(http.StatusNoContent)
}

// mayUpdate checks the narrow permissions, the directory role that a password reset needs, and the rule for sensitive properties.
func (c *graphCall) mayUpdate(body userBody, id string) bool {
	_, resets := body["passwordProfile"]
	if !c.may(writeUsers...) && !c.narrowPermission(body) {
		return false
	}
	if resets && !mayTouch(c.claims.WIDs, append(c.t.rolesOf(c.now, id), roleNamed("Directory Readers"))) {
		return false
	}
	for _, name := range sensitive {
		if _, ok := body[name]; ok && !mayTouch(c.claims.WIDs, c.t.rolesOf(c.now, id)) {
			return false
		}
	}
	return true
}

// narrowPermission reports whether the body changes only what a narrower permission than User.ReadWrite.All allows.
func (c *graphCall) narrowPermission(body userBody) bool {
	for name := range body {
		switch {
		case strings.Contains(name, "@"):
		case name == "accountEnabled" && c.may("User.EnableDisableAccount.All"):
		case name == "passwordProfile" && c.may("User-PasswordProfile.ReadWrite.All"):
		default:
			return false
		}
	}
	return true
}
