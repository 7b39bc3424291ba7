// Command sizes builds every function's binary as it is deployed, zips it, and fails
// when one is over its budget. Run it from the root of the repository.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The budgets, in bytes of a zip file at the best compression. A function that makes
// calls to Graph links Microsoft's models, which alone are 4.5 MB of that.
const (
	plainBudget = 4_000_000
	graphBudget = 9_000_000
)

const graphModels = "github.com/microsoftgraph/msgraph-sdk-go/models"

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sizes:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	mains, err := filepath.Glob("functions/*/cmd")
	if err != nil {
		return err
	}
	if len(mains) == 0 {
		return fmt.Errorf("there is no functions/*/cmd here; run it from the root of the repository")
	}
	dir, err := os.MkdirTemp("", "sizes")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var over []string
	for _, main := range mains {
		m, err := measure(main, dir)
		if err != nil {
			return fmt.Errorf("measure %s: %w", main, err)
		}
		fmt.Fprintln(out, m)
		if m.zipped > m.budget {
			over = append(over, m.function)
		}
	}
	if len(over) > 0 {
		return fmt.Errorf("over budget: %s; see what they link with 'go list -deps ./functions/NAME/cmd'", strings.Join(over, ", "))
	}
	return nil
}

type measured struct {
	function               string
	binary, zipped, budget int
}

// String is one row: "create          30.6 MB, zipped 7.68 of 9.00 MB".
func (m measured) String() string {
	return fmt.Sprintf("%-15s %5.1f MB, zipped %.2f of %.2f MB", m.function, mega(m.binary), mega(m.zipped), mega(m.budget))
}

func mega(n int) float64 { return float64(n) / 1e6 }

// measure builds a function as the build for AWS Lambda does.
func measure(main, dir string) (measured, error) {
	m := measured{function: filepath.Base(filepath.Dir(main)), budget: plainBudget}
	deps, err := goCommand("list", "-deps", "./"+main)
	if err != nil {
		return m, err
	}
	if strings.Contains(deps, graphModels+"\n") {
		m.budget = graphBudget
	}
	binary := filepath.Join(dir, m.function)
	if _, err := goCommand("build", "-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc", "-o", binary, "./"+main); err != nil {
		return m, err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return m, err
	}
	m.binary = len(content)
	m.zipped, err = zippedSize(content)
	return m, err
}

func goCommand(args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, complaint.String())
	}
	return out.String(), nil
}

func zippedSize(content []byte) (int, error) {
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	file, err := archive.Create("bootstrap")
	if err != nil {
		return 0, err
	}
	if _, err := file.Write(content); err != nil {
		return 0, err
	}
	if err := archive.Close(); err != nil {
		return 0, err
	}
	return packed.Len(), nil
}
