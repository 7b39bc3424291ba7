package azure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/servicebus/armservicebus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/functions/assigntargets"
	"github.com/usher365/usher/functions/checkfitness"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/functions/handover"
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/patience"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/servicebus"
	"github.com/usher365/usher/shared/servicebusfake"
	"github.com/usher365/usher/shared/step"
)

// Limits of the service (Azure Service Bus, "Duplicate detection", "Message transfers,
// locks, and settlement"; queue properties).
const (
	longestLock    = 5 * time.Minute
	shortestWindow = 20 * time.Second
	longestWindow  = 7 * 24 * time.Hour
	mostDeliveries = 2000
)

// Built-in roles (Azure, "Azure built-in roles", integration).
const (
	dataSender   = "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39"
	dataReceiver = "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0"
)

// template is an ARM template with what we use of it; more is refused.
type template struct {
	Schema         string                     `json:"$schema"`
	ContentVersion string                     `json:"contentVersion"`
	Metadata       json.RawMessage            `json:"metadata"`
	Parameters     map[string]parameter       `json:"parameters"`
	Variables      variables                  `json:"variables"`
	Resources      []resource                 `json:"resources"`
	Outputs        map[string]json.RawMessage `json:"outputs"`
}

type parameter struct {
	Type          string          `json:"type"`
	Default       string          `json:"defaultValue"`
	AllowedValues []string        `json:"allowedValues"`
	MinLength     int             `json:"minLength"`
	MaxLength     int             `json:"maxLength"`
	Metadata      json.RawMessage `json:"metadata"`
}

type variables struct {
	Queues []string `json:"queues"`
	Roles  struct {
		Sender   string `json:"sender"`
		Receiver string `json:"receiver"`
	} `json:"roles"`
}

type resource struct {
	Type       string                       `json:"type"`
	APIVersion string                       `json:"apiVersion"`
	Name       string                       `json:"name"`
	Location   string                       `json:"location"`
	Scope      string                       `json:"scope"`
	DependsOn  []string                     `json:"dependsOn"`
	Copy       struct{ Name, Count string } `json:"copy"`
	SKU        *armservicebus.SBSKU         `json:"sku"`
	Properties json.RawMessage              `json:"properties"`
}

// examine gives everything that is wrong with a template.
func examine(text []byte) (bad []string) {
	var t template
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&t); err != nil {
		return []string{err.Error()}
	}
	if want := append(events.Functions(), servicebus.Parked); !slices.Equal(slices.Sorted(slices.Values(t.Variables.Queues)), slices.Sorted(slices.Values(want))) {
		bad = append(bad, fmt.Sprintf("the queues are %v, not %v", t.Variables.Queues, want))
	}
	if t.Variables.Roles.Sender != dataSender || t.Variables.Roles.Receiver != dataReceiver {
		bad = append(bad, "the roles are not Azure Service Bus Data Sender and Receiver")
	}
	if p := t.Parameters["sku"]; p.Default != "Standard" || !slices.Equal(p.AllowedValues, []string{"Standard", "Premium"}) {
		bad = append(bad, "the tier is Standard or Premium, and Standard by default: Basic has no duplicate detection")
	}
	var kinds []string
	for _, r := range t.Resources {
		kinds = append(kinds, r.Type)
		for _, complaint := range r.examine() {
			bad = append(bad, r.Type+": "+complaint)
		}
	}
	if want := []string{namespaces, namespaces + "/queues", assignments, assignments}; !slices.Equal(kinds, want) {
		bad = append(bad, fmt.Sprintf("the resources are %v, not %v", kinds, want))
	}
	return bad
}

const (
	namespaces  = "Microsoft.ServiceBus/namespaces"
	assignments = "Microsoft.Authorization/roleAssignments"
	namespaceID = "[resourceId('Microsoft.ServiceBus/namespaces', parameters('namespaceName'))]"
)

func (r resource) examine() (bad []string) {
	if r.Type != namespaces && !slices.Equal(r.DependsOn, []string{namespaceID}) {
		bad = append(bad, "it does not wait for the namespace")
	}
	switch r.Type {
	case namespaces:
		return append(bad, r.namespace()...)
	case namespaces + "/queues":
		return append(bad, r.queue()...)
	}
	return append(bad, r.assignment()...)
}

// roundTrip reads properties into the official type and writes them again: what the type
// does not know is gone then.
func roundTrip(properties json.RawMessage, into any) []string {
	var before, after map[string]any
	if err := json.Unmarshal(properties, &before); err != nil {
		return []string{err.Error()}
	}
	if err := json.Unmarshal(properties, into); err != nil {
		return []string{err.Error()}
	}
	written, err := json.Marshal(into)
	if err == nil {
		err = json.Unmarshal(written, &after)
	}
	if err != nil {
		return []string{err.Error()}
	}
	if !reflect.DeepEqual(before, after) {
		return []string{fmt.Sprintf("the service knows %v of %v", after, before)}
	}
	return nil
}

func (r resource) namespace() (bad []string) {
	var tls struct {
		Minimum string `json:"minimumTlsVersion"`
	}
	if err := json.Unmarshal(r.Properties, &tls); err != nil || tls.Minimum != "1.2" {
		bad = append(bad, "minimumTlsVersion is not 1.2")
	}
	// The types are of API version 2021-11-01, which did not have this property yet.
	known := bytes.Replace(r.Properties, []byte(`,
        "minimumTlsVersion": "1.2"`), nil, 1)
	var p armservicebus.SBNamespaceProperties
	bad = append(bad, roundTrip(known, &p)...)
	if p.DisableLocalAuth == nil || !*p.DisableLocalAuth {
		bad = append(bad, "keys can be used; set disableLocalAuth")
	}
	const sku = "[parameters('sku')]"
	if r.SKU == nil || r.SKU.Name == nil || *r.SKU.Name != sku || r.SKU.Tier == nil || *r.SKU.Tier != sku {
		bad = append(bad, "the tier is not the parameter's")
	}
	return bad
}

func (r resource) queue() (bad []string) {
	var p armservicebus.SBQueueProperties
	if bad = roundTrip(r.Properties, &p); len(bad) > 0 {
		return bad
	}
	if r.Copy.Count != "[length(variables('queues'))]" {
		bad = append(bad, "not every queue is made")
	}
	for what, is := range map[string]*bool{"requiresDuplicateDetection": p.RequiresDuplicateDetection, "deadLetteringOnMessageExpiration": p.DeadLetteringOnMessageExpiration} {
		if is == nil || !*is {
			bad = append(bad, what+" is not on")
		}
	}
	for what, is := range map[string]*bool{"requiresSession": p.RequiresSession, "enablePartitioning": p.EnablePartitioning} {
		if is != nil && *is {
			bad = append(bad, what+" is on: our client opens queues without")
		}
	}
	if n := p.MaxDeliveryCount; n == nil || *n < 100 || *n > mostDeliveries {
		bad = append(bad, "maxDeliveryCount is not 100 to 2000: the adapter counts by itself, to 10, and what a stopping process gives back does not count")
	}
	for _, d := range []struct {
		what        string
		is          *string
		least, most time.Duration
	}{
		{"lockDuration", p.LockDuration, 30 * time.Second, longestLock},
		{"duplicateDetectionHistoryTimeWindow", p.DuplicateDetectionHistoryTimeWindow, max(horizon(), shortestWindow), longestWindow},
		{"defaultMessageTimeToLive", p.DefaultMessageTimeToLive, 2 * longestWindow, 10 * 365 * 24 * time.Hour},
	} {
		bad = append(bad, within(d.what, d.is, d.least, d.most)...)
	}
	return bad
}

// The tests of processes run on queues like these.
func TestTheFakeHasTheSameQueues(t *testing.T) {
	text, err := os.ReadFile("servicebus.json")
	require.NoError(t, err)
	var given template
	require.NoError(t, json.Unmarshal(text, &given))
	var p armservicebus.SBQueueProperties
	for _, r := range given.Resources {
		if r.Type == "Microsoft.ServiceBus/namespaces/queues" {
			require.NoError(t, json.Unmarshal(r.Properties, &p))
		}
	}
	duration := func(text *string) time.Duration {
		d, err := parse(*text)
		require.NoError(t, err)
		return d
	}
	assert.Equal(t, servicebusfake.Deployed("create")["create"], servicebusfake.QueueSettings{
		Lock: duration(p.LockDuration), MaxDeliveries: int(*p.MaxDeliveryCount),
		DetectDuplicates: *p.RequiresDuplicateDetection, DuplicateWindow: duration(p.DuplicateDetectionHistoryTimeWindow),
		TimeToLive: duration(p.DefaultMessageTimeToLive), DeadLetterExpired: *p.DeadLetteringOnMessageExpiration,
		MaxSize: int(*p.MaxSizeInMegabytes) << 20,
	})
}

func within(what string, text *string, least, most time.Duration) []string {
	if text == nil {
		return []string{what + " is missing"}
	}
	d, err := parse(*text)
	if err != nil {
		return []string{what + ": " + err.Error()}
	}
	if d < least || d > most {
		return []string{fmt.Sprintf("%s is %s, not %s to %s", what, d, least, most)}
	}
	return nil
}

// horizon is how long a command may be on its way, and so how long after its first send it
// may be sent again under the same id: the longest wait or row of failures of any function,
// and no less than what the embedded engine remembers.
func horizon() time.Duration {
	longest := max(queue.DuplicateWindow, patience.Deadline)
	longestPause := step.Backoff(1000, 1)
	for _, p := range []step.Policy{
		create.Policy, assignrole.Policy, grantrolegroup.Policy(nil), revoke.Policy, notify.Policy, fullsync.Policy, grantconsent.Policy, handover.Policy, assigntargets.Policy, checkfitness.Policy,
	} {
		longest = max(longest, p.Patience, time.Duration(p.MaxFailures)*longestPause)
	}
	return longest
}

func TestTheHorizonIsThatOfTheSlowest(t *testing.T) {
	assert.Equal(t, 48*time.Hour, horizon(), "a hand-over waits two days for the ticketing system, longer than a day of Exchange")
}

func (r resource) assignment() (bad []string) {
	var p struct {
		PrincipalID      string `json:"principalId"`
		PrincipalType    string `json:"principalType"`
		RoleDefinitionID string `json:"roleDefinitionId"`
	}
	in := json.NewDecoder(bytes.NewReader(r.Properties))
	in.DisallowUnknownFields()
	if err := in.Decode(&p); err != nil {
		return []string{err.Error()}
	}
	role := strings.TrimSuffix(r.Copy.Name, "s")
	for what, is := range map[string][2]string{
		"principalId":      {p.PrincipalID, "[parameters('principalIds')[copyIndex()]]"},
		"principalType":    {p.PrincipalType, "ServicePrincipal"},
		"roleDefinitionId": {p.RoleDefinitionID, "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', variables('roles')." + role + ")]"},
		"scope":            {r.Scope, "[format('Microsoft.ServiceBus/namespaces/{0}', parameters('namespaceName'))]"},
		"copy":             {r.Copy.Count, "[length(parameters('principalIds'))]"},
		// The name says what is assigned, so that deploying again changes nothing.
		"name": {r.Name, "[guid(resourceId('Microsoft.ServiceBus/namespaces', parameters('namespaceName')), parameters('principalIds')[copyIndex()], variables('roles')." + role + ")]"},
	} {
		if is[0] != is[1] {
			bad = append(bad, fmt.Sprintf("%s is %q, not %q", what, is[0], is[1]))
		}
	}
	return bad
}

func TestServiceBus(t *testing.T) {
	text, err := os.ReadFile("servicebus.json")
	require.NoError(t, err)
	require.Empty(t, examine(text))
	for name, change := range map[string][2]string{
		"misspelt property of a queue":      {"requiresDuplicateDetection", "requireDuplicateDetection"},
		"misspelt property of a namespace":  {"disableLocalAuth", "disableLocalAuthentication"},
		"misspelt key of a resource":        {`"dependsOn"`, `"dependOn"`},
		"text for a flag":                   {`"requiresDuplicateDetection": true`, `"requiresDuplicateDetection": "true"`},
		"text for a number":                 {`"maxDeliveryCount": 1000`, `"maxDeliveryCount": "1000"`},
		"no duplicate detection":            {`"requiresDuplicateDetection": true`, `"requiresDuplicateDetection": false`},
		"window below the horizon":          {`"P2D"`, `"P1D"`},
		"window below the service's least":  {`"P2D"`, `"PT10S"`},
		"window above the service's most":   {`"P2D"`, `"P8D"`},
		"lock of six minutes":               {`"PT1M"`, `"PT6M"`},
		"lock of no duration":               {`"PT1M"`, `"1M"`},
		"Basic allowed":                     {`["Standard", "Premium"]`, `["Basic", "Standard", "Premium"]`},
		"Basic by default":                  {`"defaultValue": "Standard"`, `"defaultValue": "Basic"`},
		"Basic whatever is asked":           {`"name": "[parameters('sku')]"`, `"name": "Basic"`},
		"deliveries as few as ours":         {`"maxDeliveryCount": 1000`, `"maxDeliveryCount": 10`},
		"more deliveries than there may be": {`"maxDeliveryCount": 1000`, `"maxDeliveryCount": 5000`},
		"expired is gone":                   {`"deadLetteringOnMessageExpiration": true`, `"deadLetteringOnMessageExpiration": false`},
		"expires in a day":                  {`"P14D"`, `"P1D"`},
		"sessions":                          {`"requiresSession": false`, `"requiresSession": true`},
		"keys":                              {`"disableLocalAuth": true`, `"disableLocalAuth": false`},
		"old TLS":                           {`"minimumTlsVersion": "1.2"`, `"minimumTlsVersion": "1.0"`},
		"a queue less":                      {`, "parked"]`, `]`},
		"a queue more":                      {`, "parked"]`, `, "parked", "audit"]`},
		"owner of the data":                 {dataReceiver, "090c5cfd-751d-490a-894a-3ce6f1109419"},
		"a new assignment each time":        {"[guid(resourceId('Microsoft.ServiceBus/namespaces', parameters('namespaceName')), parameters('principalIds')[copyIndex()], variables('roles').sender)]", "[newGuid()]"},
		"receivers cannot receive":          {"roleDefinitions', variables('roles').receiver", "roleDefinitions', variables('roles').sender"},
	} {
		require.Contains(t, string(text), change[0], name)
		assert.NotEmpty(t, examine(bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)), name)
	}
}
