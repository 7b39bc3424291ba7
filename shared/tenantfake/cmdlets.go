package tenantfake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// cmdlet is one of Exchange's commands.
type cmdlet struct {
	params []string
	write  bool
	run    func(*exchangeCall) ([]map[string]any, *response)
}

// commonParams are taken by every cmdlet.
var commonParams = []string{"Confirm", "WhatIf", "Verbose", "Debug", "ErrorAction", "WarningAction", "ResultSize", "BypassSecurityGroupManagerCheck"}

var cmdlets map[string]cmdlet

func init() { // a variable initialiser would be a cycle through invoke
	cmdlets = map[string]cmdlet{
		"get-user":                   {params: []string{"Identity", "Filter", "RecipientTypeDetails", "Anr"}, run: (*exchangeCall).getUser},
		"get-rolegroup":              {params: []string{"Identity", "Filter"}, run: (*exchangeCall).getRoleGroup},
		"get-rolegroupmember":        {params: []string{"Identity"}, run: (*exchangeCall).getRoleGroupMember},
		"add-rolegroupmember":        {params: []string{"Identity", "Member"}, write: true, run: (*exchangeCall).addMember},
		"remove-rolegroupmember":     {params: []string{"Identity", "Member"}, write: true, run: (*exchangeCall).removeMember},
		"new-serviceprincipal":       {params: []string{"AppId", "ObjectId", "DisplayName"}, write: true, run: (*exchangeCall).newServicePrincipal},
		"get-mobiledevice":           {params: []string{"Identity", "Mailbox", "Filter", "ActiveSync"}, run: (*exchangeCall).getMobileDevice},
		"get-mobiledevicestatistics": {params: []string{"Identity", "Mailbox", "ActiveSync"}, run: (*exchangeCall).getMobileDevice},
	}
}

// invoke checks RBAC and parameters, runs the cmdlet and pages its output.
func (c *exchangeCall) invoke(have access) *response {
	cmd, ok := cmdlets[strings.ToLower(c.input.CmdletName)]
	if !ok || cmd.write && have != fullAccess {
		return c.fail(http.StatusForbidden, "Forbidden", exchangeError{text: fmt.Sprintf(
			"The cmdlet %s is not present in the role definition of the current user.", c.input.CmdletName)})
	}
	for _, name := range sortedKeys(c.input.Parameters) {
		known := func(p string) bool { return strings.EqualFold(p, name) }
		if !slices.ContainsFunc(cmd.params, known) && !slices.ContainsFunc(commonParams, known) && !strings.Contains(name, "@") {
			return c.badParameter(name)
		}
	}
	if resp := c.checkCursor(); resp != nil {
		return resp
	}
	rows, resp := cmd.run(c)
	if resp != nil {
		return resp
	}
	return c.page(rows)
}

func (c *exchangeCall) badParameter(name string) *response {
	return c.fail(http.StatusBadRequest, "BadRequest", exchangeError{typ: typParameters, internal: true,
		text: "Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet parameters specified. " + name})
}

// param returns a text parameter, in any case of its name.
func (c *exchangeCall) param(name string) (string, bool) {
	for k, v := range c.input.Parameters {
		if strings.EqualFold(k, name) {
			s, ok := v.(string)
			return s, ok
		}
	}
	return "", false
}

// identityNotFound is the answer to an Identity that no object has.
func (c *exchangeCall) identityNotFound(identity string) *response {
	return c.fail(http.StatusNotFound, "NotFound", exchangeError{ex: "Ex6F9304", typ: typNotFound, text: fmt.Sprintf(
		"The operation couldn't be performed because object '%s' couldn't be found on 'DB6PR06A001DC06.EURPR06A001.prod.outlook.com'.", identity)})
}

// memberNotFound is the answer to a Member that Exchange does not know, or not yet.
func (c *exchangeCall) memberNotFound(member string) *response {
	status, code := http.StatusNotFound, "NotFound"
	if c.t.exchange.UnknownMemberStatus == http.StatusBadRequest {
		status, code = http.StatusBadRequest, "BadRequest"
	}
	return c.fail(status, code, exchangeError{ex: "Ex94914C", typ: typNotFound, text: fmt.Sprintf(
		"Couldn't find object \"%s\". Please make sure that it was spelled correctly or specify a different object.", member)})
}

// MobileDevice is a telephone that synchronises a mailbox.
type MobileDevice struct {
	DeviceID, FriendlyName, Model, OS, Type, ClientType string
	FirstSync, LastSync                                 time.Time
}

// AddMobileDevice pairs a device with a user's mailbox. It reports whether there is such a user.
func (t *Tenant) AddMobileDevice(idOrUPN string, d MobileDevice) bool {
	return t.byHand(idOrUPN, func(_ time.Time, rec *userRecord) {
		id := rec.current().ID
		t.devices[id] = append(t.devices[id], d)
	})
}

func (d MobileDevice) row(u *User) map[string]any {
	return map[string]any{
		"UserDisplayName": u.DisplayName, "Identity": u.MailNickname + `\ExchangeActiveSyncDevices\` + d.DeviceID, "Guid": d.DeviceID,
		"DeviceId": d.DeviceID, "FriendlyName": d.FriendlyName, "DeviceModel": d.Model, "DeviceOS": d.OS, "DeviceType": d.Type,
		"ClientType": d.ClientType, "DeviceAccessState": "Allowed",
		"FirstSyncTime": timeOrNull(d.FirstSync), "LastSyncAttemptTime": timeOrNull(d.LastSync), "LastSuccessSync": timeOrNull(d.LastSync),
	}
}

// getMobileDevice serves Get-MobileDevice and Get-MobileDeviceStatistics: by mailbox, by device, or all.
func (c *exchangeCall) getMobileDevice() ([]map[string]any, *response) {
	mailbox, _ := c.param("Mailbox")
	identity, _ := c.param("Identity")
	rows := []map[string]any{}
	for _, rec := range c.t.users {
		if !rec.inExchange(c.now) || mailbox != "" && !isUser(rec.current(), mailbox) {
			continue
		}
		for _, d := range c.t.devices[rec.current().ID] {
			row := d.row(rec.current())
			if identity == "" || identity == d.DeviceID || row["Identity"] == identity {
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// newServicePrincipal makes an app known to Exchange, so that it can become a role group's member.
func (c *exchangeCall) newServicePrincipal() ([]map[string]any, *response) {
	id, _ := c.param("AppId")
	a := c.t.app(id)
	if a == nil {
		return nil, c.identityNotFound(id)
	}
	if c.t.exchangeApps[a.spec.ObjectID] {
		return nil, c.fail(http.StatusBadRequest, "BadRequest", exchangeError{text: "The service principal " + id + " already exists."})
	}
	c.t.exchangeApps[a.spec.ObjectID] = true
	return []map[string]any{{"AppId": a.spec.ClientID, "ObjectId": a.spec.ObjectID, "DisplayName": a.spec.DisplayName, "Identity": a.spec.ObjectID}}, nil
}
