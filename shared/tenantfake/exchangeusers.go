package tenantfake

import (
	"net/http"
	"strings"
)

// isUser reports whether an Exchange identity (UPN, object id, alias, display name, address) means this user.
func isUser(u *User, identity string) bool {
	for _, name := range []string{u.UserPrincipalName, u.ID, u.MailNickname, u.DisplayName, u.Mail} {
		if name != "" && strings.EqualFold(name, identity) {
			return true
		}
	}
	return false
}

// user finds a user that Exchange knows: unique names first, then the rest, one after the other.
func (c *exchangeCall) user(identity string) *userRecord {
	t := c.t
	if rec := t.byID[strings.ToLower(identity)]; rec != nil && rec.inExchange(c.now) {
		return rec
	}
	for _, rec := range t.byUPN[strings.ToLower(identity)] {
		if rec.inExchange(c.now) {
			return rec
		}
	}
	for _, rec := range t.users {
		if rec.inExchange(c.now) && isUser(rec.current(), identity) {
			return rec
		}
	}
	return nil
}

// row renders a user as Get-User and Get-RoleGroupMember do.
func (u *User) row() map[string]any {
	kind := "User"
	if len(u.Licenses) > 0 {
		kind = "UserMailbox"
	}
	return map[string]any{
		"Name": u.MailNickname, "Identity": u.MailNickname, "Guid": u.ID, "Guid@odata.type": "#Guid", "DisplayName": u.DisplayName,
		"UserPrincipalName": u.UserPrincipalName, "ExternalDirectoryObjectId": u.ID, "RecipientType": kind, "RecipientTypeDetails": kind,
		"PrimarySmtpAddress": u.Mail, "WindowsLiveID": u.UserPrincipalName, "AccountDisabled": !u.AccountEnabled,
	}
}

// getUser serves Get-User. An empty Identity returns everybody, as if none had been given.
func (c *exchangeCall) getUser() ([]map[string]any, *response) {
	identity, _ := c.param("Identity")
	if identity != "" {
		rec := c.user(identity)
		if rec != nil {
			return []map[string]any{rec.current().row()}, nil
		}
		if !c.t.exchange.UnknownIdentityReturnsAll {
			return nil, c.identityNotFound(identity)
		}
	}
	keep, resp := c.filter()
	if resp != nil {
		return nil, resp
	}
	rows := []map[string]any{}
	for _, rec := range c.t.users {
		if !rec.inExchange(c.now) {
			continue
		}
		row := rec.current().row()
		if keep == nil || keep.matches(func(name string) any { return folded(row, name) }) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// filter parses the Filter parameter.
func (c *exchangeCall) filter() (*expr, *response) {
	text, ok := c.param("Filter")
	if !ok {
		return nil, nil
	}
	e, err := parseOPATH(text)
	if err != nil {
		return nil, c.fail(http.StatusBadRequest, "BadRequest", exchangeError{typ: typTransform, internal: true,
			text: "Cannot bind parameter 'Filter' to the target. " + err.Error()})
	}
	return e, nil
}

// folded looks a property up in any case, as PowerShell does.
func folded(row map[string]any, name string) any {
	if v, ok := row[name]; ok {
		return v
	}
	for k, v := range row {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}
