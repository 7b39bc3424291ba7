package policy

import (
	"slices"
	"strings"
	"unicode"

	"github.com/usher365/usher/shared/account"
)

// Person is somebody who may approve.
type Person struct {
	// ID is what the console's sign-in, the command line or the ticketing system says
	// for this person: a user principal name, as a rule.
	ID    string `yaml:"id" json:"id"`
	Name  string `yaml:"name" json:"name"`
	Email string `yaml:"email" json:"email,omitempty"`
	// Also are other ids of the same person.
	Also []string `yaml:"also" json:"also,omitempty"`
}

// Bearer is an approver with a token of their own, which proves who they are.
type Bearer struct {
	Person
	Token account.Secret
}

// ids are what identifies the person. A name does not: two people may share it.
func (p Person) ids() []string {
	all := append([]string{p.ID, p.Email}, p.Also...)
	return slices.DeleteFunc(all, func(id string) bool { return id == "" })
}

// Is reports whether a text identifies this person: one of the ids or the mail
// address, in any case of letters.
func (p Person) Is(id string) bool {
	return slices.ContainsFunc(p.ids(), func(own string) bool { return strings.EqualFold(own, strings.TrimSpace(id)) })
}

// MayBe reports whether a text, as ticketing systems write people, may name this
// person. It would rather say yes once too often.
func (p Person) MayBe(text string) bool {
	return slices.ContainsFunc(append(p.ids(), p.Name), func(own string) bool { return SamePerson(own, text) })
}

// Resembles reports whether the two may be one person under two names.
func (p Person) Resembles(other Person) bool {
	return slices.ContainsFunc(append(p.ids(), p.Name), other.MayBe)
}

// SamePerson reports whether two texts ("Jane Doe <jane@contoso.com>") may name one
// person: by name, or by the part of an address before the @ and a plus, whatever the
// case, the order of the names, accents, dots, and letters of another script that look
// alike. It would rather say yes once too often. A text without a name is nobody's.
func SamePerson(a, b string) bool {
	others := namesIn(b)
	return slices.ContainsFunc(namesIn(a), func(name string) bool { return slices.Contains(others, name) })
}

// namesIn gives the names in a text in the form in which they are compared.
func namesIn(text string) (names []string) {
	name, address, _ := strings.Cut(plain(text), "<")
	for _, n := range []string{name, address} {
		if local, _, isAddress := strings.Cut(n, "@"); isAddress {
			n, _, _ = strings.Cut(local, "+")
		}
		words := strings.FieldsFunc(n, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
		slices.Sort(words)
		names = append(names, strings.Join(words, " "))
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// lookalikes are the small letters with accents of Latin scripts, and those of other
// scripts that cannot be told from a Latin one, by the letter they stand for (source:
// Unicode Character Database, and Technical Standard 39, confusables).
var lookalikes = map[rune]string{
	'a': "\u00e0\u00e1\u00e2\u00e3\u00e4\u00e5\u0101\u0103\u0105\u01ce\u01df\u01e1\u01fb\u0201\u0203\u0227\u0251\u03b1\u0430",
	'c': "\u00e7\u0107\u0109\u010b\u010d\u03f2\u0441",
	'd': "\u010f\u0111\u0501",
	'e': "\u00e8\u00e9\u00ea\u00eb\u0113\u0115\u0117\u0119\u011b\u0205\u0207\u0229\u0435",
	'g': "\u011d\u011f\u0121\u0123\u01e7\u01f5\u0261",
	'h': "\u0125\u0127\u021f\u04bb",
	'i': "\u00ec\u00ed\u00ee\u00ef\u0129\u012b\u012d\u012f\u0131\u01d0\u0209\u020b\u03b9\u0456",
	'j': "\u0135\u01f0\u03f3\u0458",
	'k': "\u0137\u01e9\u03ba\u043a",
	'l': "\u013a\u013c\u013e\u0142\u04cf",
	'n': "\u00f1\u0144\u0146\u0148\u01f9",
	'o': "\u00f2\u00f3\u00f4\u00f5\u00f6\u00f8\u014d\u014f\u0151\u01a1\u01d2\u01eb\u01ed\u020d\u020f\u022b\u022d\u022f\u0231\u03bf\u043e",
	'p': "\u03c1\u0440",
	'q': "\u051b",
	'r': "\u0155\u0157\u0159\u0211\u0213",
	's': "\u015b\u015d\u015f\u0161\u017f\u0219\u0455",
	't': "\u0163\u0165\u021b",
	'u': "\u00f9\u00fa\u00fb\u00fc\u0169\u016b\u016d\u016f\u0171\u0173\u01b0\u01d4\u01d6\u01d8\u01da\u01dc\u0215\u0217\u03c5",
	'v': "\u03bd",
	'w': "\u0175\u051d",
	'x': "\u0445",
	'y': "\u00fd\u00ff\u0177\u0233\u0443",
	'z': "\u017a\u017c\u017e",
}

var standsFor = func() map[rune]rune {
	all := map[rune]rune{}
	for latin, others := range lookalikes {
		for _, r := range others {
			all[r] = latin
		}
	}
	return all
}()

// plain writes a text in small letters without accents and without what does not show.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Cf):
			return -1
		case r >= '\uff01' && r <= '\uff5e': // the full-width forms of ASCII
			r -= '\uff01' - '!'
		}
		r = unicode.ToLower(r)
		if latin, known := standsFor[r]; known {
			return latin
		}
		return r
	}, text)
}

// people checks the approvers of a file: each has an id, and nobody counts for two.
func (bad *problems) people(all []Person) {
	for i, p := range all {
		if strings.TrimSpace(p.ID) == "" || strings.TrimSpace(p.Name) == "" {
			bad.add("approvals.approvers[%d]: an approver has an id and a name", i)
			continue
		}
		for _, other := range all[:i] {
			if other.ID != "" && p.Resembles(other) {
				bad.add("approvals.approvers: %s and %s may be one person, who would count for two", other.ID, p.ID)
			}
		}
	}
}
