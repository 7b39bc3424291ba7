package intake

import (
	"fmt"

	"github.com/usher365/usher/events"
)

// nameOf writes a person as one text: Jane Doe <jane@contoso.com>.
func nameOf(p events.Person) string {
	switch {
	case p.Email == "":
		return p.Name
	case p.Name == "":
		return p.Email
	}
	return fmt.Sprintf("%s <%s>", p.Name, p.Email)
}
