package corpus

import (
	"io"
	"strconv"
	"strings"

	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// NewJSONL returns an [Encoder] for the project's own format, described in
// doc/formats.md: one JSON object per line and sentence. Empty or unknown members are
// omitted, except "id", "text", "tokens" and "spans".
//
//	{"kind":"sentence","v":1,"id":"0","text":"Ada Li left .","tokens":["Ada","Li","left","."],
//	 "spans":[{"start":0,"end":2,"label":"PER","text":"Ada Li","start_char":0,"end_char":6,"start_byte":0,"end_byte":6,"found":"exact"}],
//	 "unused":[{"label":"LOC","text":"Paris","reason":"hallucinated"}],
//	 "answers":[{"label":"LOC","class":"chatter","damage":["glued"]}],"unanswered":["ORG"],"model":"m"}
//
// Spans are half-open: start and end count tokens, start_char and end_char Unicode code
// points, and start_byte and end_byte the UTF-8 bytes of "text" without JSON escapes.
// A text sentence also has "form":"text" and, if it is known, "document" with "offset" and
// "offset_bytes", and its spans have document_start, document_end, document_start_byte and
// document_end_byte: their offsets in the document. Its tokens are words as Unicode divides
// them (UAX #29), split wherever an entity begins or ends.
//
// Gold entities have no "found". "answers" contains [Sentence.Forms]; an answer about all
// labels has no "label", and neither has an unused string for which no label is known.
func NewJSONL(w io.Writer) *Encoder {
	j := newWriter(w)
	return j.lines(j.appendJSONL)
}

func (w *Encoder) appendJSONL(dst []byte, s *Sentence) []byte {
	w.at.Reset(s)
	dst = record.AppendString(append(dst, `{"kind":"sentence","v":1,"id":`...), s.ID)
	dst = record.AppendString(append(dst, `,"text":`...), s.Text)
	dst = appendPosition(dst, s)
	tokens := s.Tokens
	var list []markup.Word
	if s.Unit == markup.Char {
		list = appendWords(nil, s)
		for _, word := range list {
			tokens = append(tokens, word.Text)
		}
	}
	dst = appendList(append(dst, `,"tokens":`...), tokens)
	dst = append(dst, `,"spans":[`...)
	for i, e := range s.Entities {
		if i > 0 {
			dst = append(dst, ',')
		}
		start, end := w.at.Chars(e.Span)
		span := e.Span
		if s.Unit == markup.Char {
			span = inWords(list, span)
		}
		dst = strconv.AppendInt(append(dst, `{"start":`...), int64(span.Start), 10)
		dst = strconv.AppendInt(append(dst, `,"end":`...), int64(span.End), 10)
		dst = record.AppendString(append(dst, `,"label":`...), e.Label)
		dst = record.AppendString(append(dst, `,"text":`...), w.text(s, e))
		dst = strconv.AppendInt(append(dst, `,"start_char":`...), int64(start), 10)
		dst = strconv.AppendInt(append(dst, `,"end_char":`...), int64(end), 10)
		start, end = w.at.Bytes(e.Span)
		dst = strconv.AppendInt(append(dst, `,"start_byte":`...), int64(start), 10)
		dst = strconv.AppendInt(append(dst, `,"end_byte":`...), int64(end), 10)
		dst = w.appendInDocument(dst, s, e)
		if e.How != markup.Given {
			dst = record.AppendString(append(dst, `,"found":`...), e.How.String())
		}
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	for i, u := range s.Unused {
		if i == 0 {
			dst = append(dst, `,"unused":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = appendLabel(dst, u.Label)
		dst = record.AppendString(append(dst, `"text":`...), u.Text)
		dst = record.AppendString(append(dst, `,"reason":`...), reason(u.Reason))
		dst = append(dst, '}')
	}
	if len(s.Unused) > 0 {
		dst = append(dst, ']')
	}
	for i, f := range s.Forms {
		if i == 0 {
			dst = append(dst, `,"answers":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = appendLabel(dst, f.Label)
		dst = record.AppendString(append(dst, `"class":`...), f.Class.String())
		if f.Damage != 0 {
			dst = appendList(append(dst, `,"damage":`...), words(f.Damage.Names()))
		}
		dst = append(dst, '}')
	}
	if len(s.Forms) > 0 {
		dst = append(dst, ']')
	}
	if len(s.Unanswered) > 0 {
		dst = appendList(append(dst, `,"unanswered":`...), s.Unanswered)
	}
	if s.Model != "" {
		dst = record.AppendString(append(dst, `,"model":`...), s.Model)
	}
	return append(dst, '}', '\n')
}

// appendLabel begins an object, with its label unless that is "".
func appendLabel(dst []byte, label string) []byte {
	if dst = append(dst, '{'); label == "" {
		return dst
	}
	return append(record.AppendString(append(dst, `"label":`...), label), ',')
}

// reason returns r in one word, as files contain it.
func reason(r markup.Reason) string { return word(r.String()) }

func word(name string) string { return strings.ReplaceAll(name, " ", "_") }

func words(names []string) []string {
	for i := range names {
		names[i] = word(names[i])
	}
	return names
}
