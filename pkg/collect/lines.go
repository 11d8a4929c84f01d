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

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// In results files, ours and those of older tools, a row without an answer is marked by
// the beginning of its line.
const (
	failureMark   = "ERROR"
	oldFailedMark = "FRIDAY-ERROR-ErrorType.unknown"
)

// noAnswer is the failure of a row without a record, and missingLine its line.
var (
	noAnswer    = record.Failure{Class: record.Missing, Message: "no answer seen"}
	missingLine = failureLine(&noAnswer)
)

// unknown is the class of a failure whose line does not contain one.
const unknown record.Class = "unknown"

// isFailure reports whether a line of a results file is a row without an answer. Answers
// that look like that have a space in front.
func isFailure(line string) bool {
	return strings.HasPrefix(line, failureMark) || strings.HasPrefix(line, oldFailedMark)
}

// AnswerLine returns the line of a good answer, which never looks like a failure. It
// shares no memory with answer, which would keep the whole record in memory.
func AnswerLine(answer string) string {
	line := record.OneLine(answer)
	if isFailure(line) {
		return " " + line
	}
	return strings.Clone(line)
}

// failureLine returns the line of a failed row; its class must come from [className].
func failureLine(f *record.Failure) string {
	return failureMark + ": " + string(f.Class) + ": " + cmp.Or(record.OneLine(f.Message), "no message")
}

// className returns the class in the form used in the lines of failed rows.
func className(class record.Class) record.Class {
	return record.Class(strings.Map(func(r rune) rune {
		if endsClass(r) {
			return '_'
		}
		return r
	}, strings.Clone(string(class))))
}

// failureOf parses a results-file line of a row without an answer.
func failureOf(line string) *record.Failure {
	rest, ok := strings.CutPrefix(line, failureMark+": ")
	i := strings.IndexFunc(rest, endsClass)
	if !ok || i <= 0 || !strings.HasPrefix(rest[i:], ": ") {
		return &record.Failure{Class: unknown, Message: line}
	}
	return &record.Failure{Class: record.Class(rest[:i]), Message: rest[i+len(": "):]}
}

func endsClass(r rune) bool { return r == ':' || unicode.IsSpace(r) || unicode.IsControl(r) }

// sniff reports whether in contains a results file: its first lines are neither result
// records nor lines of a batch, not even broken ones. It returns a reader of the whole of
// in.
func sniff(in io.Reader) (_ io.Reader, text bool, err error) {
	r := bufio.NewReaderSize(in, 64<<10)
	var read []byte               // of in
	for lines := 0; err == nil; { // counts lines that are not blank
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
			line = bytes.TrimPrefix(line, []byte(record.ByteOrderMark))
		}
		if len(line) == 0 {
			continue
		}
		if lines++; lines == 1 {
			text = !firstOfRecords(line)
		} else if isRecord(line) {
			text = false // it follows something broken
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

// sniffed is how many lines of a file are examined to find out what it contains.
const sniffed = 50

// firstOfRecords reports whether a file with this first line contains records. A
// structured answer also begins with a brace.
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

// readLines reads a results file, in which line i is row i. A byte order mark at the
// beginning is removed. If the file has more than total lines, they are not the rows', so
// that is an error; a total of 0 means no limit. A last line that ends in NUL bytes,
// which a power cut leaves, is dropped.
func readLines(name string, r io.Reader, total int) ([]string, error) {
	var lines []string
	in := bufio.NewReaderSize(r, 256<<10)
	for {
		line, err := in.ReadString('\n')
		if lines == nil {
			line = strings.TrimPrefix(line, record.ByteOrderMark)
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
		return nil, &fault.Error{File: name, Line: total + 1, Err: fmt.Errorf("%s, but the source has %s", english.Count(len(lines), "line"), english.Count(total, "row")),
			Hint: "it belongs to another source, or another tool wrote line breaks of answers into it; run without it"}
	}
	return lines, nil
}
