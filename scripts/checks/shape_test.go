package checks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	maxFile      = 400
	maxMedian    = 12
	maxNinetieth = 45
	maxMethods   = 5
)

// source is one Go file of the product, parsed.
type source struct {
	path  string
	lines int
	file  *ast.File
	set   *token.FileSet
}

func (s source) lineOf(p token.Pos) int { return s.set.Position(p).Line }

// sources are the files written by hand that are not tests.
func sources(t *testing.T) (all []source) {
	t.Helper()
	for _, path := range files(t) {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		text := read(t, path)
		file, err := parser.ParseFile(set, filepath.Join(root, path), text, parser.ParseComments)
		require.NoError(t, err)
		if !ast.IsGenerated(file) {
			all = append(all, source{path, strings.Count(text, "\n"), file, set})
		}
	}
	require.NotEmpty(t, all)
	return all
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	var lengths []int
	for _, s := range sources(t) {
		assert.LessOrEqual(t, s.lines, maxFile, "%s is long: split it by what it does", s.path)
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				lengths = append(lengths, s.lineOf(fn.End())-s.lineOf(fn.Pos())+1)
			}
		}
	}
	slices.Sort(lengths)
	assert.LessOrEqual(t, lengths[len(lengths)/2], maxMedian, "lines of the median function")
	assert.LessOrEqual(t, lengths[len(lengths)*9/10], maxNinetieth, "lines that nine in ten functions keep under")
	t.Logf("%d functions: median %d lines, nine in ten under %d, longest %d",
		len(lengths), lengths[len(lengths)/2], lengths[len(lengths)*9/10], lengths[len(lengths)-1])
}

func TestInterfacesAreSmall(t *testing.T) {
	for _, s := range sources(t) {
		if forTests(filepath.ToSlash(filepath.Dir(s.path))) {
			continue // a suite needs all of the engine that it puts to the test
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok {
				assert.LessOrEqual(t, i.Methods.NumFields(), maxMethods, "%s:%d: an interface is what one user needs", s.path, s.lineOf(i.Pos()))
			}
			return true
		})
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		dir := filepath.Dir(s.path)
		documented[dir] = documented[dir] || s.file.Doc != nil
		if s.file.Name.Name == "main" {
			continue
		}
		for _, bare := range undocumented(s) {
			t.Errorf("%s has no docstring", bare)
		}
	}
	for dir, has := range documented {
		assert.True(t, has, "package %s says nowhere what it is", dir)
	}
}

func undocumented(s source) (bare []string) {
	note := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d != nil }) {
			bare = append(bare, s.set.Position(name.Pos()).String()+" "+name.Name)
		}
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
				note(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					note(spec.Name, d.Doc, spec.Doc, spec.Comment)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						note(name, d.Doc, spec.Doc, spec.Comment)
					}
				}
			}
		}
	}
	return bare
}

// receiver gives the name of the type a method belongs to.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// readers may read the environment: what every functions/<x>/cmd calls, and whoever
// must know whether it is CI that runs the tests.
var readers = []string{"shared/host/lambda/start.go", "shared/postgrestest/postgrestest.go", "shared/sambatest/sambatest.go"}

// environment are the ways to read the process's environment.
var environment = []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}

func TestOnlyMainAndConfigReadTheEnvironment(t *testing.T) {
	for _, s := range sources(t) {
		if s.file.Name.Name == "main" || slices.Contains(readers, s.path) || strings.HasPrefix(s.path, "shared/config/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || !slices.Contains(environment, sel.Sel.Name) {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			assert.False(t, ok && (x.Name == "os" || x.Name == "syscall"),
				"%s:%d reads the environment; take it as a parameter", s.path, s.lineOf(sel.Pos()))
			return true
		})
	}
}

func TestSharedHoldsPackagesOnly(t *testing.T) {
	for _, path := range files(t) {
		assert.NotRegexp(t, `^(shared|functions|scripts|infra)/[^/]+\.go$`, path)
		assert.NotRegexp(t, `(^|/)(util|utils|common|helpers|misc)/`, path)
	}
}
