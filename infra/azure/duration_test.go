// Package azure holds the template of the Service Bus namespace and the tests that must
// fail when it is broken.
package azure

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// iso is a duration of ISO 8601 in days, hours, minutes and seconds: the parts that have
// one length.
var iso = regexp.MustCompile(`^P(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,5})S)?)?$`)

// parse reads a duration; at least one part must be given, and one after T.
func parse(text string) (d time.Duration, err error) {
	m := iso.FindStringSubmatch(text)
	if m == nil || text == "P" || text[len(text)-1] == 'T' {
		return 0, fmt.Errorf("%q is not an ISO 8601 duration such as PT1M or P2D", text)
	}
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			return 0, err
		}
		d += time.Duration(n) * unit
	}
	return d, nil
}

func TestParse(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT1M": time.Minute, "PT20S": 20 * time.Second, "P2D": 48 * time.Hour, "P1DT12H30M5S": 36*time.Hour + 30*time.Minute + 5*time.Second,
	} {
		got, err := parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "P", "PT", "P2DT", "5M", "PT5", "T5M", "P1M", "P1W", "PT1M ", "pt1m", "00:01:00", "PT1.5M", "P-1D"} {
		_, err := parse(text)
		assert.Error(t, err, text)
	}
}
