package aws

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// examinePackage looks into a zip: it must hold a program named as the handler is, for
// the processor of the template.
func examinePackage(path string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return fmt.Errorf("run 'make package': %w", err)
	}
	defer archive.Close()
	file, err := archive.Open("bootstrap")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	program, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if program.Machine != elf.EM_AARCH64 {
		return fmt.Errorf("%s is for %s, and the template is for arm64", path, program.Machine)
	}
	return nil
}

// TestPackages looks at what 'make package' built, where told to.
func TestPackages(t *testing.T) {
	if os.Getenv("USHER_PACKAGED") != "yes" {
		t.Log("not told to look into bin/package (USHER_PACKAGED=yes)")
		return
	}
	for _, f := range functions() {
		assert.NoError(t, examinePackage(filepath.Join(root, "bin/package", f+".zip")))
	}
}

func TestExaminePackage(t *testing.T) {
	assert.NoError(t, examinePackage(packed(t, "bootstrap", program(t, elf.EM_AARCH64))))
	for name, path := range map[string]string{
		"another processor": packed(t, "bootstrap", program(t, elf.EM_X86_64)),
		"another name":      packed(t, "main", program(t, elf.EM_AARCH64)),
		"no program":        packed(t, "bootstrap", []byte("#!/bin/sh")),
		"no zip":            filepath.Join(t.TempDir(), "none.zip"),
	} {
		assert.Error(t, examinePackage(path), name)
	}
}

// program is the head of a program for a processor.
func program(t *testing.T, m elf.Machine) []byte {
	t.Helper()
	head := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(m), Version: uint32(elf.EV_CURRENT), Ehsize: 64}
	copy(head.Ident[:], elf.ELFMAG)
	head.Ident[elf.EI_CLASS], head.Ident[elf.EI_DATA], head.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	var b bytes.Buffer
	require.NoError(t, binary.Write(&b, binary.LittleEndian, head))
	return b.Bytes()
}

func packed(t *testing.T, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "function.zip")
	file, err := os.Create(path)
	require.NoError(t, err)
	archive := zip.NewWriter(file)
	w, err := archive.Create(name)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.NoError(t, file.Close())
	return path
}
