// Package english words numbers for messages: "1 row", "2 rows".
package english

import (
	"fmt"
	"strings"
)

// Count returns n and noun, in the plural unless n is 1: "1 retry", "2 retries". Only
// the last word of noun changes; it must have a regular plural.
func Count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	stem, y := strings.CutSuffix(noun, "y")
	switch {
	case y && !strings.ContainsAny(stem[len(stem)-1:], "aeiou"):
		noun = stem + "ies"
	case strings.HasSuffix(noun, "ch"):
		noun += "es"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
