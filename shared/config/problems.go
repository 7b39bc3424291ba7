package config

import (
	"fmt"
	"strings"
)

// Problem is one setting that cannot be used.
type Problem struct {
	// Where names the setting and its line, or the environment variable.
	Where string
	// What is wrong and what to do. It never repeats a secret.
	What string
}

// Problems is everything that is wrong, in the order it was read.
type Problems []Problem

// Error gives one line for each problem.
func (p Problems) Error() string {
	var text strings.Builder
	text.WriteString("the configuration cannot be used:")
	for _, problem := range p {
		text.WriteString("\n  " + problem.Where + ": " + problem.What)
	}
	return text.String()
}

func (p *Problems) add(where, format string, args ...any) {
	*p = append(*p, Problem{where, fmt.Sprintf(format, args...)})
}

func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
