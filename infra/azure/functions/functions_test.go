package functions_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/adhocore/gronx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/functions/assigntargets"
	"github.com/usher365/usher/functions/checkfitness"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/functions/handover"
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/host/azurefunctions"
	"github.com/usher365/usher/shared/step"
)

func TestTheApp(t *testing.T) {
	assert.Empty(t, check(os.DirFS(".")))
}

// Every way to break the app that we know of is found.
func TestBrokenApps(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new string }{
		"Addresses":            {"host.json", `"enableHttpTriggerExtendedInfoCollection": false`, `"enableHttpTriggerExtendedInfoCollection": true`},
		"AddressesByDefault":   {"host.json", `"httpAutoCollectionOptions": { "enableHttpTriggerExtendedInfoCollection": false }`, ``},
		"RoutePrefix":          {"host.json", `"routePrefix": ""`, `"routePrefix": "api"`},
		"NoRoutePrefix":        {"host.json", `"http": { "routePrefix": "" },`, ``},
		"NoProxying":           {"host.json", `"enableProxyingHttpRequest": true`, `"enableProxyingHttpRequest": false`},
		"Misspelt":             {"host.json", `enableProxyingHttpRequest`, `enableProxyHttpRequest`},
		"ForwardingBesides":    {"host.json", `"enableProxyingHttpRequest": true`, `"enableProxyingHttpRequest": true, "enableForwardingHttpRequest": true`},
		"ShortRenewal":         {"host.json", `"maxAutoLockRenewalDuration": "00:10:00"`, `"maxAutoLockRenewalDuration": "00:05:00"`},
		"ShortTimeout":         {"host.json", `"functionTimeout": "00:10:00"`, `"functionTimeout": "00:05:00"`},
		"NotATime":             {"host.json", `"functionTimeout": "00:10:00"`, `"functionTimeout": "10 minutes"`},
		"NoAutoComplete":       {"host.json", `"autoCompleteMessages": true`, `"autoCompleteMessages": false`},
		"Prefetch":             {"host.json", `"prefetchCount": 0`, `"prefetchCount": 20`},
		"NoCalls":              {"host.json", `"maxConcurrentCalls": 4`, `"maxConcurrentCalls": 0`},
		"Executable":           {"host.json", `"usher"`, `"handler"`},
		"Arguments":            {"host.json", `["serve"]`, `[]`},
		"Bundle":               {"host.json", `[4.*, 5.0.0)`, `[3.*, 4.0.0)`},
		"Version":              {"host.json", `"2.0"`, `"1.0"`},
		"OtherQueue":           {"create/function.json", `"queueName": "create"`, `"queueName": "notify"`},
		"Batch":                {"create/function.json", `"one"`, `"many"`},
		"Bytes":                {"create/function.json", `"string"`, `"binary"`},
		"BindingName":          {"create/function.json", `"message"`, `"item"`},
		"Connection":           {"create/function.json", `"USHER_SERVICEBUS"`, `"ServiceBusKey"`},
		"Sessions":             {"create/function.json", `"cardinality": "one"`, `"cardinality": "one", "isSessionsEnabled": true`},
		"Topic":                {"create/function.json", `"queueName"`, `"topicName"`},
		"Direction":            {"create/function.json", `"in"`, `"out"`},
		"OtherRoute":           {"intake/function.json", `webhooks/standard`, `webhook`},
		"NeedsKey":             {"intake/function.json", `"anonymous"`, `"function"`},
		"Get":                  {"intake/function.json", `"post"`, `"get"`},
		"CatchAll":             {"console/function.json", `api/{*rest}`, `{*rest}`},
		"IntoAFunction":        {"console/function.json", `api/{*rest}`, `create/{*rest}`},
		"IntoAnotherByNothing": {"reveal/function.json", `handover/{key}/{token}`, `revoke/{key?}`},
		"LinkForRobots":        {"reveal/function.json", `"get", "head", "post"`, `"get", "post"`},
		"ConsentElsewhere":     {"consent/function.json", `consent/callback`, `callback`},
		"ConsoleKey":           {"console/function.json", `"anonymous"`, `"admin"`},
		"NotNightly":           {"full-sync/function.json", `0 0 2 * * *`, `0 0 14 * * *`},
		"FiveFields":           {"full-sync/function.json", `0 0 2 * * *`, `0 2 * * *`},
		"EverySecond":          {"sweep/function.json", `0 * * * * *`, `* * * * * *`},
		"EveryHour":            {"sweep/function.json", `0 * * * * *`, `0 0 * * * *`},
		"ProbeEveryMinute":     {"probe/function.json", `0 17 * * * *`, `0 * * * * *`},
		"NotMadeUpFor":         {"full-sync/function.json", `"useMonitor": true`, `"useMonitor": false`},
		"OnEveryStart":         {"full-sync/function.json", `"useMonitor": true`, `"useMonitor": true, "runOnStartup": true`},
		"Key":                  {"local.settings.example.json", `"UseDevelopmentStorage=true"`, `"AccountName=a;AccountKey=b"`},
		"ConnectionString":     {"local.settings.example.json", `"USHER_SERVICEBUS__fullyQualifiedNamespace"`, `"USHER_SERVICEBUS"`},
		"OtherNamespace":       {"local.settings.example.json", `"USHER_SERVICEBUS_NAMESPACE": "NAMESPACE`, `"USHER_SERVICEBUS_NAMESPACE": "OTHER`},
		"SecretInTheSetting":   {"local.settings.example.json", `azure-keyvault:https://VAULT.vault.azure.net/secrets/usher-api`, `0123456789abcdef`},
		"Runtime":              {"local.settings.example.json", `"custom"`, `"node"`},
	} {
		t.Run(name, func(t *testing.T) {
			app := loaded(t)
			text := string(app[c.file].Data)
			require.Contains(t, text, c.old)
			app[c.file].Data = []byte(strings.Replace(text, c.old, c.new, 1))
			assert.NotEmpty(t, check(app))
		})
	}
	t.Run("MissingFunction", func(t *testing.T) {
		app := loaded(t)
		delete(app, "notify/function.json")
		assert.NotEmpty(t, check(app))
	})
	t.Run("FunctionTooMany", func(t *testing.T) {
		app := loaded(t)
		app["suspend/function.json"] = app["create/function.json"]
		assert.NotEmpty(t, check(app))
	})
}

// loaded is a copy of the app to be broken.
func loaded(t *testing.T) fstest.MapFS {
	t.Helper()
	app := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		app[name] = &fstest.MapFile{Data: text}
		return err
	})
	require.NoError(t, err)
	return app
}

// What the schedules mean, as docs/deploy-azure.md says: 02:00 UTC each night, and each minute.
func TestWhatTheSchedulesMean(t *testing.T) {
	from := time.Date(2026, 11, 21, 19, 30, 30, 0, time.UTC)
	night, err := gronx.NextTickAfter(schedules["full-sync"].schedule, from, false)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC), night)
	again, err := gronx.NextTickAfter(schedules["full-sync"].schedule, night, false)
	require.NoError(t, err)
	assert.Equal(t, 24*time.Hour, again.Sub(night))
	minute, err := gronx.NextTickAfter(schedules["sweep"].schedule, from, false)
	require.NoError(t, err)
	assert.Equal(t, 30*time.Second, minute.Sub(from))
}

// A handler's own time is over before that of its invocation, so that its end is on record.
// A full sync looks at the invocation's time, and goes on in its next delivery.
func TestEveryAttemptEndsInTime(t *testing.T) {
	for name, p := range map[string]step.Policy{
		"create": create.Policy, "assignrole": assignrole.Policy, "grantrolegroup": grantrolegroup.Policy(nil),
		"revoke": revoke.Policy, "notify": notify.Policy, "grantconsent": grantconsent.Policy, "handover": handover.Policy, "assigntargets": assigntargets.Policy, "checkfitness": checkfitness.Policy,
	} {
		assert.Less(t, p.Longest()+time.Minute, azurefunctions.Longest, name)
	}
}
