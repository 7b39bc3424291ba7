package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheDocumentHoldsWhatIsPrinted(t *testing.T) {
	text, err := os.ReadFile("../../docs/costs.md")
	require.NoError(t, err)
	assert.Contains(t, string(text), report(loads), "put the output of 'go run ./scripts/costs' into docs/costs.md")
}

func TestBills(t *testing.T) {
	for _, w := range ways {
		before := 0.0
		for _, n := range []float64{1, 10, 1_000, 100_000} {
			sum := total(w.bill(n))
			assert.GreaterOrEqual(t, sum, before, "%s: more work is not cheaper", w.Name)
			before = sum
		}
	}
	assert.Less(t, total(ways[standard].bill(10)), 60.0)
	assert.Equal(t, 1.0, overlap(0), "a lone message has an invocation of its own")
	assert.Equal(t, 8.0, overlap(1e9))
}

func TestPricesSayWhereTheyAreFrom(t *testing.T) {
	for _, p := range prices {
		assert.Positive(t, p.USD, p.For)
		assert.NotEmpty(t, p.For)
		assert.Contains(t, p.Where, "2026", p.For)
	}
}

func TestOneLoad(t *testing.T) {
	text := report([]float64{50})
	assert.Contains(t, text, "| Way of running | 50 a day |")
	assert.Equal(t, 1, strings.Count(text, "Lambda, woken and drained (default) |"))
}
