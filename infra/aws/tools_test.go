// Package aws holds the template of AWS and the tests that must fail when it is broken.
package aws

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// haveTools reports whether the linter and the transform are installed. Where they are
// not the test says so and ends well, except where the environment says CI=true.
func haveTools(t *testing.T) bool {
	t.Helper()
	_, err := exec.LookPath("cfn-lint")
	if err == nil {
		err = exec.Command("python3", "-c", "import samtranslator").Run()
	}
	if err == nil {
		return true
	}
	const text = "NOT CHECKED here: the template of AWS; install cfn-lint and sam-translator (pip install cfn-lint aws-sam-translator): "
	if os.Getenv("CI") == "true" {
		t.Fatal(text, err)
	}
	t.Log(text, err)
	return false
}

// complaint of the linter, as its JSON output has it.
type complaint struct {
	Filename string
	Message  string
	Rule     struct{ ID string }
	Location struct{ Start struct{ LineNumber int } }
}

// lint runs the linter with our rules over templates and gives what it says of each.
func lint(paths []string) (map[string][]string, error) {
	// After -a and -z any number of values may come, so the files need -t.
	args := append([]string{"--format", "json", "-a", "lint", "-z", "lint/rules.txt", "-t"}, paths...)
	out, err := exec.Command("cfn-lint", args...).Output()
	var found []complaint
	if bad := json.Unmarshal(out, &found); bad != nil {
		return nil, fmt.Errorf("cfn-lint: %w: %w: %s", err, bad, out)
	}
	said := map[string][]string{}
	for _, c := range found {
		said[c.Filename] = append(said[c.Filename], fmt.Sprintf("line %d: %s %s", c.Location.Start.LineNumber, c.Rule.ID, c.Message))
	}
	return said, nil
}

// transform gives what AWS makes of templates.
func transform(paths []string) (map[string]transformed, error) {
	out, err := exec.Command("python3", append([]string{"transform.py"}, paths...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("transform.py: %w", err)
	}
	var all map[string]transformed
	return all, json.Unmarshal(out, &all)
}

type transformed struct {
	Template document
	Error    string
}

// verdict is all that is said against a template, by linter, transform and rules.
type verdict struct{ lint, rules []string }

// judge examines templates, by name, in one run of each tool.
func judge(t *testing.T, templates map[string]string, withLint bool) map[string]verdict {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for name, text := range templates {
		path := filepath.Join(dir, name+".yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		paths = append(paths, path)
	}
	said := map[string][]string{}
	if withLint {
		said = lintInHalves(t, paths)
	}
	made, err := transform(paths)
	require.NoError(t, err)
	verdicts := map[string]verdict{}
	for _, path := range paths {
		v := verdict{lint: said[path]}
		if m := made[path]; m.Error != "" {
			v.rules = []string{m.Error}
		} else {
			v.rules = m.Template.complaints()
		}
		verdicts[strings.TrimSuffix(filepath.Base(path), ".yaml")] = v
	}
	return verdicts
}

// lintInHalves uses two processes: the linter takes three seconds for a template.
func lintInHalves(t *testing.T, paths []string) map[string][]string {
	t.Helper()
	var halves [2]map[string][]string
	var errs [2]error
	var both sync.WaitGroup
	for i, part := range [][]string{paths[:len(paths)/2], paths[len(paths)/2:]} {
		if len(part) > 0 {
			both.Go(func() { halves[i], errs[i] = lint(part) })
		}
	}
	both.Wait()
	said := map[string][]string{}
	for i := range halves {
		require.NoError(t, errs[i])
		for path, what := range halves[i] {
			said[path] = what
		}
	}
	return said
}

func source(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("template.yaml")
	require.NoError(t, err)
	return string(text)
}
