package checks

import (
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// homes are directories that exist on somebody's machine and nowhere else.
var homes = regexp.MustCompile(`(^|[\s"'=:(])/(home|Users|root|workspace|builds)/[A-Za-z0-9._-]+`)

func TestNoTraceOfAMachine(t *testing.T) {
	traces := tracesOfThisMachine(t)
	for _, f := range files(t) {
		text := read(t, f)
		if !utf8.ValidString(text) || f == "scripts/checks/writing_test.go" {
			continue
		}
		assert.Empty(t, homes.FindString(text), "%s names a directory of somebody's machine", f)
		for _, trace := range traces {
			assert.NotContains(t, text, trace, "%s names something of this machine", f)
		}
	}
}

// tracesOfThisMachine are the directories we work in and the hosts modules come through.
func tracesOfThisMachine(t *testing.T) (traces []string) {
	t.Helper()
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	for _, dir := range []string{here, filepath.Dir(here)} {
		if strings.Count(dir, "/") > 0 && len(dir) > 1 {
			traces = append(traces, dir+"/")
		}
	}
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	require.NoError(t, err)
	cache, proxies, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	traces = append(traces, cache)
	settings := strings.FieldsFunc(proxies, func(r rune) bool { return r == ',' || r == '|' })
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		settings = append(settings, os.Getenv(name))
	}
	for _, s := range settings {
		if u, err := url.Parse(s); err == nil && u.Hostname() != "" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
			traces = append(traces, u.Hostname())
		}
	}
	return traces
}

// open are words for work that was left open.
var open = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b|\bt\.Ski` + `p|not implemente` + `d`)

// loud leave tests out where a program is missing, say so, and fail where it is CI that
// runs them. 'make test' lists what they left out.
var loud = []string{"shared/postgrestest/postgrestest.go", "shared/sambatest/sambatest.go"}

func TestNothingIsLeftOpen(t *testing.T) {
	for _, f := range files(t) {
		if slices.Contains(loud, f) {
			continue
		}
		if strings.HasSuffix(f, ".go") || strings.HasPrefix(f, "scripts/") || f == "Makefile" {
			assert.Empty(t, open.FindAllString(read(t, f), -1), "%s leaves something open", f)
		}
	}
}

// The index names each decision by its title, in order.
func TestEveryDecisionIsInTheIndex(t *testing.T) {
	const decisions = "docs/decisions/"
	index, at := read(t, decisions+"README.md"), -1
	for _, f := range files(t) {
		name, found := strings.CutPrefix(f, decisions)
		if !found || name == "README.md" {
			continue
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(read(t, f), "# "), "\n")
		next := strings.Index(index, "- ["+title+"]("+name+")")
		assert.Greater(t, next, at, "%s: %q is missing or out of order", f, title)
		at = next
	}
}

// link is a relative link in Markdown: [text](target).
var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, f := range files(t) {
		if path.Ext(f) != ".md" {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(read(t, f), -1) {
			if target := m[1]; !strings.Contains(target, "://") && !strings.HasPrefix(target, "mailto:") {
				_, err := os.Stat(filepath.Join(root, path.Dir(f), target))
				assert.NoError(t, err, f)
			}
		}
	}
}
