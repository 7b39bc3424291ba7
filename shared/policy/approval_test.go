package policy_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/policy"
)

const week = 7 * 24 * time.Hour

var (
	anna = policy.Person{ID: "anna@contoso.com", Name: "Anna Ash", Also: []string{"aash"}}
	bert = policy.Person{ID: "bert@contoso.com", Name: "Bert Bay", Email: "bert.bay@contoso.com"}
	cleo = policy.Person{ID: "cleo@contoso.com", Name: "Cleo Cox"}
)

func caseOf(rights ...policy.Right) policy.Case {
	return policy.Case{
		Decision: policy.Builtin().Decide(facts(rights...)), Digest: "sha256:1", Life: week,
		Requesters: []string{"Cleo Cox <cleo@contoso.com>"}, Approvers: []policy.Person{anna, bert, cleo},
	}
}

func by(id string) policy.Approval {
	return policy.Approval{By: id, Digest: "sha256:1", At: now.Add(-time.Hour), Via: "cli"}
}

func with(a policy.Approval, change func(*policy.Approval)) policy.Approval {
	change(&a)
	return a
}

func TestStanding(t *testing.T) {
	old := func(a *policy.Approval) { a.At = now.Add(-week) }
	almost := func(a *policy.Approval) { a.At = now.Add(-week + 1) }
	for name, test := range map[string]struct {
		c         policy.Case
		approvals []policy.Approval
		missing   int
		void      string
	}{
		"NothingNeeded":  {caseOf(support), nil, 0, ""},
		"Nobody":         {caseOf(security), nil, 1, ""},
		"One":            {caseOf(security), []policy.Approval{by("anna@contoso.com")}, 0, ""},
		"ByAnotherID":    {caseOf(security), []policy.Approval{by(" AASH ")}, 0, ""},
		"OneOfTwo":       {caseOf(global), []policy.Approval{by("anna@contoso.com")}, 1, ""},
		"Two":            {caseOf(global), []policy.Approval{by("anna@contoso.com"), by("bert@contoso.com")}, 0, ""},
		"TwiceTheSame":   {caseOf(global), []policy.Approval{by("anna@contoso.com"), by("Anna@Contoso.com")}, 1, "Anna Ash has approved already"},
		"UnderTwoIDs":    {caseOf(global), []policy.Approval{by("bert@contoso.com"), by("bert.bay@contoso.com")}, 1, "Bert Bay has approved already"},
		"TheRequester":   {caseOf(global), []policy.Approval{by("anna@contoso.com"), by("cleo@contoso.com")}, 1, "Cleo Cox asked for the request"},
		"AStranger":      {caseOf(security), []policy.Approval{by("eve@contoso.com")}, 1, "eve@contoso.com is not one of the approvers"},
		"ByName":         {caseOf(security), []policy.Approval{by("Anna Ash")}, 1, "not one of the approvers"},
		"NobodysWord":    {caseOf(security), []policy.Approval{by("")}, 1, "not one of the approvers"},
		"Lapsed":         {caseOf(security), []policy.Approval{with(by("aash"), old)}, 1, "lapsed on 2026-11-22"},
		"JustInTime":     {caseOf(security), []policy.Approval{with(by("aash"), almost)}, 0, ""},
		"Renewed":        {caseOf(security), []policy.Approval{with(by("aash"), old), by("aash")}, 0, "lapsed"},
		"OtherContent":   {caseOf(security), []policy.Approval{with(by("aash"), func(a *policy.Approval) { a.Digest = "sha256:2" })}, 1, "another content"},
		"WithoutContent": {caseOf(security), []policy.Approval{with(by("aash"), func(a *policy.Approval) { a.Digest = "" })}, 1, "another content"},
		"FromTheFuture":  {caseOf(security), []policy.Approval{with(by("aash"), func(a *policy.Approval) { a.At = now.Add(1) })}, 1, "in the future"},
		"Undated":        {caseOf(security), []policy.Approval{with(by("aash"), func(a *policy.Approval) { a.At = time.Time{} })}, 1, "or not at all"},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.c.Standing(test.approvals, now)
			assert.Equal(t, test.missing, s.Missing)
			assert.Equal(t, test.missing == 0, s.Granted)
			assert.Equal(t, s.Granted, s.Why == "")
			if test.void != "" {
				require.NotEmpty(t, s.Void)
				assert.Contains(t, s.Void[0].Why, test.void)
			} else {
				assert.Empty(t, s.Void)
			}
		})
	}
}

func TestWhatStandsInTheWay(t *testing.T) {
	s := caseOf(global).Standing(nil, now)
	assert.Equal(t, "two people must still agree", s.Why)
	assert.Equal(t, []policy.Person{anna, bert}, s.MayApprove, "not the requester")
	assert.True(t, s.Until.IsZero())

	c := caseOf(global)
	c.Approvers = []policy.Person{anna, cleo}
	assert.Contains(t, c.Standing(nil, now).Why, "names only 1 who may")

	c = caseOf(security)
	c.Requesters = []string{"", " <> "}
	s = c.Standing([]policy.Approval{by("aash")}, now)
	assert.False(t, s.Granted, "the requester could be anybody, so it could be the approver")
	assert.Contains(t, s.Why, "ticket.requester")
	assert.Empty(t, s.MayApprove)

	c = caseOf(security)
	c.Digest = ""
	assert.False(t, c.Standing([]policy.Approval{with(by("aash"), func(a *policy.Approval) { a.Digest = "" })}, now).Granted)
}

func TestAForbiddenRequestCannotBeApproved(t *testing.T) {
	all := []policy.Approval{by("anna@contoso.com"), by("bert@contoso.com")}
	for _, c := range []policy.Case{caseOf(escalate), {Digest: "sha256:1", Approvers: []policy.Person{anna, bert}, Requesters: []string{"x"}, Life: week}} {
		s := c.Standing(all, now)
		assert.False(t, s.Granted)
		assert.Len(t, s.Void, 2)
		assert.Contains(t, s.Why, "forbids")
	}
}

func TestUntil(t *testing.T) {
	first, second := by("anna@contoso.com"), by("bert@contoso.com")
	first.At = now.Add(-48 * time.Hour)
	s := caseOf(global).Standing([]policy.Approval{first, second}, now)
	assert.Equal(t, first.At.Add(week), s.Until)
	assert.True(t, caseOf(global).Standing([]policy.Approval{first, second}, s.Until.Add(-1)).Granted)
	assert.False(t, caseOf(global).Standing([]policy.Approval{first, second}, s.Until).Granted)
}

func TestCheck(t *testing.T) {
	require.NoError(t, caseOf(security).Check(by("aash"), now))
	require.ErrorContains(t, caseOf(security).Check(by("cleo@contoso.com"), now), "asked for the request")
}

// TestNoOrderOfApprovalsMatters and what counts is never more than different people.
func TestNoOrderOfApprovalsMatters(t *testing.T) {
	ids := []string{"anna@contoso.com", "aash", "bert@contoso.com", "bert.bay@contoso.com", "cleo@contoso.com", "eve"}
	for seed := range uint64(300) {
		d := rand.New(rand.NewPCG(seed, 7))
		var all []policy.Approval
		for range d.IntN(8) {
			a := by(ids[d.IntN(len(ids))])
			a.At = now.Add(-time.Duration(d.IntN(200)) * time.Hour)
			all = append(all, a)
		}
		s := caseOf(global).Standing(all, now)
		assert.LessOrEqual(t, len(s.Counted), 2)
		assert.Equal(t, s.Granted, len(s.Counted) == 2)
		assert.Len(t, all, len(s.Counted)+len(s.Void))
		d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		again := caseOf(global).Standing(all, now)
		assert.Equal(t, s.Granted, again.Granted)
		assert.Equal(t, s.Until, again.Until)
	}
}

func TestSamePerson(t *testing.T) {
	for _, pair := range [][2]string{
		{"Jane Doe <jane@contoso.com>", "jane@contoso.com"}, {"Jane Doe", "JANE  DOE <j@x>"}, {"jane", "jane@fabrikam.com"},
		{"jane+tickets@contoso.com", "jane@contoso.com"}, {"Doe, Jane", "Jane Doe"}, {"jane.doe@contoso.com", "Jane Doe"}, {"JANE_DOE@contoso.com", "jane.doe@x"},
		{"j\u0430ne@contoso.com", "jane@contoso.com"}, {"\uff4a\uff41\uff4e\uff45\uff20contoso.com", "jane@contoso.com"}, {"ja\u200bne@contoso.com", "jane@contoso.com"},
		{"J\u0410NE@contoso.com", "jane@contoso.com"}, {"José <jose@x>", "Jose\u0301"}, {"Jane\u00a0Doe", "Jane Doe"}, {"\u017fven", "sven"},
	} {
		assert.True(t, policy.SamePerson(pair[0], pair[1]), pair)
		assert.True(t, policy.SamePerson(pair[1], pair[0]), pair)
	}
	for _, pair := range [][2]string{{"Jane", "Max"}, {"", ""}, {"", "Jane"}, {"<>", " "}, {"+tag@x", "@x"}, {"Иван", "Олег"}, {"jane.doe", "jane"}} {
		assert.False(t, policy.SamePerson(pair[0], pair[1]), pair)
	}
}

// One person is not two approvers, however the second one is written.
func TestOnePersonIsNotTwoApprovers(t *testing.T) {
	for _, second := range []policy.Person{
		{ID: "anna+2@contoso.com", Name: "Anna Two"}, {ID: "a.ash@contoso.com", Name: "Ash, Anna"}, {ID: "\u0430nna@contoso.com", Name: "Another"},
	} {
		_, err := policy.Builtin().WithApprovers([]policy.Person{anna, second})
		assert.ErrorContains(t, err, "may be one person", second.ID)
	}
}

func subject() policy.Subject {
	return policy.Subject{
		RequestID: "req-1", Tenant: "t", Account: "svc@contoso.com", Rights: []policy.Right{global, viewOnly}, Ends: now,
		Needs: policy.Needs{Owner: true}, Document: json.RawMessage(`{"reason":"<because>"}`),
	}
}

func digest(t *testing.T, s policy.Subject) string {
	t.Helper()
	text, err := s.Digest()
	require.NoError(t, err)
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", text)
	return text
}

func TestDigest(t *testing.T) {
	s := subject()
	first := digest(t, s)
	s.Rights = []policy.Right{viewOnly, global}
	s.Ends = now.In(time.FixedZone("", 3600))
	assert.Equal(t, first, digest(t, s), "neither the order nor the zone matters")
	assert.Equal(t, viewOnly, s.Rights[0], "and nothing was moved")
	for name, change := range map[string]func(*policy.Subject){
		"Request":  func(s *policy.Subject) { s.RequestID = "req-2" },
		"Tenant":   func(s *policy.Subject) { s.Tenant = "u" },
		"Account":  func(s *policy.Subject) { s.Account = "other@contoso.com" },
		"Right":    func(s *policy.Subject) { s.Rights = s.Rights[:1] },
		"End":      func(s *policy.Subject) { s.Ends = s.Ends.Add(time.Second) },
		"NoEnd":    func(s *policy.Subject) { s.Ends = time.Time{} },
		"Needs":    func(s *policy.Subject) { s.Needs.Approvers = 2 },
		"Document": func(s *policy.Subject) { s.Document = json.RawMessage(`{"reason":"because"}`) },
		"Parked":   func(s *policy.Subject) { s.Parked = "create: admin consent needed" },
	} {
		t.Run(name, func(t *testing.T) {
			s := subject()
			change(&s)
			assert.NotEqual(t, first, digest(t, s))
		})
	}
}

func TestCanonical(t *testing.T) {
	one, err := policy.Canonical(struct {
		B int64  `json:"b"`
		A string `json:"a"`
	}{9007199254740993, "x"})
	require.NoError(t, err)
	assert.Equal(t, `{"a":"x","b":9007199254740993}`, string(one))
	other, err := policy.Canonical(json.RawMessage(`{"b": 9007199254740993, "a": "\u0078"}`))
	require.NoError(t, err)
	assert.Equal(t, one, other)
	_, err = policy.Canonical(make(chan int))
	require.ErrorContains(t, err, "JSON")
}

func TestLimits(t *testing.T) {
	l := policy.Limits{Min: 2, Max: 8}
	for holders, want := range map[int][2]bool{
		0: {false, false}, 1: {false, false}, 2: {true, false}, 3: {true, true}, 7: {true, true}, 8: {false, true}, 9: {false, true},
	} {
		assert.Equal(t, want[0], l.MayAdd(holders) == nil, "one more than %d", holders)
		assert.Equal(t, want[1], l.MayRemove(holders) == nil, "one less than %d", holders)
	}
	require.ErrorContains(t, l.MayAdd(8), "8 is the most")
	require.ErrorContains(t, l.MayAdd(1), "should have 2")
	require.ErrorContains(t, l.MayRemove(2), "1 Global Administrators would be left")
	require.Error(t, policy.Limits{}.MayAdd(3), "limits that nobody set allow nothing")
	require.Error(t, policy.Limits{}.MayRemove(1))
}
