package fault

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds a Retry-After, so that a wrong header cannot stop the work for days.
const maxRetryAfter = time.Hour

// ParseRetryAfter reads the value of a Retry-After header, seconds or a date (RFC
// 9110, 10.2.3). It gives zero when there is none or it makes no sense, and at most an hour.
func ParseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), int(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
