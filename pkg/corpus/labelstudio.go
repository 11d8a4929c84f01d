package corpus

import (
	"encoding/xml"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// NewLabelStudio returns an [Encoder] that writes a JSON array of tasks for Label Studio
// (https://labelstud.io/guide/predictions and .../guide/task_format). Entities from
// answers form one prediction, gold entities one annotation. A sentence without either
// gets an empty annotation if a data set says that there are none, otherwise an empty
// prediction: Label Studio exports only tasks with annotations.
//
// The data of a text sentence also has "form":"text" and, if it is known, "document" with
// "offset" and "offset_bytes"; each region then has its offsets in the document in "meta".
//
// Offsets are half-open and count Unicode code points, as Label Studio does; only its
// versions up to 2021 counted UTF-16 units, which differ after an emoji. "score" is the
// share of strings marked in the answers that were found exactly, where a question
// without an answer counts as one string not found; it is 1 if there are none. The
// project needs the labelling interface that [LabelStudioConfig] returns.
func NewLabelStudio(w io.Writer) *Encoder {
	l := newWriter(w)
	l.out.WriteString("[\n")
	l.between, l.last = ",\n", "\n]\n"
	return l.lines(l.appendTask)
}

func (w *Encoder) appendTask(dst []byte, s *Sentence) []byte {
	w.at.Reset(s)
	dst = record.AppendString(append(dst, `{"data":{"text":`...), s.Text)
	if s.ID != "" {
		dst = record.AppendString(append(dst, `,"sentence":`...), s.ID)
	}
	dst = appendPosition(dst, s)
	dst = append(dst, '}')
	given := func(e Entity) bool { return e.How == markup.Given }
	found := func(e Entity) bool { return e.How != markup.Given }
	hasGiven := s.Given || slices.ContainsFunc(s.Entities, given)
	if hasGiven {
		dst = w.appendRegions(append(dst, `,"annotations":[{`...), s, given)
		dst = append(dst, "}]"...)
	}
	if !hasGiven || slices.ContainsFunc(s.Entities, found) {
		dst = append(dst, `,"predictions":[{`...)
		if s.Model != "" {
			dst = append(record.AppendString(append(dst, `"model_version":`...), s.Model), ',')
		}
		dst = strconv.AppendFloat(append(dst, `"score":`...), score(s), 'f', -1, 64)
		dst = append(w.appendRegions(append(dst, ','), s, found), "}]"...)
	}
	return append(dst, '}')
}

// appendRegions appends the entities for which meant returns true.
func (w *Encoder) appendRegions(dst []byte, s *Sentence, meant func(Entity) bool) []byte {
	dst = append(dst, `"result":[`...)
	first := true
	for i, e := range s.Entities {
		if !meant(e) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		start, end := w.at.Chars(e.Span)
		dst = strconv.AppendInt(append(dst, `{"id":"e`...), int64(i), 10)
		dst = append(dst, `","from_name":"label","to_name":"text","type":"labels","value":{"start":`...)
		dst = strconv.AppendInt(dst, int64(start), 10)
		dst = strconv.AppendInt(append(dst, `,"end":`...), int64(end), 10)
		dst = record.AppendString(append(dst, `,"text":`...), w.text(s, e))
		dst = record.AppendString(append(dst, `,"labels":[`...), e.Label)
		dst = append(dst, "]}"...)
		if s.Position.Document != "" {
			dst = record.AppendString(append(dst, `,"meta":{"document":`...), s.Position.Document)
			dst = append(w.appendInDocument(dst, s, e), '}')
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// score returns the score, rounded to four digits. Strings that an answer itself gives
// another label are ignored: they are not claims about a label asked for.
func score(s *Sentence) float64 {
	exact, all := 0, len(s.Unanswered)
	for _, u := range s.Unused {
		if u.Reason != markup.OtherLabel && u.Reason != markup.NotAsked {
			all++
		}
	}
	for _, e := range s.Entities {
		switch e.How {
		case markup.Exact:
			exact++
			all++
		case markup.Repaired:
			all++
		}
	}
	if all == 0 {
		return 1
	}
	return math.Round(float64(exact)/float64(all)*1e4) / 1e4
}

// LabelStudioConfig returns the labelling interface, in Label Studio's XML, for the
// output of [NewLabelStudio] (https://labelstud.io/tags/labels).
func LabelStudioConfig(labels []string) string {
	var b strings.Builder
	b.WriteString("<View>\n  <Labels name=\"label\" toName=\"text\">\n")
	for _, label := range labels {
		b.WriteString(`    <Label value="`)
		xml.EscapeText(&b, []byte(label)) // writing to a Builder never fails
		b.WriteString("\"/>\n")
	}
	b.WriteString("  </Labels>\n  <Text name=\"text\" value=\"$text\"/>\n</View>\n")
	return b.String()
}
