package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const small = `<edmx:Edmx xmlns:edmx="x"><edmx:DataServices>
<Schema Namespace="microsoft.graph">
 <EnumType Name="colour"><Member Name="red"/><Member Name="blue"/></EnumType>
 <ComplexType Name="wheel"><Property Name="size" Type="Edm.Int32" Nullable="false"/></ComplexType>
 <EntityType Name="entity"><Property Name="id" Type="Edm.String" Nullable="false"/></EntityType>
 <EntityType Name="car" BaseType="graph.entity" OpenType="true">
  <Property Name="colour" Type="graph.colour"/><Property Name="wheels" Type="Collection(graph.wheel)" Nullable="false"/>
  <NavigationProperty Name="owner" Type="graph.person"/>
 </EntityType>
 <EntityType Name="person"/>
 <Action Name="paint"><Parameter Name="bindingParameter" Type="graph.directoryObject"/><Parameter Name="colour" Type="graph.colour"/></Action>
 <Action Name="sell"><Parameter Name="bindingParameter" Type="graph.car"/></Action>
</Schema>
<Schema Namespace="microsoft.graph.other"><EntityType Name="car"/></Schema>
</edmx:DataServices></edmx:Edmx>`

func TestDerive(t *testing.T) {
	got, err := derive(strings.NewReader(small), []string{"car", "paint"})
	require.NoError(t, err)
	raw, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, `{"types":{
		"car":{"base":"entity","open":true,"props":{"colour":"colour","wheels":"[]wheel"},"navigation":{"owner":"person"}},
		"entity":{"props":{"id":"Edm.String!"}},
		"paint":{"props":{"colour":"colour"}},
		"wheel":{"props":{"size":"Edm.Int32!"}}},
		"enums":{"colour":["red","blue"]}}`, string(raw))
	_, err = derive(strings.NewReader(small), []string{"sell"})
	require.ErrorContains(t, err, `no type "sell"`)
	_, err = derive(strings.NewReader("<x>"), nil)
	require.ErrorContains(t, err, "decode schema")
	_, err = derive(strings.NewReader("<x/>"), nil)
	require.ErrorContains(t, err, "no types")
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	plain, packed, out := filepath.Join(dir, "a.csdl"), filepath.Join(dir, "a.csdl.gz"), filepath.Join(dir, "out.json")
	roots = []string{"car"}
	require.NoError(t, os.WriteFile(plain, []byte(small), 0o600))
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write([]byte(small))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(packed, z.Bytes(), 0o600))

	require.NoError(t, run(packed, []string{out}))
	first, err := os.ReadFile(out)
	require.NoError(t, err)
	require.NoError(t, run(plain, []string{out}))
	second, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, first, second)

	require.ErrorContains(t, run("", []string{out}), "usage")
	require.ErrorContains(t, run(plain, nil), "usage")
	require.ErrorContains(t, run(filepath.Join(dir, "missing"), []string{out}), "missing")
	require.NoError(t, os.WriteFile(packed, []byte(small), 0o600))
	require.ErrorContains(t, run(packed, []string{out}), "gzip")
	require.NoError(t, os.WriteFile(plain, []byte("<x/>"), 0o600))
	require.ErrorContains(t, run(plain, []string{out}), "no types")
}
