package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// maxProblems bounds the answer; whoever mends ten things tries again anyway.
const maxProblems = 10

func problemsOf(err *jsonschema.ValidationError) Problems {
	var found Problems
	for _, f := range leaves(err) {
		found = append(found, "at "+orRoot(f.at)+": "+f.what)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if more := len(found) - maxProblems; more > 0 {
		found = append(found[:maxProblems:maxProblems], fmt.Sprintf("and %d more", more))
	}
	return found
}

// finding is one sentence and the place it is about.
type finding struct{ at, what string }

// leaves goes down to the rules that really failed.
func leaves(err *jsonschema.ValidationError) []finding {
	switch k := err.ErrorKind.(type) {
	case *kind.AnyOf:
		return nearest(err)
	case *kind.OneOf:
		if k.Subschemas == nil {
			return nearest(err)
		}
	}
	if len(err.Causes) == 0 {
		return []finding{{place(err.InstanceLocation), words(err.ErrorKind)}}
	}
	var found []finding
	for _, cause := range err.Causes {
		found = append(found, leaves(cause)...)
	}
	return found
}

// nearest explains a failed choice: all branches where each lacks one thing at the
// same place, otherwise the branch with the fewest complaints.
func nearest(err *jsonschema.ValidationError) []finding {
	var best []finding
	var alternatives []string
	at := place(err.InstanceLocation)
	for _, cause := range err.Causes {
		found := leaves(cause)
		if best == nil || len(found) < len(best) {
			best = found
		}
		if len(found) == 1 && found[0].at == at && !slices.Contains(alternatives, found[0].what) {
			alternatives = append(alternatives, found[0].what)
		}
	}
	if len(alternatives) == len(err.Causes) && len(alternatives) > 1 {
		return []finding{{at, strings.Join(alternatives, ", or ")}}
	}
	return best
}

func words(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "must be " + oneOf(k.Want, typeName) + ", not " + typeName(k.Got)
	case *kind.Enum:
		return "must be " + oneOf(k.Want, display)
	case *kind.Const:
		return "must be " + display(k.Want)
	case *kind.Required:
		return list(k.Missing) + isOrAre(k.Missing) + "missing"
	case *kind.AdditionalProperties:
		return list(k.Properties) + isOrAre(k.Properties) + "not known here"
	case *kind.FalseSchema:
		return "is not allowed here"
	case *kind.DependentRequired:
		return list(k.Missing) + isOrAre(k.Missing) + "needed where " + k.Prop + " is given"
	case *kind.Format:
		return "must be " + formatName(k.Want)
	case *kind.Pattern:
		return "does not have the allowed form (" + k.Want + ")"
	case *kind.Not:
		return "is not allowed in this combination"
	case *kind.OneOf:
		return "fits more than one of the choices"
	case *kind.UniqueItems:
		return fmt.Sprintf("items %d and %d are the same", k.Duplicates[0]+1, k.Duplicates[1]+1)
	}
	return measure(k)
}

// measure words the rules about size.
func measure(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.MinLength:
		if k.Want == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters, has %d", k.Want, k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d entries, has %d", k.Want, k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d entries, has %d", k.Want, k.Got)
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %d fields, has %d", k.Want, k.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %d fields, has %d", k.Want, k.Got)
	case *kind.Minimum:
		return "must be at least " + k.Want.RatString()
	case *kind.Maximum:
		return "must be at most " + k.Want.RatString()
	}
	return "does not have the required form"
}

func typeName(t string) string {
	switch t {
	case "string":
		return "text"
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "boolean":
		return "true or false"
	case "object":
		return "an object"
	case "array":
		return "a list"
	}
	return t
}

func formatName(format string) string {
	switch format {
	case "date-time":
		return "a time such as 2027-11-21T00:00:00Z"
	case "email":
		return "an e-mail address"
	case "uuid":
		return "a GUID"
	}
	return "a valid " + format
}

func display(v any) string {
	if text, ok := v.(string); ok {
		return strconv.Quote(text)
	}
	return fmt.Sprint(v)
}

func oneOf[T any](choices []T, name func(T) string) string {
	var names []string
	for _, c := range choices {
		names = append(names, name(c))
	}
	return strings.Join(names, " or ")
}

// list names fields; they may come from the document, so they are kept short and printable.
func list(names []string) string {
	names = slices.Sorted(slices.Values(names))
	const most = 5
	for i := range names {
		names[i] = shorten(names[i])
	}
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

func isOrAre(names []string) string {
	if len(names) == 1 {
		return " is "
	}
	return " are "
}

func place(tokens []string) string {
	var at strings.Builder
	for _, t := range tokens {
		at.WriteString("/" + t)
	}
	return shorten(at.String())
}

func orRoot(at string) string {
	if at == "" {
		return "the top"
	}
	return shorten(at)
}

// shorten makes a name of the document harmless in an answer and a log.
func shorten(name string) string {
	const longest = 120
	name = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "") + "…"
	}
	return name
}
