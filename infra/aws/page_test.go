package aws

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	topName = regexp.MustCompile(`(?m)^  (\w+):$`)
	given   = regexp.MustCompile(`\b([A-Z]\w+)=(?:\$|you@)`)
	asked   = regexp.MustCompile(`\$\(output (\w+)\)`)
)

// section gives one part of the template's text, and the names in it.
func section(t *testing.T, name string) (text string, names []string) {
	t.Helper()
	_, text, found := strings.Cut(source(t), "\n"+name+":\n")
	require.True(t, found, name)
	if end := regexp.MustCompile(`(?m)^\w`).FindStringIndex(text); end != nil {
		text = text[:end[0]]
	}
	for _, m := range topName.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return text, names
}

// TestThePageDeploysThisTemplate: the line in the page gives every parameter that has no
// default and none that does not exist, and asks for outputs that there are.
func TestThePageDeploysThisTemplate(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/deploy-aws.md")
	require.NoError(t, err)
	text, parameters := section(t, "Parameters")
	_, outputs := section(t, "Outputs")
	_, deploy, _ := strings.Cut(string(page), "--parameter-overrides")
	deploy, _, _ = strings.Cut(deploy, "\noutput()")
	var overridden []string
	for _, m := range given.FindAllStringSubmatch(deploy, -1) {
		overridden = append(overridden, m[1])
		assert.Contains(t, parameters, m[1])
	}
	for _, p := range parameters {
		_, body, _ := strings.Cut(text, "  "+p+":\n")
		body, _, _ = strings.Cut(body, "AllowedPattern")
		switch {
		case !strings.Contains(body, "Default:"):
			assert.Contains(t, overridden, p, "the page does not give it")
		case !slices.Contains(overridden, p):
			assert.Contains(t, string(page), "`"+p+"`", "the page does not explain it")
		}
	}
	for _, m := range asked.FindAllStringSubmatch(string(page), -1) {
		assert.Contains(t, outputs, m[1])
	}
}
