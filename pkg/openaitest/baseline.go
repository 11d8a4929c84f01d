package openaitest

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The marks around an entity.
const (
	openMark  = "@@"
	closeMark = "##"
)

const wideColon = "："

// Baseline answers a labelling prompt without any model: it returns the asked
// sentence with @@ and ## around every string that the prompt's demonstrations
// mark, longest first, where it stands between white space and overlaps no
// other mark. The rest of the sentence is returned exactly as it stands, and
// without demonstrations all of it. It is an honest baseline to measure against
// and stands for no model's quality.
//
// It reads the prompt's form and not its wording. The last line is the cue: it
// ends in a colon. The line above holds the asked sentence behind a lead-in. An
// earlier line that starts with the cue is a demonstration's answer, and the
// line above that its sentence. The lead-in is what precedes the sentence in
// the demonstrations, and without any it ends with the first ": ". A prompt
// whose last line is no cue is taken to end with the sentence.
func Baseline(prompt string) string {
	lines := strings.Split(strings.TrimRight(prompt, " \t\r\n"), "\n")
	last := len(lines) - 1
	cue := lines[last]
	if last == 0 || !strings.HasSuffix(cue, ":") && !strings.HasSuffix(cue, wideColon) {
		return afterColon(cue)
	}
	demos := demonstrations(lines[:last], cue)
	var phrases []string
	for _, d := range demos {
		phrases = append(phrases, d.entities...)
	}
	return mark(askedSentence(lines[last-1], demos), phrases)
}

// Fixed returns an answerer for [Options.Answer] that always gives text.
func Fixed(text string) func(prompt string) string {
	return func(string) string { return text }
}

// demonstration is one example in a prompt.
type demonstration struct {
	line     string // with lead-in
	answer   string // without marks
	entities []string
}

func demonstrations(lines []string, cue string) []demonstration {
	var demos []demonstration
	for i := 1; i < len(lines); i++ {
		answer, ok := strings.CutPrefix(lines[i], cue)
		if !ok {
			continue
		}
		if strings.TrimSpace(answer) == "" && i+1 < len(lines) {
			answer = lines[i+1] // the answer stands under its cue
		}
		plain, entities := unmark(strings.TrimSpace(answer))
		demos = append(demos, demonstration{lines[i-1], plain, entities})
	}
	return demos
}

// unmark takes the marks out of a line and returns what they enclose.
func unmark(line string) (plain string, entities []string) {
	var b strings.Builder
	b.Grow(len(line))
	for {
		start := strings.Index(line, openMark)
		if start < 0 {
			break
		}
		length := strings.Index(line[start+len(openMark):], closeMark)
		if length < 0 {
			break
		}
		end := start + len(openMark) + length
		if inner := strings.LastIndex(line[start+len(openMark):end], openMark); inner >= 0 {
			start += len(openMark) + inner
		}
		enclosed := line[start+len(openMark) : end]
		b.WriteString(line[:start])
		b.WriteString(enclosed)
		if entity := strings.TrimSpace(enclosed); entity != "" {
			entities = append(entities, entity)
		}
		line = line[end+len(closeMark):]
	}
	b.WriteString(line)
	return b.String(), entities
}

// askedSentence takes the lead-in off the asked line.
func askedSentence(line string, demos []demonstration) string {
	for _, d := range demos {
		lead, ok := strings.CutSuffix(strings.TrimRight(d.line, " \t\r"), d.answer)
		if !ok || d.answer == "" {
			continue
		}
		if sentence, ok := strings.CutPrefix(line, lead); ok {
			return sentence
		}
	}
	if len(demos) == 0 {
		return afterColon(line)
	}
	// No demonstration repeats its sentence, so what all lines share must do.
	shared := line
	for _, d := range demos {
		shared = commonPrefix(shared, d.line)
	}
	if n := colonEnd(shared); n > 0 {
		return line[n:]
	}
	return line[strings.LastIndexByte(shared, ' ')+1:]
}

func afterColon(line string) string { return line[colonEnd(line):] }

// colonEnd is where the text behind the first colon begins, or 0 without one.
// A wide colon, of a Chinese prompt, needs no space behind it.
func colonEnd(line string) int {
	for _, colon := range []string{": ", wideColon} {
		if i := strings.Index(line, colon); i >= 0 {
			return i + len(colon)
		}
	}
	return 0
}

func commonPrefix(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// span is a part of a sentence, in bytes.
type span struct{ start, end int }

// mark puts marks around the phrases in the sentence.
func mark(sentence string, phrases []string) string {
	slices.SortFunc(phrases, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	var spans []span
	for _, phrase := range slices.Compact(phrases) {
		spans = appendMatches(spans, sentence, phrase)
	}
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })

	var b strings.Builder
	b.Grow(len(sentence) + len(spans)*len(openMark+closeMark))
	done := 0
	for _, s := range spans {
		b.WriteString(sentence[done:s.start])
		b.WriteString(openMark)
		b.WriteString(sentence[s.start:s.end])
		b.WriteString(closeMark)
		done = s.end
	}
	b.WriteString(sentence[done:])
	return b.String()
}

// appendMatches adds the places where phrase stands alone and nothing is marked yet.
func appendMatches(spans []span, sentence, phrase string) []span {
	for from := 0; ; {
		i := strings.Index(sentence[from:], phrase)
		if i < 0 {
			return spans
		}
		found := span{from + i, from + i + len(phrase)}
		from = found.start + 1
		overlaps := func(s span) bool { return s.start < found.end && found.start < s.end }
		if standsAlone(sentence, found) && !slices.ContainsFunc(spans, overlaps) {
			spans = append(spans, found)
			from = found.end
		}
	}
}

// standsAlone reports whether a span begins and ends at token boundaries.
func standsAlone(sentence string, s span) bool {
	before, _ := utf8.DecodeLastRuneInString(sentence[:s.start])
	after, _ := utf8.DecodeRuneInString(sentence[s.end:])
	return (s.start == 0 || unicode.IsSpace(before)) && (s.end == len(sentence) || unicode.IsSpace(after))
}
