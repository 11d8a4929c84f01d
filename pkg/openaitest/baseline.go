package openaitest

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
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
//
// Where the demonstrations answer with {"entities":["Ada Li",…]}, and where the
// request's response_format is a json_schema, the answer is such an object: what
// would have been marked, one entry for each mention, in the order of the
// sentence.
//
// Where they wrap entities in tags, "<PER>Ada</PER>", or list {"text":"Ada","label":"PER"},
// the answer has every string that they show with a label, found label by label: so
// strings of different labels may be nested.
//
// A prompt that ends in the three lines "Sentence: …", "Phrase: …" and "Answer:"
// asks whether the phrase is an entity. It gets "yes" or "no", as most of its
// demonstrations that show the same phrase say. Where none does, or as many say
// yes as no, a guess from the phrase alone is made, which knows nothing of
// labels: "no" if it begins with a lower-case letter or is a single English
// function word, else "yes".
func Baseline(prompt string) string { return baseline(prompt, mark) }

// baseline is Baseline for a request that demands what write writes.
func baseline(prompt string, write func(sentence string, spans []stretch) string) string {
	lines := strings.Split(strings.TrimRight(prompt, " \t\r\n"), "\n")
	last := len(lines) - 1
	cue := lines[last]
	if phrase, ok := askedPhrase(lines); ok {
		return verdict(phrase, lines[:last])
	}
	isCue := last > 0 && (strings.HasSuffix(cue, ":") || strings.HasSuffix(cue, wideColon))
	sentence := afterColon(cue)
	var phrases []string
	if isCue {
		demos := demonstrations(lines[:last], cue)
		for _, d := range demos {
			phrases = append(phrases, d.entities...)
			if d.object {
				write = asObject
			}
		}
		sentence = askedSentence(lines[last-1], demos)
		if answer, ok := labelledAnswer(sentence, demos); ok {
			return answer
		}
	}
	return write(sentence, find(sentence, phrases))
}

// Fixed returns an answerer for [Options.Answer] that always gives text.
func Fixed(text string) func(prompt string) string {
	return func(string) string { return text }
}

// demonstration is one example in a prompt.
type shownExample struct {
	line     string // with lead-in
	answer   string // without marks
	entities []string
	labelled []labelledPhrase // entities of several labels
	object   bool             // the answer is {"entities":[…]}
}

func demonstrations(lines []string, cue string) []shownExample {
	var demos []shownExample
	for i := 1; i < len(lines); i++ {
		answer, ok := strings.CutPrefix(lines[i], cue)
		if !ok {
			continue
		}
		if strings.TrimSpace(answer) == "" && i+1 < len(lines) {
			answer = lines[i+1] // the answer stands under its cue
		}
		answer = strings.TrimSpace(answer)
		if entities, ok := unlist(answer); ok {
			demos = append(demos, shownExample{line: lines[i-1], entities: entities, labelled: unlistLabelled(answer), object: true})
			continue
		}
		if plain, entities, ok := untag(lines[i-1], answer); ok {
			demos = append(demos, shownExample{line: lines[i-1], answer: plain, labelled: entities})
			continue
		}
		plain, entities := unmark(answer)
		demos = append(demos, shownExample{line: lines[i-1], answer: plain, entities: entities})
	}
	return demos
}

// unlist returns the entities of an answer that is an object, if it is one.
func unlist(answer string) (entities []string, ok bool) {
	if !strings.HasPrefix(answer, "{") || !gjson.Valid(answer) {
		return nil, false
	}
	found := gjson.Get(answer, "entities")
	if !found.IsArray() {
		return nil, false
	}
	for _, e := range found.Array() {
		if e.Type == gjson.String && e.Str != "" {
			entities = append(entities, e.Str)
		}
	}
	return entities, true
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
func askedSentence(line string, demos []shownExample) string {
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
type stretch struct{ start, end int }

// find returns where the phrases stand in the sentence, in its order.
func find(sentence string, phrases []string) []stretch {
	slices.SortFunc(phrases, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	var spans []stretch
	for _, phrase := range slices.Compact(phrases) {
		spans = appendMatches(spans, sentence, phrase)
	}
	slices.SortFunc(spans, func(a, b stretch) int { return a.start - b.start })
	return spans
}

// asObject is the spans' text as {"entities":[…]}.
func asObject(sentence string, spans []stretch) string {
	b := []byte(`{"entities":[`)
	for i, s := range spans {
		if i > 0 {
			b = append(b, ',')
		}
		b = gjson.AppendJSONString(b, sentence[s.start:s.end])
	}
	return string(append(b, "]}"...))
}

// mark puts marks around the spans of the sentence.
func mark(sentence string, spans []stretch) string {
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
func appendMatches(spans []stretch, sentence, phrase string) []stretch {
	for from := 0; ; {
		i := strings.Index(sentence[from:], phrase)
		if i < 0 {
			return spans
		}
		found := stretch{from + i, from + i + len(phrase)}
		from = found.start + 1
		overlaps := func(s stretch) bool { return s.start < found.end && found.start < s.end }
		if standsAlone(sentence, found) && !slices.ContainsFunc(spans, overlaps) {
			spans = append(spans, found)
			from = found.end
		}
	}
}

// standsAlone reports whether a span begins and ends at token boundaries, or beside
// punctuation as people write it ("(aspirin),", "aspirin/ibuprofen").
func standsAlone(sentence string, s stretch) bool {
	head, tail := sentence[:s.start], sentence[s.end:]
	before, _ := utf8.DecodeLastRuneInString(" " + strings.TrimRight(head, "(“‘\""))
	after, _ := utf8.DecodeRuneInString(strings.TrimLeft(tail, ".,;:!?)”’\"") + " ")
	return (unicode.IsSpace(before) || before == '/') && (unicode.IsSpace(after) || after == '/')
}

// The lead-ins of a question about one phrase.
const (
	sentenceLead = "Sentence: "
	phraseLead   = "Phrase: "
	answerLead   = "Answer:"
)

// askedPhrase is the phrase that the last three lines ask about, if they do.
func askedPhrase(lines []string) (phrase string, ok bool) {
	n := len(lines)
	if n < 3 || lines[n-1] != answerLead || !strings.HasPrefix(lines[n-3], sentenceLead) {
		return "", false
	}
	return strings.CutPrefix(lines[n-2], phraseLead)
}

// verdict says whether the phrase is an entity.
func verdict(phrase string, lines []string) string {
	votes := 0
	for i := 1; i < len(lines); i++ {
		if shown, ok := strings.CutPrefix(lines[i-1], phraseLead); !ok || shown != phrase {
			continue
		}
		answer, _ := strings.CutPrefix(lines[i], answerLead)
		switch strings.TrimSpace(answer) {
		case "yes":
			votes++
		case "no":
			votes--
		}
	}
	first, _ := utf8.DecodeRuneInString(phrase)
	if votes < 0 || votes == 0 && (unicode.IsLower(first) || functionWords[strings.ToLower(phrase)]) {
		return "no"
	}
	return "yes"
}

var functionWords = setOf("a", "an", "the", "this", "that", "these", "those", "i", "you", "he", "she", "it", "we", "they",
	"and", "or", "but", "if", "in", "on", "at", "by", "for", "from", "of", "to", "with", "as", "is", "are", "was", "were")
