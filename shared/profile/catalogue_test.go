package profile_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/schema"
)

func check(t *testing.T) func(any) error {
	t.Helper()
	s, err := schema.Compile("profile", []byte(profile.Schema))
	require.NoError(t, err)
	return s.CheckValue
}

func builtin(t *testing.T) *profile.Catalogue {
	t.Helper()
	c, err := profile.Load(profile.Builtin(), check(t))
	require.NoError(t, err)
	return c
}

func TestBuiltin(t *testing.T) {
	c := builtin(t)
	assert.Equal(t, []string{
		"kaspersky-quarantine", "mediafly-intelligence", "practice-protect-federation",
		"practice-protect-mail-redirect", "sam360", "trendmicro-cas",
	}, c.Names())
	for _, p := range c.List() {
		assert.NotEmpty(t, p.Notes, p.Name)
		assert.NotEmpty(t, p.OnFailure, p.Name)
		for _, g := range p.Access.ExchangeRoleGroups {
			_, ok := profile.RoleGroup(g)
			assert.True(t, ok, g)
		}
	}
	p, ok := c.Get("sam360")
	require.True(t, ok)
	assert.Equal(t, "f023fd81-a637-4b56-95fd-791ac0226033", p.Access.DirectoryRoles[0].ID)
	_, ok = c.Get("SAM360")
	assert.False(t, ok)
}

const minimal = "name: mine\ntitle: T\nvendor: V\naccount: {}\naccess: {}\n"

func file(name, text string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(text)}} }

func TestLoadFillsTheDefaults(t *testing.T) {
	c, err := profile.Load(file("mine.yml", minimal), check(t))
	require.NoError(t, err)
	p, _ := c.Get("mine")
	assert.Equal(t, account.Compensate, p.OnFailure)
}

func TestLoadRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"UnknownKey":    {minimal + "colour: red\n", "profile bad.yaml: yaml: unmarshal errors:\n  line 6: field colour not found"},
		"WrongType":     {minimal + "lifetime: {days: soon}\n", "line 6"},
		"NotYAML":       {"name: [", "bad.yaml"},
		"Empty":         {"", "the file is empty"},
		"TwoDocuments":  {minimal + "---\n" + minimal, "one profile"},
		"SchemaSays":    {"name: mine\ntitle: T\naccount: {}\naccess: {}\n", "vendor"},
		"BadName":       {"name: My Profile\ntitle: T\nvendor: V\naccount: {}\naccess: {}\n", "name"},
		"UnknownRole":   {minimal[:len(minimal)-len("access: {}\n")] + "access: {directoryRoles: [{name: Wizard, id: 00000000-0000-0000-0000-000000000000}]}\n", `"Wizard"`},
		"RoleMismatch":  {minimal[:len(minimal)-len("access: {}\n")] + "access: {directoryRoles: [{name: Global Reader, id: 62e90394-69f5-4237-9190-012177145e10}]}\n", "Global Administrator"},
		"ApprovalRole":  {minimal + "approval: {roles: [Wizard]}\n", "Wizard"},
		"UnknownPolicy": {minimal + "onFailure: shrug\n", "onFailure"},
		"UnknownMethod": {minimal + "consent: {method: luck}\n", "method"},
		"AppID":         {minimal + "consent: {appId: luck}\n", "appId"},
		"UnknownMode":   {"name: mine\ntitle: T\nvendor: V\naccount: {modes: [guess]}\naccess: {}\n", "mode"},
		"Recipients":    {minimal + "delivery: {method: link, recipients: [age1x]}\n", "goes with method age"},
		"ADPassword":    {minimal[:len(minimal)-len("account: {}\naccess: {}\n")] + "account: {activeDirectory: {attributes: {UnicodePwd: [x]}}}\naccess: {}\n", "cannot set UnicodePwd"},
		"NegativeDays":  {minimal + "lifetime: {days: -1}\n", "days"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := profile.Load(file("bad.yaml", test.text), check(t))
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "bad.yaml")
		})
	}
}

func TestLoadRefusesWithoutASchemaToo(t *testing.T) {
	bad := "name: BAD\nonFailure: shrug\naccount: {modes: [guess]}\nlifetime: {days: -1}\nconsent: {method: luck, appId: pluck}\naccess: {appConsents: [{resource: skype, type: both, permissions: [a b]}, {resource: Microsoft Graph, type: delegated, permissions: []}]}\n"
	_, err := profile.Load(file("bad.yaml", bad), nil)
	for _, want := range []string{`"BAD"`, "shrug", "guess", "-1", `"luck"`, "pluck", "skype", "both", "a b", "names no permissions"} {
		require.ErrorContains(t, err, want)
	}
}

func TestLoadReportsEveryFile(t *testing.T) {
	fsys := fstest.MapFS{
		"a.yaml": {Data: []byte("x: 1")}, "b.yaml": {Data: []byte("y: 1")},
		"README.md": {Data: []byte("not a profile")}, "sub/c.yaml": {Data: []byte("z: 1")},
	}
	_, err := profile.Load(fsys, nil)
	require.ErrorContains(t, err, "a.yaml")
	require.ErrorContains(t, err, "b.yaml")
	assert.NotContains(t, err.Error(), "c.yaml")
}

func TestLoadReportsTheValidator(t *testing.T) {
	no := errors.New("not today")
	_, err := profile.Load(file("mine.yaml", minimal), func(any) error { return no })
	require.ErrorIs(t, err, no)
}

func TestSameNameTwice(t *testing.T) {
	_, err := profile.Load(fstest.MapFS{"a.yaml": {Data: []byte(minimal)}, "b.yaml": {Data: []byte(minimal)}}, nil)
	require.ErrorContains(t, err, "in a.yaml and in b.yaml")
}

func TestAPrintedProfileCanBeLoaded(t *testing.T) {
	for _, p := range builtin(t).List() {
		text, err := yaml.Marshal(p)
		require.NoError(t, err)
		c, err := profile.Load(file("again.yaml", string(text)), check(t))
		require.NoError(t, err, "%s", text)
		again, _ := c.Get(p.Name)
		assert.Equal(t, p, again)
	}
}

func TestWith(t *testing.T) {
	more, err := profile.Load(file("mine.yaml", minimal), nil)
	require.NoError(t, err)
	both, err := builtin(t).With(more, "/etc/usher/profiles/")
	require.NoError(t, err)
	assert.Len(t, both.Names(), 7)
	_, err = both.With(more, "/etc/usher/profiles")
	require.ErrorContains(t, err, "in /etc/usher/profiles/mine.yaml and in /etc/usher/profiles/mine.yaml")
}

func TestRole(t *testing.T) {
	for _, asked := range []string{"Global Administrator", "global administrator", account.GlobalAdministrator} {
		id, name, ok := profile.Role(asked)
		assert.True(t, ok)
		assert.Equal(t, account.GlobalAdministrator, id)
		assert.Equal(t, "Global Administrator", name)
	}
	_, _, ok := profile.Role("Wizard")
	assert.False(t, ok)
}

func TestRoleGroup(t *testing.T) {
	name, ok := profile.RoleGroup("view-only organization management")
	assert.True(t, ok)
	assert.Equal(t, "View-Only Organization Management", name)
	_, ok = profile.RoleGroup("")
	assert.False(t, ok)
}

func FuzzLoad(f *testing.F) {
	f.Add(minimal)
	f.Add("a: &a [*a]")
	f.Add("name: 1\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := profile.Load(file("f.yaml", text), nil)
		if err != nil {
			assert.Contains(t, err.Error(), "f.yaml")
		}
	})
}
