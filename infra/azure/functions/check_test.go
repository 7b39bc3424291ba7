// Package functions_test holds the files of the Azure Functions app against the code that
// the host starts. Which settings there are says Microsoft's reference of host.json and
// of each binding (https://learn.microsoft.com/azure/azure-functions/functions-host-json).
package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/azurefunctions"
)

// hostFile is host.json, with the settings that we use and no other.
type hostFile struct {
	Version, FunctionTimeout string
	Logging                  struct {
		ApplicationInsights struct {
			HTTPAutoCollectionOptions struct{ EnableHTTPTriggerExtendedInfoCollection *bool }
		}
	}
	Extensions struct {
		HTTP       struct{ RoutePrefix *string }
		ServiceBus struct {
			AutoCompleteMessages              bool
			MaxAutoLockRenewalDuration        string
			MaxConcurrentCalls, PrefetchCount int
		}
	}
	ExtensionBundle struct{ ID, Version string }
	CustomHandler   struct {
		Description struct {
			DefaultExecutablePath string
			Arguments             []string
		}
		EnableProxyingHttpRequest bool
	}
}

// functionFile is a function.json, with the settings that we use and no other.
type functionFile struct{ Bindings []binding }

type binding struct {
	Type, Direction, Name string
	// Of a Service Bus trigger.
	QueueName, Connection, Cardinality, DataType string
	// Of an HTTP trigger.
	AuthLevel, Route string
	Methods          []string
	// Of a timer.
	Schedule   string
	UseMonitor *bool
}

// settingsFile is local.settings.json.
type settingsFile struct {
	IsEncrypted bool
	Values      map[string]string
}

// connection is the prefix of the settings with which the host reaches the namespace.
const connection = "USHER_SERVICEBUS"

// routes are those of the HTTP functions.
var routes = map[string]struct {
	route   string
	methods []string
}{
	"intake":  {strings.TrimPrefix(intake.Path, "/"), []string{"post"}},
	"console": {"api/{*rest}", []string{"delete", "get", "post"}},
	// Without a bearer token: where a browser ends after a consent, and the page of a one-time link.
	"consent": {"consent/callback", []string{"get"}},
	"reveal":  {"handover/{key}/{token}", []string{"get", "head", "post"}},
}

// schedules are those of the timers, without the seconds, and whether a missed one is made up for.
var schedules = map[string]struct {
	schedule string
	monitor  bool
}{
	"full-sync": {config.DefaultSchedule, true},
	"sweep":     {"* * * * *", false},
	// Not at the full hour, when everybody asks.
	"probe": {"17 * * * *", true},
}

// problems says what is wrong with an app.
type problems []string

func (p *problems) unless(ok bool, format string, args ...any) {
	if !ok {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

func (p *problems) read(app fs.FS, name string, into any) bool {
	text, err := fs.ReadFile(app, name)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(into)
	}
	p.unless(err == nil, "%s: %v", name, err)
	return err == nil
}

func check(app fs.FS) []string {
	var p problems
	p.checkHost(app)
	p.checkNames(app)
	for _, name := range events.Functions() {
		p.checkQueue(app, name)
	}
	for name := range routes {
		p.checkHTTP(app, name)
	}
	for name := range schedules {
		p.checkTimer(app, name)
	}
	p.checkSettings(app)
	return p
}

func (p *problems) checkHost(app fs.FS) {
	var h hostFile
	if !p.read(app, "host.json", &h) {
		return
	}
	bus, handler := h.Extensions.ServiceBus, h.CustomHandler
	addresses := h.Logging.ApplicationInsights.HTTPAutoCollectionOptions.EnableHTTPTriggerExtendedInfoCollection
	p.unless(h.Version == "2.0", "host.json: version %q", h.Version)
	p.unless(h.Extensions.HTTP.RoutePrefix != nil && *h.Extensions.HTTP.RoutePrefix == "", "host.json: routePrefix must be empty, or the webhook moves to /api")
	p.unless(addresses != nil && !*addresses, "host.json: Application Insights would record the addresses of calls, and with them one-time links and the states of consents")
	p.unless(bus.AutoCompleteMessages, "host.json: without autoCompleteMessages nobody completes a message")
	p.unless(bus.PrefetchCount == 0, "host.json: messages that are fetched ahead wait with their lock running")
	p.unless(bus.MaxConcurrentCalls > 0, "host.json: maxConcurrentCalls")
	renewal, err := clock(bus.MaxAutoLockRenewalDuration)
	p.unless(err == nil && renewal > azurefunctions.Longest, "host.json: maxAutoLockRenewalDuration %q is no longer than an invocation, %s", bus.MaxAutoLockRenewalDuration, azurefunctions.Longest)
	timeout, err := clock(h.FunctionTimeout)
	p.unless(err == nil && timeout >= renewal, "host.json: functionTimeout %q ends a function while its lock is renewed", h.FunctionTimeout)
	p.unless(h.ExtensionBundle.ID == "Microsoft.Azure.Functions.ExtensionBundle" && h.ExtensionBundle.Version == "[4.*, 5.0.0)", "host.json: extensionBundle")
	p.unless(handler.Description.DefaultExecutablePath == "usher" && slices.Equal(handler.Description.Arguments, []string{"serve"}), "host.json: the handler is 'usher serve'")
	p.unless(handler.EnableProxyingHttpRequest, "host.json: without enableProxyingHttpRequest chunked webhooks lose their body, and all of them their bytes")
}

// clock reads hours, minutes and seconds, HH:MM:SS.
func clock(text string) (time.Duration, error) {
	at, err := time.Parse("15:04:05", text)
	return at.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)), err
}

// checkNames wants a folder for each function, and none besides.
func (p *problems) checkNames(app fs.FS) {
	want := events.Functions()
	for name := range routes {
		want = append(want, name)
	}
	for name := range schedules {
		want = append(want, name)
	}
	files, err := fs.Glob(app, "*/function.json")
	p.unless(err == nil, "%v", err)
	var got []string
	for _, file := range files {
		got = append(got, path.Dir(file))
	}
	slices.Sort(want)
	slices.Sort(got)
	p.unless(slices.Equal(want, got), "the functions are %v, not %v", want, got)
}

// bindings reads the function.json of a function that has so many bindings.
func (p *problems) bindings(app fs.FS, name string, n int) []binding {
	var f functionFile
	if !p.read(app, path.Join(name, "function.json"), &f) {
		return nil
	}
	p.unless(len(f.Bindings) == n, "%s: %d bindings, not %d", name, len(f.Bindings), n)
	if len(f.Bindings) != n {
		return nil
	}
	return f.Bindings
}

func (p *problems) checkQueue(app fs.FS, name string) {
	for _, b := range p.bindings(app, name, 1) {
		p.unless(b.Type == "serviceBusTrigger" && b.Direction == "in", "%s: %s %s", name, b.Type, b.Direction)
		p.unless(b.Name == azurefunctions.MessageBinding, "%s: the handler looks for a binding %q, not %q", name, azurefunctions.MessageBinding, b.Name)
		p.unless(b.QueueName == name, "%s: takes from queue %q", name, b.QueueName)
		p.unless(b.Connection == connection, "%s: connection %q", name, b.Connection)
		p.unless(b.Cardinality == "one", "%s: the handler takes one message at a time", name)
		p.unless(b.DataType == "string", "%s: bytes would come as base64", name)
	}
}

func (p *problems) checkHTTP(app fs.FS, name string) {
	bindings := p.bindings(app, name, 2)
	if bindings == nil {
		return
	}
	in, out, want := bindings[0], bindings[1], routes[name]
	p.unless(in.Type == "httpTrigger" && in.Direction == "in" && out.Type == "http" && out.Direction == "out", "%s: only HTTP in and HTTP out is proxied", name)
	p.unless(in.AuthLevel == "anonymous", "%s: signature or token are ours to check; a function key would have to be given out besides", name)
	p.unless(in.Route == want.route, "%s: route %q, not %q", name, in.Route, want.route)
	slices.Sort(in.Methods)
	p.unless(slices.Equal(in.Methods, want.methods), "%s: methods %v, not %v", name, in.Methods, want.methods)
	// Calls keep their path on the way to the handler, where POST /<function> is an invocation.
	// A route of more than one segment leads there only when all that follows may be missing.
	first, rest, _ := strings.Cut(in.Route, "/")
	alone := rest == "" || strings.HasPrefix(rest, "{*") || strings.HasSuffix(rest, "?}") && !strings.Contains(rest, "/")
	for _, function := range append(events.Functions(), "full-sync", "sweep", "probe") {
		p.unless(!strings.Contains(first, "{") && !(alone && strings.EqualFold(first, function)), "%s: a caller could reach /%s from outside", name, function)
	}
}

func (p *problems) checkTimer(app fs.FS, name string) {
	for _, b := range p.bindings(app, name, 1) {
		want := schedules[name]
		p.unless(b.Type == "timerTrigger" && b.Direction == "in", "%s: %s %s", name, b.Type, b.Direction)
		second, rest, _ := strings.Cut(b.Schedule, " ")
		p.unless(second == "0" && rest == want.schedule, "%s: schedule %q is not %q with 0 seconds", name, b.Schedule, want.schedule)
		p.unless(b.UseMonitor != nil && *b.UseMonitor == want.monitor, "%s: useMonitor must be %t", name, want.monitor)
	}
}

// checkSettings wants an example that works with an identity, and names no secret.
func (p *problems) checkSettings(app fs.FS) {
	var s settingsFile
	if !p.read(app, "local.settings.example.json", &s) {
		return
	}
	p.unless(s.Values["FUNCTIONS_WORKER_RUNTIME"] == "custom", "settings: FUNCTIONS_WORKER_RUNTIME")
	p.unless(s.Values[connection+"__fullyQualifiedNamespace"] == s.Values["USHER_SERVICEBUS_NAMESPACE"] && s.Values["USHER_SERVICEBUS_NAMESPACE"] != "",
		"settings: the host and the handler must reach the same namespace, by identity")
	for name, value := range s.Values {
		p.unless(!strings.Contains(value, "SharedAccessKey") && !strings.Contains(value, "AccountKey"), "settings: %s holds a key", name)
		secret := strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_TOKEN")
		p.unless(!secret || strings.HasPrefix(value, "azure-keyvault:"), "settings: %s holds a secret in the place of a reference", name)
	}
	_, key := s.Values[connection]
	p.unless(!key, "settings: %s would be a connection string", connection)
}
