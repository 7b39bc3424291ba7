// Command sizes builds every function as it is deployed, and reports the size of its
// package, and, beside a hello-world built the same way, how long
// it takes from its start to its first question for an event, and the memory it has then.
// It fails when a package is over its budget or links what it must not. Run it from the
// root of the repository. RUNS=N sets how often each is started. ARCH=all measures the
// package for the other architecture too, which compiles everything once more.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/usher365/usher/scripts/package/bundle"
)

// The budgets, in bytes of a package. A function that opens PostgreSQL and Service Bus,
// signs in to Entra and AWS, and fetches its secret settings has 6.4 MB for x86, of which
// hello-world is 2.7; Microsoft's models of Graph and the clients around them are 4.4 more.
const (
	plainBudget = 7_000_000
	// vaultBudget is that of the console, whose page of one-time links opens every kind of
	// vault: the clients of Secrets Manager and Key Vault, and age.
	vaultBudget = 8_500_000
	graphBudget = 11_500_000
)

// The budgets of what is set up before main, in allocations. The JSON Schema library makes
// 21,000 of them, which notify does not link; age and the keys of SSH, which a hand-over
// seals to, make some hundreds.
const (
	leanSetUp = 9_500
	setUpMost = 31_000
)

const hello = "hello-world"

func main() {
	runs, err := strconv.Atoi(os.Getenv("RUNS"))
	if err != nil {
		runs = 15
	}
	if err := run(os.Stdout, runs); err != nil {
		fmt.Fprintln(os.Stderr, "sizes:", err)
		os.Exit(1)
	}
}

// program is a function that was built, or the hello-world.
type program struct {
	name, path string
	// size are those of its packages, in bytes, by architecture.
	size  map[string]int
	wrong []string
	// allocations are those of what is set up before main.
	allocations int
}

func run(out io.Writer, runs int) error {
	dir, err := os.MkdirTemp("", "sizes")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs, err := build(dir)
	if err != nil {
		return err
	}
	started, err := startAll(programs, runs)
	if err != nil {
		return err
	}
	return report(out, programs, started, runs)
}

func build(dir string) (all []program, err error) {
	names, err := bundle.Functions()
	if err != nil {
		return nil, err
	}
	for _, name := range append([]string{hello}, names...) {
		p, err := buildOne(name, dir)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func buildOne(name, dir string) (program, error) {
	p := program{name: name, size: map[string]int{}}
	source := "./functions/" + name + "/cmd"
	if name == hello {
		source = "./scripts/sizes/hello"
	}
	for _, arch := range architectures() {
		path := filepath.Join(dir, name+"-"+arch)
		if err := bundle.Build(source, arch, path); err != nil {
			return p, err
		}
		size, err := packed(path)
		if err != nil {
			return p, err
		}
		p.size[arch] = size
		if arch == runtime.GOARCH {
			p.path = path
		}
		if budget := p.budget(); size > budget {
			p.wrong = append(p.wrong, fmt.Sprintf("its package for %s has %s of %s; see what it links with 'go list -deps %s'", arch, mega(size), mega(budget), source))
		}
	}
	p.wrong = append(p.wrong, p.linked()...)
	return p, nil
}

// architectures are those to build for, this machine's among them.
func architectures() []string {
	if os.Getenv("ARCH") == "all" {
		return []string{bundle.ARM, bundle.X86}
	}
	return []string{runtime.GOARCH}
}

func packed(path string) (int, error) {
	binary, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var zipped bytes.Buffer
	err = bundle.Zip(&zipped, binary)
	return zipped.Len(), err
}

// mega is "6.40 MB", or a dash for what was not measured.
func mega(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f MB", float64(n)/1e6)
}

func report(out io.Writer, programs []program, started map[string]figures, runs int) error {
	fmt.Fprintf(out, "%-15s %10s %10s %12s %8s %10s %18s   (median of %d starts)\n", "", "zip arm64", "zip x86", "first next", "ratio", "memory", "before main", runs)
	var wrong []string
	base := started[hello]
	for _, p := range programs {
		f := started[p.name]
		fmt.Fprintf(out, "%-15s %10s %10s %9.1f ms %8.2f %7.1f MB %8d allocations\n",
			p.name, mega(p.size[bundle.ARM]), mega(p.size[bundle.X86]), f.millis, f.millis/base.millis, f.megabytes, p.allocations)
		if most := p.setUpBudget(); p.allocations > most {
			p.wrong = append(p.wrong, fmt.Sprintf("it makes %d allocations of %d before main; GODEBUG=inittrace=1 lists them", p.allocations, most))
		}
		for _, w := range p.wrong {
			wrong = append(wrong, p.name+": "+w)
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(wrong, "\n"))
	}
	return nil
}
