// Package aws holds the template of AWS and the tests that must fail when it is broken.
package aws

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	Location struct{ Path []any }
}

func (c complaint) String() string {
	return fmt.Sprintf("%s %s: %s", c.Rule.ID, strings.ReplaceAll(strings.Trim(fmt.Sprint(c.Location.Path), "[]"), " ", "/"), c.Message)
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
		said[c.Filename] = append(said[c.Filename], c.String())
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
		var err error
		said, err = lint(paths)
		require.NoError(t, err)
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

func source(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("template.yaml")
	require.NoError(t, err)
	return string(text)
}
