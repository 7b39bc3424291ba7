package exchange

import (
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
)

// Member is one record of a role group's listing. Exchange promises none of the
// fields; an empty one was not given.
type Member struct {
	// ObjectID is Entra's id (ExternalDirectoryObjectId), in lower case.
	ObjectID string
	// UserPrincipalName is the first of UserPrincipalName and WindowsLiveID given.
	UserPrincipalName string

	guid, mail string
	// names are Name, Identity and Alias.
	names []string
}

func memberOf(r record) Member {
	m := Member{
		ObjectID:          strings.ToLower(r.text("ExternalDirectoryObjectId")),
		UserPrincipalName: r.text("UserPrincipalName"),
		guid:              r.text("Guid"),
		mail:              r.text("PrimarySmtpAddress"),
		names:             []string{r.text("Name"), lastPart(r.text("Identity")), r.text("Alias")},
	}
	if m.UserPrincipalName == "" {
		m.UserPrincipalName = r.text("WindowsLiveID")
	}
	return m
}

// Is reports whether the record is the account. From the strongest field given:
//
//  1. Entra's object id decides alone. A record of the same name with another id is
//     the leaving of a deleted account, or a foreign one.
//  2. The record's own GUID, if it is the object id, says yes.
//  3. The sign-in name decides alone.
//  4. Otherwise the mail address, or a name, identity or alias, says yes when it is the
//     user principal name or the part before its @.
//
// An account whose object id is not known is matched from point 3 on.
func (m Member) Is(a account.Member) bool {
	if m.ObjectID != "" && a.ObjectID != "" {
		return strings.EqualFold(m.ObjectID, a.ObjectID)
	}
	if a.ObjectID != "" && strings.EqualFold(m.guid, a.ObjectID) {
		return true
	}
	upn := a.UserPrincipalName
	if upn == "" {
		return false
	}
	if m.UserPrincipalName != "" {
		return strings.EqualFold(m.UserPrincipalName, upn)
	}
	local, _, _ := strings.Cut(upn, "@")
	return strings.EqualFold(m.mail, upn) || slices.ContainsFunc(m.names, func(n string) bool {
		return strings.EqualFold(n, upn) || (local != "" && strings.EqualFold(n, local))
	})
}

// is reports whether one of the fields has the value, in any case of letters. An
// identity may be a path, of which the last part is the name.
func (r record) is(value string, fields ...string) bool {
	return slices.ContainsFunc(fields, func(f string) bool {
		have := r.text(f)
		return have != "" && (strings.EqualFold(have, value) || strings.EqualFold(lastPart(have), value))
	})
}

func lastPart(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
