package collect

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Results files, ours and those of older tools, mark a row without an answer
// by how its line begins.
const (
	failureMark   = "ERROR"
	oldFailedMark = "FRIDAY-ERROR-ErrorType.unknown"
)

// noAnswer is why a row of which no record was seen has none, and missingLine its line.
var (
	noAnswer    = record.Failure{Class: record.Missing, Message: "no answer seen"}
	missingLine = failureLine(&noAnswer)
)

// unknown is the class of a failure whose line does not tell it.
const unknown record.Class = "unknown"

// isFailure reports whether a line of a results file stands for a row that has
// no answer. A space in front keeps an answer from being taken for one.
func isFailure(line string) bool {
	return strings.HasPrefix(line, failureMark) || strings.HasPrefix(line, oldFailedMark)
}

// AnswerLine makes the line of a good answer, which never reads as a failure.
// What it returns shares no memory with the answer, whose record is long.
func AnswerLine(answer string) string {
	line := record.OneLine(answer)
	if isFailure(line) {
		return " " + line
	}
	return strings.Clone(line)
}

// failureLine makes the line of a failed row; [className] has made its class.
func failureLine(f *record.Failure) string {
	return failureMark + ": " + string(f.Class) + ": " + cmp.Or(record.OneLine(f.Message), "no message")
}

// className is a class as the line of a failed row can tell it.
func className(class record.Class) record.Class {
	return record.Class(strings.Map(func(r rune) rune {
		if endsClass(r) {
			return '_'
		}
		return r
	}, strings.Clone(string(class))))
}

// failureOf reads a line of a results file that stands for a failure.
func failureOf(line string) *record.Failure {
	rest, ok := strings.CutPrefix(line, failureMark+": ")
	i := strings.IndexFunc(rest, endsClass)
	if !ok || i <= 0 || !strings.HasPrefix(rest[i:], ": ") {
		return &record.Failure{Class: unknown, Message: line}
	}
	return &record.Failure{Class: record.Class(rest[:i]), Message: rest[i+len(": "):]}
}

func endsClass(r rune) bool { return r == ':' || unicode.IsSpace(r) || unicode.IsControl(r) }

// sniff reports whether in holds a results file: its first lines are neither
// result records nor lines of a batch, nor a broken one of these. It returns a
// reader of all that in holds.
func sniff(in io.Reader) (_ io.Reader, text bool, err error) {
	r := bufio.NewReaderSize(in, 64<<10)
	var read []byte               // of in
	for lines := 0; err == nil; { // not blank
		begin := len(read)
		for {
			var part []byte
			part, err = r.ReadSlice('\n')
			read = append(read, part...)
			if !errors.Is(err, bufio.ErrBufferFull) || len(read)-begin >= record.MaxLine {
				break
			}
		}
		line := bytes.TrimSpace(read[begin:])
		if begin == 0 {
			line = bytes.TrimPrefix(line, []byte(byteOrderMark))
		}
		if len(line) == 0 {
			continue
		}
		if lines++; lines == 1 {
			text = !firstOfRecords(line)
		} else if isRecord(line) {
			text = false // behind something broken
		}
		if !text || lines == sniffed {
			break
		}
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, false, err
	}
	return io.MultiReader(bytes.NewReader(read), r), text, nil
}

// sniffed is how many lines of a file tell what it holds.
const sniffed = 50

// firstOfRecords reports whether a file that begins with the line holds records.
// A structured answer begins with a brace as well.
func firstOfRecords(line []byte) bool {
	switch {
	case bytes.HasPrefix(line, []byte{0x1f, 0x8b}):
		return true
	case line[0] != '{':
		return false
	}
	return !record.ValidJSON(line) || gjson.GetBytes(line, "kind").Exists() || gjson.GetBytes(line, "custom_id").Exists()
}

func isRecord(line []byte) bool {
	if line[0] != '{' || !record.ValidJSON(line) {
		return false
	}
	return gjson.GetBytes(line, "kind").Exists() && gjson.GetBytes(line, "v").Exists() || wire.IsBatchLine(line) && gjson.GetBytes(line, "response").Exists()
}

const byteOrderMark = "\ufeff"

// readLines reads a results file, line i for row i, a byte order mark in front of
// them aside. A file of more than total
// lines is refused, since then its lines are not the rows'; total 0 takes any. A
// last line that ends in NUL bytes, as a power cut leaves it, is left out.
func readLines(name string, r io.Reader, total int) ([]string, error) {
	var lines []string
	in := bufio.NewReaderSize(r, 256<<10)
	for {
		line, err := in.ReadString('\n')
		if lines == nil {
			line = strings.TrimPrefix(line, byteOrderMark)
		}
		if line != "" && !strings.HasSuffix(line, "\x00") {
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
