package activedirectory

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// stage is what was being done. The same result code means different things.
type stage int

const (
	anywhere stage = iota
	connecting
	signingIn
	searching
	adding
	changing
	settingPassword
)

// rule is one line of the table. An empty field matches everything.
type rule struct {
	stage stage
	// result lists LDAP's result codes (RFC 4511, appendix A) and go-ldap's own from 200 on.
	result []uint16
	// windows is Windows' own error code, with which Active Directory begins its text
	// (reference: [MS-ERREF] 2.2): eight hexadecimal digits.
	windows string

	class  fault.Class
	code   fault.Code
	remedy string
}

// rules is the one place where a refusal of the directory gets its meaning; the first
// match counts. Sources: RFC 4511; [MS-ADTS] 3.1.1.3.1.9, error codes; what Samba answers.
var rules = []rule{
	{result: []uint16{ldap.ErrorNetwork}, class: fault.Transient, code: fault.ADConnectionLost, remedy: "the connection ended before the answer, so it is not known whether it was done: the next attempt looks first"},
	{result: []uint16{ldap.ErrorUnexpectedMessage, ldap.ErrorUnexpectedResponse}, class: fault.Transient, code: fault.AnswerNotUnderstood, remedy: "this is no answer of LDAP: check the address"},
	{result: []uint16{ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultAdminLimitExceeded}, class: fault.Transient, code: fault.ADBusy, remedy: "the domain controller is overloaded or just starting"},

	{stage: signingIn, result: []uint16{ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultNoSuchObject}, class: fault.Permanent, code: fault.ADSignInRefused, remedy: "the controller does not let {who} sign in: "},

	{result: []uint16{ldap.LDAPResultReferral}, class: fault.Permanent, code: fault.ADReferral, remedy: "this controller does not hold that part of the directory (or is a read-only one) and names another: correct baseDN, or the address"},
	{result: []uint16{ldap.LDAPResultInsufficientAccessRights}, class: fault.Permanent, code: fault.ADPermissionMissing, remedy: "delegate to {who} the right to create, change and delete users in this organizational unit, and to reset their passwords"},

	{windows: "0000052D", class: fault.Transient, code: fault.ADPasswordRejected, remedy: "the password policy of the domain refuses the password"},
	{stage: settingPassword, result: []uint16{ldap.LDAPResultConstraintViolation}, class: fault.Transient, code: fault.ADPasswordRejected, remedy: "the password policy of the domain refuses the password"},

	{stage: adding, result: []uint16{ldap.LDAPResultEntryAlreadyExists}, class: fault.Permanent, code: fault.NameTaken, remedy: "another object has this name"},
	{stage: adding, windows: "000021C8", class: fault.Permanent, code: fault.NameTaken, remedy: "another account of the forest has this user principal name"},

	{stage: adding, result: []uint16{ldap.LDAPResultNoSuchObject}, class: fault.Permanent, code: fault.ADContainerNotFound, remedy: "there is no such organizational unit: make it, or correct the profile"},
	{stage: searching, result: []uint16{ldap.LDAPResultNoSuchObject}, class: fault.Permanent, code: fault.ADContainerNotFound, remedy: "there is no such baseDN"},
	{stage: changing, result: []uint16{ldap.LDAPResultNoSuchObject}, class: fault.Permanent, code: fault.UserNotFound, remedy: "the account is gone"},
	{stage: settingPassword, result: []uint16{ldap.LDAPResultNoSuchObject}, class: fault.Permanent, code: fault.UserNotFound, remedy: "the account is gone"},

	{result: []uint16{
		ldap.LDAPResultNoSuchAttribute, ldap.LDAPResultUndefinedAttributeType, ldap.LDAPResultConstraintViolation,
		ldap.LDAPResultInvalidAttributeSyntax, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultNamingViolation,
		ldap.LDAPResultObjectClassViolation, ldap.LDAPResultNotAllowedOnNonLeaf,
	}, class: fault.Permanent, code: fault.ADRequestRejected, remedy: "the directory does not take an attribute, a value or the place: correct the profile or the request"},
}

// fault gives an error its meaning, and a text that says what to do about it; nil for nil.
func (s *session) fault(doing stage, err error) error {
	if err == nil {
		return nil
	}
	if doing == connecting {
		return s.unconnected(err)
	}
	// An error of the connection itself has no code.
	result, text := uint16(ldap.ErrorNetwork), err.Error()
	if answer, ok := errors.AsType[*ldap.Error](err); ok && answer.Err != nil {
		result, text = answer.ResultCode, answer.Err.Error()
	}
	r := meaning(doing, result, text)
	remedy := strings.ReplaceAll(r.remedy, "{who}", s.bindDN)
	if r.code == fault.ADSignInRefused {
		remedy += signInReason(text)
	}
	return &fault.Error{Class: r.class, Code: r.code, Err: fmt.Errorf("%s (result %d %s: %q)",
		remedy, result, ldap.LDAPResultCodeMap[result], s.scrub(text))}
}

// unconnected is for what goes wrong before LDAP is spoken.
func (s *session) unconnected(err error) error {
	if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fault.Stopf(fault.ADCertificateUntrusted, "the certificate of %s is not trusted, so no password was sent to it: %w", s.address, untrusted.Err)
	}
	return fault.Retry(fault.Unreachable, 0, fmt.Errorf("no connection with TLS to %s: %w", s.address, err))
}

// meaning looks an answer up in the table. What no row knows is transient, and so
// bounded by the runner.
func meaning(doing stage, result uint16, text string) rule {
	windows := windowsCode(text)
	i := slices.IndexFunc(rules, func(r rule) bool {
		return (r.stage == anywhere || r.stage == doing) && (r.result == nil || slices.Contains(r.result, result)) &&
			(r.windows == "" || r.windows == windows)
	})
	if i < 0 {
		return rule{class: fault.Transient, code: fault.ADRequestRejected, remedy: "the directory refused for a reason that is not known here"}
	}
	return rules[i]
}

var (
	windowsCodes = regexp.MustCompile(`^([0-9A-Fa-f]{8}):`)
	signInCodes  = regexp.MustCompile(`\bdata ([0-9A-Fa-f]{1,8})\b`)
)

// windowsCode gives Windows' error code of a diagnostic text, empty when there is none.
func windowsCode(text string) string {
	found := windowsCodes.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return strings.ToUpper(found[1])
}

// signInReasons tell why, by the number that Active Directory gives as "data" (reference:
// [MS-ERREF] 2.2, system error codes).
var signInReasons = map[string]string{
	"525": "there is no such account", "52e": "its name or password is wrong", "530": "not at this time of day",
	"531": "not from this machine", "532": "its password has expired", "533": "it is disabled",
	"701": "it has expired", "773": "it must change its password first", "775": "it is locked out",
}

func signInReason(text string) string {
	if found := signInCodes.FindStringSubmatch(text); found != nil {
		if reason := signInReasons[strings.ToLower(found[1])]; reason != "" {
			return reason
		}
	}
	return "the controller does not say why"
}

// closing closes what will not be used, after an error that says more than closing could.
func closing(c io.Closer, err error) error {
	c.Close()
	return err
}

// scrub makes a foreign text fit for a log line: one line, not long, no secret.
func (s *session) scrub(text string) string {
	for _, secret := range []account.Secret{s.password, s.secret} {
		if !secret.IsZero() {
			text = strings.ReplaceAll(text, secret.Reveal(), secret.String())
		}
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300]) + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
