package cmdline

import (
	"regexp"
	"strings"
)

// plainWord matches the words that no shell changes.
var plainWord = regexp.MustCompile(`^[\w./:@%+,=-]+$`)

// ShellCommand returns a line for a POSIX shell that runs a command with these words.
func ShellCommand(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		if quoted[i] = word; !plainWord.MatchString(word) {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
