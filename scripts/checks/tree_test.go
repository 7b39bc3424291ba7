// Package checks holds the tests that are about the repository and not about one
// package: who may import whom, how large things are, what must not be written down.
package checks

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/usher365/usher"
)

// pkg is a package as 'go list' tells of it. Paths inside the module are without its name.
type pkg struct {
	ImportPath string
	Name       string
	// Imports are direct and without tests, Deps all that is linked.
	Imports, Deps []string
}

var loadPackages = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Imports,Deps", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = errors.New(string(exit.Stderr))
		}
		return nil, err
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		p.ImportPath = local(p.ImportPath)
		for i := range p.Imports {
			p.Imports[i] = local(p.Imports[i])
		}
		for i := range p.Deps {
			p.Deps[i] = local(p.Deps[i])
		}
		all = append(all, p)
	}
})

func local(path string) string { return strings.TrimPrefix(path, module+"/") }

func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := loadPackages()
	require.NoError(t, err, "go list")
	require.NotEmpty(t, all)
	return all
}

// skipped folders hold nothing that is written by hand.
var skipped = []string{".git", "bin", "usher-data"}

// files lists the files of the repository by their path from the root.
func files(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(skipped, d.Name()) {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() {
			rel, err := filepath.Rel(root, path)
			paths = append(paths, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	require.NoError(t, err)
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(b)
}
