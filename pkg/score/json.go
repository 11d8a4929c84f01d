package score

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"nertools/pkg/fault"
)

type reportJSON struct {
	Kind      string          `json:"kind"` // "score"
	V         int             `json:"v"`    // 1
	Match     string          `json:"match"`
	Sentences int             `json:"sentences"`
	Resamples int             `json:"resamples"`
	Seed      uint64          `json:"seed"`
	Micro     scoreJSON       `json:"micro"`
	Macro     macroJSON       `json:"macro"`
	Labels    labelsJSON      `json:"labels"`
	Errors    *errorsJSON     `json:"errors,omitempty"`
	Confusion []confusionJSON `json:"confusion,omitempty"`
	Calls     *callsJSON      `json:"calls,omitempty"`
}

type callsJSON struct {
	Number   int      `json:"number"`
	Input    int64    `json:"input_tokens"`
	Output   int64    `json:"output_tokens"`
	Cost     *float64 `json:"cost"` // null if it is not known
	Currency string   `json:"currency"`
}

type scoreJSON struct {
	TP        int         `json:"tp"`
	FP        int         `json:"fp"`
	FN        int         `json:"fn"`
	Precision float64     `json:"precision"`
	Recall    float64     `json:"recall"`
	F1        float64     `json:"f1"`
	CI        *ciJSON     `json:"ci,omitempty"`
	Errors    *errorsJSON `json:"errors,omitempty"`
}

type macroJSON struct {
	Labels    int     `json:"labels"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	CI        *ciJSON `json:"ci,omitempty"`
}

type ciJSON struct {
	Precision [2]float64 `json:"precision"`
	Recall    [2]float64 `json:"recall"`
	F1        [2]float64 `json:"f1"`
}

type errorsJSON struct {
	Correct       int `json:"correct"`
	WrongLabel    int `json:"wrong_label"`
	WrongBoundary int `json:"wrong_boundary"`
	Missed        int `json:"missed"`
	Spurious      int `json:"spurious"`
}

type confusionJSON struct {
	Gold      string `json:"gold"`
	Predicted string `json:"predicted"`
	Count     int    `json:"count"`
}

// labelsJSON is encoded as an object with one member per label, in order.
type labelsJSON []labelJSON

type labelJSON struct {
	name  string
	score scoreJSON
}

func (labels labelsJSON) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, l := range labels {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(l.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(l.score)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// JSON returns the report as one line of JSON, including the newline. Rates are in [0,1]
// and not rounded. "ci" is omitted without intervals, "errors" for a published score.
func (r *Evaluation) JSON() []byte {
	out := reportJSON{
		Kind: "score", V: 1, Match: r.Match.String(), Sentences: r.Sentences, Resamples: r.Resamples, Seed: r.Seed,
		Micro:  r.score(&r.Micro),
		Macro:  macroJSON{r.Macro.Labels, r.Macro.Precision, r.Macro.Recall, r.Macro.F1, r.Macro.Intervals.json()},
		Labels: make(labelsJSON, 0, len(r.Labels)),
	}
	for i := range r.Labels {
		out.Labels = append(out.Labels, labelJSON{r.Labels[i].Label, r.score(&r.Labels[i])})
	}
	out.Errors, out.Micro.Errors = out.Micro.Errors, nil
	for _, c := range r.Confusion {
		out.Confusion = append(out.Confusion, confusionJSON(c))
	}
	if c := r.Calls; c != nil {
		out.Calls = &callsJSON{c.Number, c.Input, c.Output, &c.Cost, c.Currency}
		if math.IsNaN(c.Cost) {
			out.Calls.Cost = nil
		}
	}
	line, err := json.Marshal(out)
	if err != nil {
		panic(err) // encoding it cannot fail
	}
	return append(line, '\n')
}

func (r *Evaluation) score(s *Score) scoreJSON {
	out := scoreJSON{s.TP, s.FP, s.FN, s.Precision(), s.Recall(), s.F1(), s.Intervals.json(), nil}
	if e := s.Errors; r.Match != Published {
		out.Errors = &errorsJSON{e[Correct], e[WrongLabel], e[WrongBoundary], e[Missed], e[Spurious]}
	}
	return out
}

func (in *Intervals) json() *ciJSON {
	if in == nil {
		return nil
	}
	return &ciJSON{in.Precision.json(), in.Recall.json(), in.F1.json()}
}

func (i Interval) json() [2]float64 { return [2]float64{i.Low, i.High} }

// A Summary is one line of a comparison.
type Summary struct {
	Name      string
	Match     Match
	Sentences int
	Micro     Score // without Errors
	Calls     *Calls
}

// ParseSummary parses the output of [Evaluation.JSON]. Name is left empty. The error is a
// [*fault.Error] with file as the file name.
func ParseSummary(file string, data []byte) (*Summary, error) {
	s, err := parseSummary(data)
	if err != nil {
		return nil, &fault.Error{File: file, Err: err, Hint: "give a file of scores written as JSON"}
	}
	return s, nil
}

// summaryJSON is the part of the JSON that a summary needs.
type summaryJSON struct {
	Kind      string     `json:"kind"`
	V         int        `json:"v"`
	Match     string     `json:"match"`
	Sentences int        `json:"sentences"`
	Micro     *scoreJSON `json:"micro"`
	Calls     *callsJSON `json:"calls"`
}

func parseSummary(data []byte) (*Summary, error) {
	var in summaryJSON
	err := json.Unmarshal(data, &in)
	m := in.Micro
	switch {
	case err != nil:
		return nil, fmt.Errorf("read a score: %w", err)
	case in.Kind != "score":
		return nil, errors.New("it is not a score")
	case in.V != 1:
		return nil, fmt.Errorf("unknown version %d of scores", in.V)
	case m == nil:
		return nil, errors.New(`it has no "micro"`)
	case min(m.TP, m.FP, m.FN, in.Sentences) < 0 || max(m.TP, m.FP, m.FN) > math.MaxInt/4:
		return nil, errors.New("a count is out of range")
	}
	match, err := ParseMatch(in.Match)
	if err != nil {
		return nil, err
	}
	s := &Summary{Match: match, Sentences: in.Sentences, Micro: Score{Counts: Counts{m.TP, m.FP, m.FN}}}
	if c := in.Calls; c != nil {
		s.Calls = &Calls{c.Number, c.Input, c.Output, math.NaN(), c.Currency}
		if c.Cost != nil {
			s.Calls.Cost = *c.Cost
		}
		if c.Number < 0 || c.Input < 0 || c.Output < 0 || s.Calls.Cost < 0 {
			return nil, errors.New("what the calls took is out of range")
		}
	}
	if m.CI == nil {
		return s, nil
	}
	for _, ends := range [][2]float64{m.CI.Precision, m.CI.Recall, m.CI.F1} {
		if !(0 <= ends[0] && ends[0] <= ends[1] && ends[1] <= 1) {
			return nil, fmt.Errorf("%v is not an interval within [0, 1]", ends)
		}
	}
	s.Micro.Intervals = &Intervals{interval(m.CI.Precision), interval(m.CI.Recall), interval(m.CI.F1)}
	return s, nil
}

func interval(ends [2]float64) Interval { return Interval{ends[0], ends[1]} }
