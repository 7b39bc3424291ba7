// Package bundle builds a function as AWS Lambda runs it, and makes the zip file that
// is deployed. The same sources give the same bytes.
package bundle

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/usher365/usher/shared/config"
)

// The architectures of AWS Lambda, as Go names them.
const (
	ARM = "arm64"
	X86 = "amd64"
)

// ConfigName is the name of the configuration in a package; see package shared/host/lambda.
const ConfigName = "usher.yaml"

// Functions are the functions with a binary of their own. Run it from the root of the repository.
func Functions() (names []string, err error) {
	mains, err := filepath.Glob("functions/*/cmd")
	if err != nil {
		return nil, err
	}
	if len(mains) == 0 {
		return nil, fmt.Errorf("there is no functions/*/cmd here; run it from the root of the repository")
	}
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	return names, nil
}

// Build compiles the main package at path for Linux on an architecture.
func Build(path, arch, to string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", to, path)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s for %s: %w\n%s", path, arch, err, out)
	}
	return nil
}

// program is the name that AWS Lambda starts.
const program = "bootstrap"

// File is one that goes beside the program.
type File struct {
	// Name is its path in the package, with slashes.
	Name    string
	Content []byte
}

// Files reads the configuration at path, which is called ConfigName in the package
// whatever its own name, and everything that it names beside itself.
func Files(path string) ([]File, error) {
	named, err := config.Files(path)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	files := []File{{ConfigName, content}}
	for _, name := range named {
		if content, err = os.ReadFile(filepath.Join(filepath.Dir(path), name)); err != nil {
			return nil, err
		}
		files = append(files, File{name, content})
	}
	return files, nil
}

// Zip writes a package: the binary under the name that AWS Lambda starts, and the files,
// none of which may have the name of another.
func Zip(w io.Writer, binary []byte, files ...File) error {
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	if err := add(archive, program, 0o755, binary); err != nil {
		return err
	}
	taken := map[string]bool{program: true}
	for _, f := range files {
		if taken[f.Name] {
			return fmt.Errorf("the name %s is taken in a package; give the file another", f.Name)
		}
		taken[f.Name] = true
		if err := add(archive, f.Name, 0o644, f.Content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// made is when every file in a package was made: the earliest time that zip can tell.
var made = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func add(archive *zip.Writer, name string, mode fs.FileMode, content []byte) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: made}
	h.SetMode(mode)
	f, err := archive.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(content))
	return err
}
