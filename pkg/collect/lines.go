package collect

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"nertools/pkg/fault"
)

// Results files, ours and those of older tools, mark a row without an answer
// by how its line begins.
const (
	failureMark   = "ERROR"
	oldFailedMark = "FRIDAY-ERROR-ErrorType.unknown"
)

// IsFailure reports whether a line of a results file stands for a row that has
// no answer.
func IsFailure(line string) bool {
	return strings.HasPrefix(line, failureMark) || strings.HasPrefix(strings.TrimSpace(line), oldFailedMark)
}

// ReadLines reads a results file, line i for row i. A file of more than total
// lines is refused, since then its lines are not the rows'; total 0 takes any.
func ReadLines(name string, r io.Reader, total int) ([]string, error) {
	var lines []string
	in := bufio.NewReaderSize(r, 256<<10)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	if total > 0 && len(lines) > total {
		return nil, &fault.Error{File: name, Line: total + 1, Err: fmt.Errorf("%d lines, but the source has %d rows", len(lines), total),
			Hint: "either it is of another source, or a tool wrote an answer's line break into it and shifted the rows: start without it"}
	}
	return lines, nil
}
