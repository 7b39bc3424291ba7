// Command package makes bin/package/FUNCTION.zip of every function, as AWS Lambda wants
// it. 'make package' runs it from the root of the repository, with what it is told:
// CONFIG=FILE puts that file into each package as usher.yaml, and beside it the policy,
// profiles and certificates that it names; ARCH=amd64 is for x86.
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/usher365/usher/scripts/package/bundle"
)

const to = "bin/package"

func main() {
	if err := run(cmp.Or(os.Getenv("ARCH"), bundle.ARM), os.Getenv("CONFIG")); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

func run(arch, configFile string) error {
	if arch != bundle.ARM && arch != bundle.X86 {
		return fmt.Errorf("ARCH is %s or %s, not %q", bundle.ARM, bundle.X86, arch)
	}
	var files []bundle.File
	if configFile != "" {
		var err error
		if files, err = bundle.Files(configFile); err != nil {
			return fmt.Errorf("CONFIG=%s: %w", configFile, err)
		}
	}
	functions, err := bundle.Functions()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "package")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, f := range functions {
		if err := one(f, arch, dir, files); err != nil {
			return err
		}
	}
	return nil
}

func one(function, arch, dir string, files []bundle.File) error {
	path := filepath.Join(dir, function)
	if err := bundle.Build("./functions/"+function+"/cmd", arch, path); err != nil {
		return err
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	if err := bundle.Zip(&packed, binary, files...); err != nil {
		return fmt.Errorf("pack %s: %w", function, err)
	}
	path = filepath.Join(to, function+".zip")
	if err := os.WriteFile(path, packed.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Printf("%-15s %s, %.2f MB\n", function, path, float64(packed.Len())/1e6)
	return nil
}
