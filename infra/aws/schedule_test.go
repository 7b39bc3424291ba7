package aws

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/adhocore/gronx"
)

var (
	rate = regexp.MustCompile(`^rate\(([1-9][0-9]*) (minute|hour|day)(s?)\)$`)
	cron = regexp.MustCompile(`^cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)$`)
)

// next gives the first time after the given one at which EventBridge Scheduler fires
// (Amazon EventBridge Scheduler User Guide, "Schedule types"). A rate counts from when
// the schedule was made; here from the given time.
func next(expression, zone string, after time.Time) (time.Time, error) {
	place, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return time.Time{}, fmt.Errorf("%q is no time zone", zone)
	}
	if m := rate.FindStringSubmatch(expression); m != nil {
		return nextOfRate(m[1], m[2], m[3] == "s", after)
	}
	if m := cron.FindStringSubmatch(expression); m != nil {
		return nextOfCron(m[1:], after.In(place))
	}
	return time.Time{}, fmt.Errorf("%q is neither rate(N UNIT) nor cron() of six fields", expression)
}

func nextOfRate(count, unit string, plural bool, after time.Time) (time.Time, error) {
	n, err := strconv.Atoi(count)
	if err != nil || plural != (n > 1) {
		return time.Time{}, fmt.Errorf("rate(%s %s): one is singular, more are plural", count, unit)
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	return after.Add(time.Duration(n) * units[unit]), nil
}

// nextOfCron reads minutes, hours, day of month, month, day of week, year. The parser
// counts days of the week from 0 for Sunday, AWS from 1; we use names or ?.
func nextOfCron(fields []string, after time.Time) (time.Time, error) {
	if (fields[2] == "?") == (fields[4] == "?") {
		return time.Time{}, fmt.Errorf("cron(%s): either the day of month or the day of week is ?", strings.Join(fields, " "))
	}
	if strings.ContainsAny(fields[4], "0123456789") {
		return time.Time{}, fmt.Errorf("cron(%s): write days of the week by name", strings.Join(fields, " "))
	}
	for i, f := range fields {
		if f == "?" {
			fields[i] = "*"
		}
	}
	expression := "0 " + strings.Join(fields, " ")
	if !gronx.IsValid(expression) {
		return time.Time{}, fmt.Errorf("cron(%s) is not valid", strings.Join(fields, " "))
	}
	return gronx.NextTickAfter(expression, after, false)
}
