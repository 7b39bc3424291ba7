package intake_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

func TestBadDocuments(t *testing.T) {
	head := `"schema":"usher.request/v1","tenant":{"alias":"contoso"},"ticket":{"system":"s","id":"1"}`
	for name, test := range map[string]struct {
		body     string
		recorded bool
	}{
		"Empty":           {``, false},
		"NotJSON":         {`{"schema":`, false},
		"NotAnObject":     {`[1]`, false},
		"Null":            {`null`, false},
		"NoTicket":        {`{"schema":"usher.request/v1","action":"onboard","tenant":{"alias":"contoso"}}`, false},
		"NoTenant":        {`{"schema":"usher.request/v1","action":"onboard","ticket":{"system":"s","id":"1"}}`, false},
		"UnknownAction":   {`{"action":"destroy",` + head + `}`, false},
		"TicketWrongType": {`{"schema":"usher.request/v1","action":"onboard","tenant":{"alias":"contoso"},"ticket":"4711"}`, false},
		"TicketTooLong":   {`{"schema":"usher.request/v1","action":"onboard","tenant":{"alias":"contoso"},"ticket":{"system":"s","id":"` + strings.Repeat("1", 999) + `"}}`, false},
		"WrongSchema":     {`{"schema":"usher.request/v2","action":"onboard","tenant":{"alias":"contoso"},"ticket":{"system":"s","id":"1"}}`, true},
		"UnknownField":    {`{"action":"onboard","colour":"red",` + head + `}`, true},
		"Password":        {`{"action":"onboard","account":{"password":{"value":"hunter2"}},` + head + `}`, true},
		"WrongType":       {`{"action":"onboard","account":"sam",` + head + `}`, true},
		"BadRequestID":    {`{"action":"onboard","requestId":"a/b",` + head + `}`, true},
		"BadTime":         {`{"action":"onboard","lifetime":{"expiresAt":"tomorrow"},` + head + `}`, true},
		"LeapSecond":      {`{"action":"onboard","lifetime":{"expiresAt":"2016-12-31T23:59:60Z"},` + head + `}`, true},
		"FloatingRerun":   {`{"action":"onboard","rerun":1.0,` + head + `}`, true},
		"NegativeGrace":   {`{"action":"offboard","offboard":{"graceDays":-1},` + head + `}`, true},
		"NameGivenTwice":  {`{"action":"onboard","action":"offboard",` + head + `}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			a := o.postText([]byte(test.body), "msg_1")
			assert.Equal(t, intake.Refused, a.Status)
			assert.Equal(t, fault.RequestInvalid, a.Code)
			assert.NotEmpty(t, a.Reason)
			assert.NotContains(t, a.Reason, "hunter2")
			assert.Equal(t, test.recorded, a.RequestID != "")
			assert.Len(t, o.requests(), len(o.sent.take()), "one notice for each recorded refusal, and nothing else")
		})
	}
}

func TestExtensionFieldsAreIgnored(t *testing.T) {
	o := open(t)
	body := strings.Replace(string(text(t, request(t, "onboard-sam360"))), `{`, `{"x-approver":{"any":"thing"},`, 1)
	assert.Equal(t, intake.Accepted, o.postText([]byte(body), "").Status)
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		sample string
		change func(*events.Request)
		code   fault.Code
	}{
		"UnknownProfile":   {"onboard-sam360", func(r *events.Request) { r.Profile = "nobody" }, fault.UnknownProfile},
		"UnknownRole":      {"onboard-sam360", func(r *events.Request) { r.Access.DirectoryRoles = []string{"Wizard"} }, fault.UnknownRole},
		"UnknownRoleGroup": {"onboard-sam360", func(r *events.Request) { r.Access.ExchangeRoleGroups = []string{"Gang"} }, fault.UnknownRoleGroup},
		"IllegalName":      {"onboard-sam360", func(r *events.Request) { r.Account.UserName = "sam/360" }, fault.NameInvalid},
		"ForeignDomain":    {"onboard-sam360", func(r *events.Request) { r.Account.Domain = "litware.com" }, fault.DomainNotVerified},
		"Protected":        {"onboard-sam360", func(r *events.Request) { r.Account.UserName = "breakglass" }, fault.AccountProtected},
		"Expired":          {"onboard-sam360", func(r *events.Request) { r.Lifetime.ExpiresAt = start }, fault.RequestExpired},
		"Consent":          {"onboard-sam360", func(r *events.Request) { r.Profile, r.Access = "trendmicro-cas", events.Access{} }, fault.RequestInvalid},
		"Synced":           {"onboard-kaspersky-new", func(r *events.Request) { r.Account.Mode = "synced" }, fault.ADNotConfigured},
		"RevokeUnknown":    {"offboard-sam360", func(*events.Request) {}, fault.AccountUnknown},
		"RevokeNobody":     {"offboard-sam360", func(r *events.Request) { r.Account.UserName = "" }, fault.NameInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			req := request(t, test.sample)
			test.change(&req)
			a := o.post(req)
			assert.Equal(t, intake.Refused, a.Status)
			assert.Equal(t, test.code, a.Code, a.Reason)
			assert.Equal(t, []string{"notify " + a.RequestID + "/notice-1/1"}, o.sent.take(), "the ticket is told, nothing else happens")
			r := o.request(a.RequestID)
			assert.Equal(t, account.Refused, account.StateOf(r))
			assert.Equal(t, string(test.code), r.RefusedCode)
			assert.Empty(t, r.Steps)
			assert.Empty(t, r.AccountID)
			assert.Equal(t, []string{"request.refused"}, o.kinds(r.ID))
		})
	}
}

func TestARefusalIsRecordedOnce(t *testing.T) {
	o := open(t)
	req := request(t, "onboard-sam360")
	req.Profile = "nobody"
	first := o.postText(text(t, req), "msg_1")
	again := o.postText(text(t, req), "msg_2")
	assert.True(t, again.Duplicate)
	assert.Equal(t, first.RequestID, again.RequestID)
	assert.Equal(t, first.Code, again.Code)
	assert.Equal(t, first.Reason, again.Reason)
	assert.Len(t, o.sent.take(), 1)
}

func TestACorrectedRequestIsTaken(t *testing.T) {
	o := open(t)
	req := request(t, "onboard-sam360")
	req.Profile = "nobody"
	refused := o.postText(text(t, req), "msg_1")
	req.Profile = "sam360"
	taken := o.postText(text(t, req), "msg_2")
	assert.Equal(t, intake.Accepted, taken.Status)
	assert.NotEqual(t, refused.RequestID, taken.RequestID)
}

func TestAnswersOnTheWire(t *testing.T) {
	for name, test := range map[string]struct {
		answer intake.Answer
		want   string
	}{
		"Accepted": {intake.Answer{Status: intake.Accepted, RequestID: "r"}, `{"status":"accepted","requestId":"r","duplicate":false}`},
		"Refused": {intake.Answer{Status: intake.Refused, Code: fault.UnknownRole, Reason: "no"},
			`{"status":"refused","code":"unknown-role","reason":"no","nextAction":"Use the role's exact name or template id."}`},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(test.answer)
			assert.NoError(t, err)
			assert.JSONEq(t, test.want, string(b))
		})
	}
}
