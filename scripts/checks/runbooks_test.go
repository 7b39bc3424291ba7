package checks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
)

const runbooks = "docs/runbooks/"

// sections are what every runbook tells, in this order.
var sections = []string{"What it means", "What Usher does by itself", "What to check", "How to put it right", "How to go on"}

// codes are the values of the constants of type Code in shared/fault.
func codes(t *testing.T) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "shared/fault/code.go"), nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, v := range spec.Values {
			value, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			require.NoError(t, err)
			all = append(all, value)
		}
		return true
	})
	require.NotEmpty(t, all)
	return all
}

func TestEveryFaultCodeIsExplained(t *testing.T) {
	explained := map[string]bool{}
	for _, m := range fault.Meanings() {
		assert.False(t, explained[string(m.Code)], "%s is explained twice", m.Code)
		explained[string(m.Code)] = true
		assert.NotEmpty(t, m.What, m.Code)
		assert.NotEmpty(t, m.Remedy, m.Code)
	}
	for _, c := range codes(t) {
		assert.True(t, explained[c], "%s has no meaning in shared/fault/remedy.go", c)
		delete(explained, c)
	}
	assert.Empty(t, explained, "meanings of codes that do not exist")
}

func TestEveryFaultCodeHasARunbook(t *testing.T) {
	written := map[string]bool{}
	for _, f := range files(t) {
		if path.Dir(f)+"/" == runbooks && path.Base(f) != "README.md" {
			written[strings.TrimSuffix(path.Base(f), ".md")] = true
		}
	}
	for _, c := range codes(t) {
		if assert.True(t, written[c], "%s%s.md is missing", runbooks, c) {
			checkRunbook(t, c, read(t, runbooks+c+".md"))
		}
		delete(written, c)
	}
	assert.Empty(t, written, "runbooks of codes that do not exist")
}

// The list in the README says of each code what shared/fault says, in the order of the
// alphabet: a line that fails here is the line to write.
func TestTheRunbooksAreListed(t *testing.T) {
	meanings := fault.Meanings()
	slices.SortFunc(meanings, func(a, b fault.Meaning) int { return strings.Compare(string(a.Code), string(b.Code)) })
	var want, got []string
	for _, m := range meanings {
		want = append(want, "| ["+string(m.Code)+"]("+string(m.Code)+".md) | "+m.What+" |")
	}
	for line := range strings.Lines(read(t, runbooks+"README.md")) {
		if strings.HasPrefix(line, "| [") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	assert.Equal(t, want, got)
}

func checkRunbook(t *testing.T, code, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	assert.Equal(t, "# "+code, lines[0], "the first heading is the code")
	assert.LessOrEqual(t, len(lines), 45, "%s: somebody reads this in a hurry", code)
	at := -1
	for _, title := range sections {
		next := strings.Index(text, "\n## "+title+"\n")
		assert.Greater(t, next, at, "%s: the section %q is missing or out of order", code, title)
		at = next
	}
}
