// Command costs prints what each way of running Usher costs a month, from a model and
// from prices that stand in prices.go with where they come from. docs/costs.md holds
// what it prints; run it again with your own prices and load:
//
//	go run ./scripts/costs -per-day 50
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// loads are those of the table, in onboardings a day, each with its later offboarding.
var loads = []float64{10, 1_000, 100_000}

// standard is the way whose parts are shown.
const standard = 2

func main() {
	perDay := flag.Float64("per-day", 0, "onboardings a day; 0 shows 10, 1,000 and 100,000")
	flag.Parse()
	shown := loads
	if *perDay > 0 {
		shown = []float64{*perDay}
	}
	if _, err := io.WriteString(os.Stdout, report(shown)); err != nil {
		fmt.Fprintln(os.Stderr, "costs:", err)
		os.Exit(1)
	}
}

// report is everything that is printed, in Markdown.
func report(perDay []float64) string {
	var b strings.Builder
	b.WriteString("US dollars a month, list prices without free tiers, by onboardings a day:\n\n")
	row(&b, "Way of running", headings(perDay), "A ready message waits", "A delayed one is late")
	rule(&b, len(perDay)+3)
	for _, w := range ways {
		row(&b, w.Name, each(perDay, func(n float64) float64 { return total(w.bill(n)) }), w.Ready, w.Delayed)
	}
	fmt.Fprintf(&b, "\nThe parts of %q:\n\n", ways[standard].Name)
	row(&b, "Part", headings(perDay))
	rule(&b, len(perDay)+1)
	for i, part := range ways[standard].bill(perDay[0]) {
		row(&b, part.What, each(perDay, func(n float64) float64 { return ways[standard].bill(n)[i].USD }))
	}
	b.WriteString("\nNot in these sums:\n\n")
	row(&b, "What", headings(perDay))
	rule(&b, len(perDay)+1)
	row(&b, "a way out of a VPC (NAT)", each(perDay, func(float64) float64 { return natMonth.USD }))
	row(&b, "passwords in Secrets Manager, each kept a day", each(perDay, func(n float64) float64 { return n * secretMonth.USD }))
	row(&b, "passwords in Secrets Manager, each kept 30 days", each(perDay, func(n float64) float64 { return 30 * n * secretMonth.USD }))
	b.WriteString("\nThe prices:\n\n")
	for _, p := range prices {
		recalled := ""
		if p.Recalled {
			recalled = " (from memory)"
		}
		fmt.Fprintf(&b, "- $%.10g: %s. %s%s\n", p.USD, p.For, p.Where, recalled)
	}
	return b.String()
}

func headings(perDay []float64) (cells []string) {
	for _, n := range perDay {
		cells = append(cells, fmt.Sprintf("%g a day", n))
	}
	return cells
}

func each(perDay []float64, usd func(float64) float64) (cells []string) {
	for _, n := range perDay {
		cells = append(cells, fmt.Sprintf("%.2f", usd(n)))
	}
	return cells
}

func row(b *strings.Builder, first string, cells []string, rest ...string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(append(append([]string{first}, cells...), rest...), " | "))
}

func rule(b *strings.Builder, columns int) {
	b.WriteString(strings.Repeat("|---", columns) + "|\n")
}
