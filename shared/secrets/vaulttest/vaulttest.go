// Package vaulttest is the contract of a vault of sealed passwords as a test suite.
// Every engine passes it; what differs between them is said in Engine.
package vaulttest

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Vault is the contract.
type Vault interface {
	// SealOnce gives what is sealed under key, or seals what create makes.
	SealOnce(ctx context.Context, key string, create func() (account.Secret, error)) (ref string, s account.Secret, err error)
	// Replace seals a password whatever lies there.
	Replace(ctx context.Context, key string, s account.Secret) (ref string, err error)
	// Open gives what is sealed under a reference.
	Open(ctx context.Context, ref string) (account.Secret, error)
	// Discard removes it.
	Discard(ctx context.Context, ref string) error
}

// Engine is what is tested.
type Engine struct {
	// Open gives a client of one and the same vault, each time another, as the
	// processes of an installation have.
	Open func(t *testing.T) Vault
	// Scheme is how references begin, such as "file:".
	Scheme string
	// MakesOnce promises that create is called once though many seal together. Otherwise
	// it may be called by each, and all but one of the passwords are thrown away.
	MakesOnce bool
	// Pass lets time pass at the service, for what it does later. Nil where everything
	// is done when an operation returns.
	Pass func()
	// Service makes the service behind the vault fail. Nil where there is none.
	Service Service
}

// Service is what may befall a service. Each lasts until Heal.
type Service interface {
	// Throttle refuses every call.
	Throttle()
	// Deny refuses every call for want of permission.
	Deny()
	// Down makes the service unreachable.
	Down()
	// LoseWrites does what calls ask for and loses the answers of those that write.
	LoseWrites()
	// Echo refuses every call with an answer that quotes what was asked.
	Echo()
	Heal()
}

const (
	tenant = "0550b473-9fd2-4dbb-a058-a1640b4bf458"
	key    = tenant + "/acc-1"
	canary = "canary-Passw0rd-canary"
)

// Run tests an engine; fresh opens an empty vault for each test.
func Run(t *testing.T, fresh func(t *testing.T) Engine) {
	for name, test := range map[string]func(*testing.T, Engine){
		"SealOnceGivesTheSameAgain":       sealsOnce,
		"SealTogether":                    sealsTogether,
		"KeysAreApart":                    keepsApart,
		"Replace":                         replaces,
		"Discard":                         discards,
		"SealAgainAfterDiscard":           sealsAgain,
		"SealTogetherAfterDiscard":        sealsTogetherAgain,
		"WhatIsNoKey":                     refusesKeys,
		"WhatIsNoReference":               refusesReferences,
		"CreateFails":                     createFails,
		"TheContextIsHeeded":              heedsContext,
		"ThrottledDeniedAndDown":          classifies,
		"ALostAnswerMakesNoSecondSecret":  survivesLostAnswers,
		"SecretsAreInNoErrorAndNoLogLine": keepsSilent,
	} {
		t.Run(name, func(t *testing.T) {
			e := fresh(t)
			if e.Pass == nil {
				e.Pass = func() {}
			}
			test(t, e)
		})
	}
}

func making(text string) func() (account.Secret, error) {
	return func() (account.Secret, error) { return account.NewSecret(text), nil }
}

// tries bounds how often a step comes again; the runner's default policy tries as often.
const tries = 10

// again does what the runner does with a step that may pass by itself.
func again(t *testing.T, e Engine, do func() error) {
	t.Helper()
	for range tries {
		err := do()
		if err == nil {
			return
		}
		require.Equal(t, fault.SecretUnavailable, fault.CodeOf(err), "%v", err)
		require.Equal(t, fault.Transient, fault.ClassOf(err), "%v", err)
		e.Pass()
	}
	require.Fail(t, "the operation did not come through")
}

func seal(t *testing.T, e Engine, v Vault, key, text string) (ref, sealed string) {
	t.Helper()
	again(t, e, func() error {
		r, s, err := v.SealOnce(t.Context(), key, making(text))
		ref, sealed = r, s.Reveal()
		return err
	})
	return ref, sealed
}

func sealsOnce(t *testing.T, e Engine) {
	ref, first := seal(t, e, e.Open(t), key, canary)
	assert.Equal(t, canary, first)
	assert.Contains(t, ref, e.Scheme)

	other := e.Open(t)
	again, second := seal(t, e, other, key, "another")
	assert.Equal(t, ref, again)
	assert.Equal(t, canary, second)
	opened, err := other.Open(t.Context(), ref)
	require.NoError(t, err)
	assert.Equal(t, canary, opened.Reveal())
}

// racers is how many clients seal at once.
const racers = 8

// race seals the same key from many clients, each with a password of its own, and gives
// what all of them got.
func race(t *testing.T, e Engine, key string) (sealed string) {
	t.Helper()
	var mu sync.Mutex
	var made int
	got, refs := map[string]bool{}, map[string]bool{}
	var group sync.WaitGroup
	for i := range racers {
		v := e.Open(t)
		group.Go(func() {
			for range tries {
				ref, s, err := v.SealOnce(t.Context(), key, func() (account.Secret, error) {
					mu.Lock()
					defer mu.Unlock()
					made++
					return account.NewSecret(canary + time.Duration(i).String()), nil
				})
				if err != nil {
					assert.Equal(t, fault.Transient, fault.ClassOf(err), "%v", err)
					e.Pass()
					continue
				}
				mu.Lock()
				defer mu.Unlock()
				got[s.Reveal()], refs[ref] = true, true
				return
			}
			assert.Fail(t, "one did not come through")
		})
	}
	group.Wait()
	require.Len(t, got, 1, "all got the same password")
	assert.Len(t, refs, 1)
	if e.MakesOnce {
		assert.Equal(t, 1, made)
	}
	for ref := range refs {
		s, err := e.Open(t).Open(t.Context(), ref)
		require.NoError(t, err)
		assert.True(t, got[s.Reveal()], "what is opened is what was given out")
		sealed = s.Reveal()
	}
	return sealed
}

func sealsTogether(t *testing.T, e Engine) { race(t, e, key) }

func keepsApart(t *testing.T, e Engine) {
	v := e.Open(t)
	keys := []string{key, tenant + "/acc-2", tenant + "/acc_1", tenant + "/acc.1", tenant + "/acc@1", tenant + "/acc-1-", tenant + "/acc-abcdef",
		"a-b/c", "a/b-c", "a/b", "a-/b", "contoso.onmicrosoft.com/sam360@contoso.com", long + "/" + long, long + "/" + long[:127]}
	refs := map[string]string{}
	for _, k := range keys {
		ref, s := seal(t, e, v, k, canary+k)
		require.Equal(t, canary+k, s, k)
		require.Empty(t, refs[ref], "%s and %s have one reference", k, refs[ref])
		refs[ref] = k
	}
	for ref, k := range refs {
		s, err := v.Open(t.Context(), ref)
		require.NoError(t, err, k)
		assert.Equal(t, canary+k, s.Reveal())
	}
}

// long is the longest half of a key.
var long = "x" + string(bytes.Repeat([]byte("_@.-"), 31)) + "123"

func replaces(t *testing.T, e Engine) {
	v := e.Open(t)
	for _, text := range []string{"first-" + canary, "second-" + canary, "third-" + canary} {
		var ref string
		again(t, e, func() (err error) {
			ref, err = v.Replace(t.Context(), key, account.NewSecret(text))
			return err
		})
		for _, client := range []Vault{v, e.Open(t)} {
			opened, err := client.Open(t.Context(), ref)
			require.NoError(t, err)
			require.Equal(t, text, opened.Reveal())
			sealedRef, s := seal(t, e, client, key, "never-"+canary)
			require.Equal(t, text, s, "SealOnce gives what replaced")
			require.Equal(t, ref, sealedRef)
		}
	}
}

func keepsSilent(t *testing.T, e Engine) {
	v := e.Open(t)
	ref, _ := seal(t, e, v, key, canary)
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(old) })
	var failures []error
	use := func() {
		_, _, err := v.SealOnce(t.Context(), key, making(canary))
		_, _, err2 := v.SealOnce(t.Context(), tenant+"/new", making(canary))
		_, err3 := v.Replace(t.Context(), key, account.NewSecret(canary))
		_, err4 := v.Open(t.Context(), ref)
		failures = append(failures, err, err2, err3, err4)
	}
	use()
	if s := e.Service; s != nil {
		for _, befall := range []func(){s.Throttle, s.Deny, s.Down, s.LoseWrites, s.Echo} {
			befall()
			use()
			s.Heal()
		}
	}
	for _, err := range failures {
		if err != nil {
			assert.NotContains(t, err.Error(), canary)
		}
	}
	assert.NotContains(t, log.String(), canary)
}
