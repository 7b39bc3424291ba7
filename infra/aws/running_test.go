package aws

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/telemetry/cloudwatch"
)

// The inputs that a schedule gives.
const (
	drain    = `{"job":"drain"}`
	fullSync = `{"job":"full-sync","tenant":"*"}`
	health   = `{"job":"probe"}`
)

// probe is the time at which schedules are asked what comes next.
var probe = time.Date(2026, 11, 21, 20, 4, 10, 0, time.UTC)

// clock gives the next time at which something is due.
type clock func(after time.Time) (time.Time, error)

// expected are the schedules there must be, by target and input: each queue is drained
// every minute, every tenant is compared when the default of sync.schedule says so, and
// the health of credentials is looked at every hour.
func expected() map[string]clock {
	all := map[string]clock{"${" + events.FullSync + ".Arn} " + fullSync: config.Sync{Schedule: config.DefaultSchedule}.Next}
	all["${"+events.FullSync+".Arn} "+health] = func(after time.Time) (time.Time, error) { return after.Add(time.Hour), nil }
	for _, f := range events.Functions() {
		all["${"+f+".Arn} "+drain] = func(after time.Time) (time.Time, error) { return after.Add(time.Minute), nil }
	}
	return all
}

func schedulesMeanWhatIsWritten(d document) (bad []string) {
	wanted := expected()
	for _, name := range d.each("AWS::Scheduler::Schedule") {
		s := d.Resources[name]
		what := d.one(s.at("Target", "Arn")) + " " + d.one(s.at("Target", "Input"))
		want, known := wanted[what]
		if !known {
			bad = append(bad, fmt.Sprintf("schedule %s is one too many for %s", name, what))
			continue
		}
		delete(wanted, what)
		is := func(after time.Time) (time.Time, error) {
			return next(d.one(s.at("ScheduleExpression")), d.one(s.at("ScheduleExpressionTimezone")), after)
		}
		if err := agree(is, want); err != nil {
			bad = append(bad, fmt.Sprintf("schedule %s: %v", name, err))
		}
		if d.one(s.at("FlexibleTimeWindow", "Mode")) != "OFF" || s.at("State") != nil || s.at("EndDate") != nil {
			bad = append(bad, fmt.Sprintf("schedule %s is not on, or not on time", name))
		}
	}
	for _, what := range slices.Sorted(maps.Keys(wanted)) {
		bad = append(bad, "no schedule for "+what)
	}
	return bad
}

// agree compares two clocks over more than a week.
func agree(is, want clock) error {
	at := probe
	for range 9 {
		a, err := is(at)
		b, bad := want(at)
		if err = errors.Join(err, bad); err != nil {
			return err
		}
		if !a.Equal(b) {
			return fmt.Errorf("it fires at %s, not at %s", a, b)
		}
		at = b
	}
	return nil
}

// nothingIsLostSilently: what reaches no function is kept for a person, for 14 days.
func nothingIsLostSilently(d document) (bad []string) {
	for _, f := range events.Functions() {
		c := d.Resources[f+"EventInvokeConfig"]
		if d.one(c.at("DestinationConfig", "OnFailure", "Destination")) != undelivered {
			bad = append(bad, fmt.Sprintf("failed invocations of %s are lost", f))
		}
	}
	for _, name := range d.each("AWS::Scheduler::Schedule") {
		if d.one(d.Resources[name].at("Target", "DeadLetterConfig", "Arn")) != undelivered {
			bad = append(bad, fmt.Sprintf("ticks of %s are lost", name))
		}
	}
	q := d.Resources["Undelivered"]
	if number(q.at("MessageRetentionPeriod")) != (14*24*time.Hour).Seconds() || q.at("SqsManagedSseEnabled") != true {
		bad = append(bad, "Undelivered does not keep for 14 days, encrypted")
	}
	return bad
}

// logsEnd: every log has a group of ours, and every group an end.
func logsEnd(d document) (bad []string) {
	for _, f := range d.each("AWS::Lambda::Function") {
		if d.one(d.Resources[f].at("LoggingConfig", "LogGroup")) != "${"+f+"Log}" {
			bad = append(bad, fmt.Sprintf("%s does not log to its own group", f))
		}
	}
	for _, name := range d.each("AWS::Logs::LogGroup") {
		if days := d.one(d.Resources[name].at("RetentionInDays")); days != "90" {
			bad = append(bad, fmt.Sprintf("%s keeps for %q days, not 90", name, days))
		}
	}
	return bad
}

// routes are all there are, and which function answers them.
var routes = map[string]string{
	"POST " + intake.Path: "intake",
	"GET /api/{proxy+}":   "console", "POST /api/{proxy+}": "console", "DELETE /api/{proxy+}": "console",
	"GET /healthz": "console",
	// Without a bearer token.
	"GET /consent/callback":       "console",
	"GET /handover/{key}/{token}": "console", "HEAD /handover/{key}/{token}": "console", "POST /handover/{key}/{token}": "console",
}

func routesAreThrottled(d document) (bad []string) {
	is := map[string]string{}
	paths, _ := d.Resources["Api"].at("Body", "paths").(map[string]any)
	for path, methods := range paths {
		methods, _ := methods.(map[string]any)
		for method, m := range methods {
			uri := d.one(at(m, "x-amazon-apigateway-integration", "uri"))
			_, after, _ := strings.Cut(uri, "functions/${")
			is[strings.ToUpper(method)+" "+path], _, _ = strings.Cut(after, ".Arn}")
		}
	}
	if !maps.Equal(is, routes) {
		bad = append(bad, fmt.Sprintf("the routes are %v, not %v", is, routes))
	}
	for _, name := range d.each("AWS::ApiGatewayV2::Stage") {
		s := d.Resources[name]
		for what, limits := range map[string]any{
			"every route": s.at("DefaultRouteSettings"), "the webhook": s.at("RouteSettings", "POST "+intake.Path),
		} {
			if number(at(limits, "ThrottlingRateLimit")) < 1 || number(at(limits, "ThrottlingBurstLimit")) < 1 {
				bad = append(bad, what+" is not throttled")
			}
		}
		if d.one(s.at("AccessLogSettings", "DestinationArn")) != "${ApiLog.Arn}" {
			bad = append(bad, "the API keeps no log")
		}
		bad = append(bad, keepsAddressesOut(d.one(s.at("AccessLogSettings", "Format")))...)
	}
	return bad
}

// logged is what the log of the API may hold of a request. The address is not among it,
// for the addresses of one-time links and of consents open something.
var logged = []string{
	"$context.requestTime", "$context.requestId", "$context.identity.sourceIp", "$context.routeKey", "$context.status",
	"$context.responseLength", "$context.integrationErrorMessage",
}

func keepsAddressesOut(format string) (bad []string) {
	for _, variable := range regexp.MustCompile(`\$context[\w.]*`).FindAllString(format, -1) {
		if !slices.Contains(logged, variable) {
			bad = append(bad, "the log of the API holds "+variable)
		}
	}
	return bad
}

// questions are what the alarms ask of our own metrics.
var questions = map[string]string{
	"DeadLettersAlarm":  "SELECT MAX(" + cloudwatch.Messages + ") FROM SCHEMA(" + cloudwatch.Namespace + ", queue, state) WHERE state = 'dead'",
	"OldestDueAlarm":    "SELECT MAX(" + cloudwatch.OldestDue + ") FROM SCHEMA(" + cloudwatch.Namespace + ", queue)",
	"SyncOverdueAlarm":  "SELECT MAX(" + cloudwatch.SyncAge + ") FROM SCHEMA(" + cloudwatch.Namespace + ", tenant)",
	"ExchangeLateAlarm": "SELECT SUM(" + cloudwatch.WaitsLate + ") FROM SCHEMA(" + cloudwatch.Namespace + `, "function")`,
}

func alarmsAreHeard(d document) (bad []string) {
	for name, want := range questions {
		var is string
		if queries := values(d.Resources[name].at("Metrics")); len(queries) == 1 {
			is = d.one(at(queries[0], "Expression"))
		}
		if is != want {
			bad = append(bad, fmt.Sprintf("%s asks %q, not %q", name, is, want))
		}
	}
	overdue := d.Resources["SyncOverdueAlarm"]
	if number(overdue.at("Threshold")) != (26*time.Hour).Seconds() || overdue.at("TreatMissingData") != "breaching" {
		bad = append(bad, "SyncOverdueAlarm does not ring after 26 hours, or not when fullsync says nothing")
	}
	bad = append(bad, d.everyFunctionIsWatched()...)
	for _, name := range d.each("AWS::CloudWatch::Alarm") {
		if d.one(d.Resources[name].at("AlarmActions")) != "${AlarmTopic}" {
			bad = append(bad, name+" tells nobody")
		}
	}
	return bad
}

// mostMetrics is how many metrics one alarm may add up (Amazon CloudWatch API, PutMetricAlarm).
const mostMetrics = 10

// everyFunctionIsWatched: by one alarm each.
func (d document) everyFunctionIsWatched() (bad []string) {
	var watched []string
	for _, alarm := range []string{"FunctionErrorsAlarm", "StepErrorsAlarm"} {
		metrics := values(d.Resources[alarm].at("Metrics"))
		if len(metrics) > mostMetrics {
			bad = append(bad, fmt.Sprintf("%s has %d metrics of at most %d", alarm, len(metrics), mostMetrics))
		}
		for _, m := range metrics {
			for _, dimension := range values(at(m, "MetricStat", "Metric", "Dimensions")) {
				watched = append(watched, strings.Trim(d.one(at(dimension, "Value")), "${}"))
			}
		}
	}
	if deployed := d.each("AWS::Lambda::Function"); !slices.Equal(slices.Sorted(slices.Values(watched)), deployed) {
		bad = append(bad, fmt.Sprintf("the alarms of failures watch %v, not %v", watched, deployed))
	}
	return bad
}
