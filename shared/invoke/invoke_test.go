package invoke

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

const tenantID = "0550b473-9fd2-4dbb-a058-a1640b4bf458"

// contoso is an environment with one tenant, as in the samples.
func contoso(name string) (string, bool) {
	value, ok := map[string]string{"AZURE_TENANT_ID": tenantID}[name]
	return value, ok
}

// clock stands at the time of the samples.
func clock() time.Time { return time.Date(2026, 11, 21, 19, 40, 0, 0, time.UTC) }

type ran struct {
	code        int
	out, errors string
}

// start runs a function on a document.
func start(f Function, env func(string) (string, bool), stdin io.Reader, args ...string) ran {
	var out, complaint bytes.Buffer
	code := machine{
		args: args, env: env, stdin: stdin, stdout: &out, stderr: &complaint,
		now: clock, random: func() float64 { return 0 }, newID: func() string { return "id-1" },
	}.run(context.Background(), f)
	return ran{code, out.String(), complaint.String()}
}

func sample(t *testing.T, name string) string {
	t.Helper()
	text, err := samples.Files.ReadFile("invocations/" + name + ".json")
	require.NoError(t, err)
	return string(text)
}

// assigning is a function whose handler answers as told.
func assigning(result step.Result, err error) Function {
	return Function{Name: events.AssignRole, Does: "assigns.", Wire: func(p *Process) (Handle, error) {
		step.Handle(p.Runner, events.AssignRole, step.Policy{}, func(context.Context, step.Task[events.AssignRoleArgs]) (step.Result, error) {
			return result, err
		})
		return p.Step(events.AssignRole, p.Runner.Deliver), nil
	}}
}

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestOutcomes(t *testing.T) {
	learned := step.Result{Detail: "assigned", Learn: func(a *account.Account) {
		a.Grant(account.DirectoryRole, a.Grants[0].Target).State = account.GrantGiven
	}}
	for name, c := range map[string]struct {
		result step.Result
		err    error
		code   int
	}{
		"done":    {learned, nil, ExitOK},
		"waiting": {step.Result{}, fault.NotReadyf(fault.UserNotReadable, "not there yet"), ExitOK},
		"retry":   {step.Result{}, fault.Retry(fault.Throttled, time.Minute, errors.New("429")), ExitOK},
		"dead":    {step.Result{}, fault.Stopf(fault.AccountProtected, "it is protected"), exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			got := start(assigning(c.result, c.err), contoso, strings.NewReader(sample(t, events.AssignRole)))
			assert.Equal(t, c.code, got.code, got.errors)
			golden(t, name+".golden.json", got.out)
		})
	}
}

// The answer to an invocation is, with its next message, the next invocation.
func TestAgain(t *testing.T) {
	f := assigning(step.Result{}, nil)
	text := sample(t, events.AssignRole)
	first := start(f, contoso, strings.NewReader(text))
	require.Equal(t, ExitOK, first.code, first.errors)
	in, err := decode([]byte(text), events.AssignRole)
	require.NoError(t, err)
	after := read(t, first.out)
	in.Request, in.Account = *after.Request, *after.Account
	second := start(f, contoso, strings.NewReader(written(t, in)))
	require.Equal(t, ExitOK, second.code, second.errors)
	assert.Equal(t, "done", read(t, second.out).Outcome)
	assert.Equal(t, nothingDone, read(t, second.out).Text)
	assert.Empty(t, read(t, second.out).Send)
}

func TestStoppedIsAbandoned(t *testing.T) {
	f := Function{Name: events.AssignRole, Wire: func(p *Process) (Handle, error) {
		step.Handle(p.Runner, events.AssignRole, step.Policy{}, func(context.Context, step.Task[events.AssignRoleArgs]) (step.Result, error) {
			return step.Result{}, nil
		})
		return func(ctx context.Context, doc []byte) (Answer, error) {
			ctx, stop := context.WithCancel(ctx)
			stop()
			return p.Step(events.AssignRole, p.Runner.Deliver)(ctx, doc)
		}, nil
	}}
	got := start(f, contoso, strings.NewReader(sample(t, events.AssignRole)))
	assert.Equal(t, exitFailed, got.code)
	assert.Equal(t, "abandon", read(t, got.out).Outcome)
}

func TestHelp(t *testing.T) {
	got := start(assigning(step.Result{}, nil), func(string) (string, bool) { return "", false }, strings.NewReader(""), "-h")
	assert.Equal(t, ExitOK, got.code)
	golden(t, "help.golden.txt", got.out)
}

func TestBadInput(t *testing.T) {
	good := sample(t, events.AssignRole)
	for name, c := range map[string]struct{ doc, says string }{
		"Empty":          {"", "standard input is empty"},
		"NotJSON":        {"{", "read the invocation: unexpected EOF"},
		"NoCommand":      {"{}", "has no command"},
		"UnknownField":   {`{"comand":{}}`, `unknown field "comand"`},
		"Trailing":       {good + "{}", "follows the end"},
		"OtherFunction":  {sample(t, events.Create), "the command is for create, and this is assignrole"},
		"OtherRequest":   {strings.Replace(good, `"ID": "req-`, `"ID": "req-x`, 1), "and the request given is"},
		"OtherAccount":   {strings.Replace(good, `"AccountID": "acc-`, `"AccountID": "acc-x`, 1), "and the account given is"},
		"OtherTenant":    {strings.Replace(good, `"Tenant": "0550`, `"Tenant": "1550`, 1), "and the account is in"},
		"NoSuchStep":     {strings.ReplaceAll(good, `"Name": "assignrole-`, `"Name": "assign-`), "has no step"},
		"RequestTwice":   {strings.Replace(good, "{", `{"requests": [{"ID": "req-k5vx2q7m3a6d"}],`, 1), "given twice"},
		"AccountTwice":   {strings.Replace(good, "{", `{"accounts": [{"ID": "a"}, {"ID": "a"}],`, 1), "given twice"},
		"NoID":           {strings.Replace(good, "{", `{"accounts": [{}],`, 1), "has no id"},
		"DamagedCommand": {strings.Replace(good, `"attempt": 1`, `"attempt": 2`, 1), "does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			got := start(assigning(step.Result{}, nil), contoso, strings.NewReader(c.doc))
			assert.Equal(t, exitUsage, got.code)
			assert.Contains(t, got.errors, "assignrole: ")
			assert.Contains(t, got.errors, c.says)
			assert.Contains(t, got.errors, "assignrole -h")
			assert.Empty(t, got.out)
		})
	}
}

func TestBadStart(t *testing.T) {
	nobody, err := os.Open(os.DevNull)
	require.NoError(t, err)
	t.Cleanup(func() { _ = nobody.Close() })
	with := func(name, value string) func(string) (string, bool) {
		return func(n string) (string, bool) {
			if n == name {
				return value, true
			}
			return contoso(n)
		}
	}
	domains := Function{Name: "intake", Wire: func(p *Process) (Handle, error) { return nil, p.NeedDomains() }}
	fails := Function{Name: "create", Wire: func(*Process) (Handle, error) { return nil, errors.New("no disk") }}
	for name, c := range map[string]struct {
		f    Function
		env  func(string) (string, bool)
		in   io.Reader
		args []string
		code int
		says string
	}{
		"Terminal":    {assigning(step.Result{}, nil), contoso, nobody, nil, exitUsage, "assignrole < FILE"},
		"Argument":    {assigning(step.Result{}, nil), contoso, nil, []string{"x.json"}, exitUsage, `"x.json" is not understood`},
		"Flag":        {assigning(step.Result{}, nil), contoso, nil, []string{"-x"}, exitUsage, "-x"},
		"NoTenant":    {assigning(step.Result{}, nil), with("AZURE_TENANT_ID", ""), nil, nil, exitConfig, "AZURE_TENANT_ID"},
		"NoFile":      {assigning(step.Result{}, nil), with("USHER_CONFIG", "/nowhere"), nil, nil, exitConfig, "USHER_CONFIG"},
		"NoDomains":   {domains, contoso, nil, nil, exitConfig, "onmicrosoft.com domain first"},
		"CannotWire":  {fails, contoso, nil, nil, exitFailed, "no disk"},
		"BrokenStdin": {assigning(step.Result{}, nil), contoso, broken{}, nil, exitFailed, "pipe is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			got := start(c.f, c.env, c.in, c.args...)
			assert.Equal(t, c.code, got.code, got.errors)
			assert.Contains(t, got.errors, c.says)
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the pipe is gone") }

func TestTenantsOfTheConfiguration(t *testing.T) {
	p := &Process{Config: config.Config{Tenants: []account.Tenant{{Alias: "a", ID: "1", Domains: []string{"a.onmicrosoft.com"}}}}}
	require.NoError(t, p.NeedDomains())
	assert.Len(t, p.Tenants(), 1)
	_, known := p.tenant("2")
	assert.False(t, known)
}
