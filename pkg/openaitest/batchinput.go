package openaitest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// batchError is one thing that is wrong with a batch's input.
type batchError struct {
	Code    string  `json:"code"`
	Line    *int    `json:"line"` // from 1; nil: no line in particular
	Message string  `json:"message"`
	Param   *string `json:"param"`
}

// maxBatchErrors is how many errors a batch names.
const maxBatchErrors = 100

func lineError(line int, code, param, format string, args ...any) batchError {
	e := batchError{Code: code, Message: fmt.Sprintf(format, args...)}
	if line > 0 {
		e.Line = &line
	}
	if param != "" {
		e.Param = &param
	}
	return e
}

// batchInput is what the validation of an input finds out.
type batchInput struct {
	lines  int
	starts []int64 // where each line begins
	model  string  // of the first line that has one
	tokens int     // of all the prompts
	errors []batchError

	seen map[string]bool // custom_ids
}

// readBatchInput validates the input of a batch.
func (s *Server) readBatchInput(input *blob, api *completionAPI) (*batchInput, error) {
	in := &batchInput{seen: map[string]bool{}}
	err := eachLine(input, func(start int64, line []byte, whole bool) {
		in.lines++
		in.starts = append(in.starts, start)
		if len(in.errors) >= maxBatchErrors || in.lines > s.opt.MaxBatchLines {
			return
		}
		if !whole {
			in.fault(in.lines, "invalid_request", "", "The simulated API can't read a line of more than %d bytes.", maxBody)
			return
		}
		s.checkLine(in, string(line), api)
	})
	in.seen = nil
	// What concerns the whole file is told instead of what is wrong in it.
	switch {
	case input.size > s.opt.MaxBatchBytes:
		in.errors = []batchError{lineError(0, "invalid_request", "",
			"The batch input file is larger than the %d maximum for the %s model. Please try again with a smaller batch.",
			s.opt.MaxBatchBytes, orElse(in.model, "requested"))}
	case in.lines > s.opt.MaxBatchLines:
		in.errors = []batchError{lineError(0, "invalid_request", "",
			"The batch input file has %d requests, more than the maximum of %d. Please try again with a smaller batch.",
			in.lines, s.opt.MaxBatchLines)}
	case in.lines == 0:
		in.errors = []batchError{lineError(0, "empty_file", "", "The batch input file is empty.")}
	}
	return in, err
}

func (in *batchInput) fault(line int, code, param, format string, args ...any) {
	if len(in.errors) < maxBatchErrors {
		in.errors = append(in.errors, lineError(line, code, param, format, args...))
	}
}

// batchLine is a request of a batch.
type batchLine struct {
	customID, method, url, body gjson.Result
}

// parseBatchLine returns false if the line is not a JSON object.
func parseBatchLine(line string) (l batchLine, ok bool) {
	if !utf8.ValidString(line) || !gjson.Valid(line) {
		return l, false
	}
	root := gjson.Parse(line)
	if !root.IsObject() {
		return l, false
	}
	root.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "custom_id":
			l.customID = value
		case "method":
			l.method = value
		case "url":
			l.url = value
		case "body":
			l.body = value
		}
		return true
	})
	return l, true
}

// checkLine finds what makes the service refuse the whole batch. What is wrong
// with a request beyond that, its row is told.
func (s *Server) checkLine(in *batchInput, line string, api *completionAPI) {
	n := in.lines
	l, ok := parseBatchLine(line)
	if !ok {
		in.fault(n, "invalid_json_line", "", "This line is not parseable as valid JSON.")
		return
	}
	complete := true
	for _, field := range []struct {
		name  string
		value gjson.Result
	}{{"custom_id", l.customID}, {"method", l.method}, {"url", l.url}, {"body", l.body}} {
		if field.value.Type == gjson.Null {
			in.fault(n, "missing_required_parameter", field.name, "Missing required parameter: '%s'.", field.name)
			complete = false
		}
	}
	if !complete {
		return
	}
	switch id := l.customID.Str; {
	case l.customID.Type != gjson.String || id == "":
		in.fault(n, "invalid_request", "custom_id", "Invalid 'custom_id': expected a string that isn't empty.")
	case in.seen[id]:
		in.fault(n, "duplicate_custom_id", "custom_id", "The custom_id '%s' for this request is a duplicate of another request. "+
			"The custom_id parameter must be unique for each request in a batch.", id)
	default:
		in.seen[strings.Clone(id)] = true // or it would keep the whole line
	}
	if l.method.Str != "POST" {
		in.fault(n, "invalid_request", "method", "Invalid 'method': only 'POST' is supported.")
	}
	if l.url.Str != api.path {
		in.fault(n, "invalid_url", "url", "The URL provided for this request does not match the batch endpoint.")
	}
	s.checkLineBody(in, l.body, api)
}

func (s *Server) checkLineBody(in *batchInput, body gjson.Result, api *completionAPI) {
	n := in.lines
	if !body.IsObject() {
		in.fault(n, "invalid_request", "body", "Invalid 'body': expected an object, but got %s instead.", typeName(body))
		return
	}
	if body.Get("stream").Type == gjson.True {
		in.fault(n, "streaming_unsupported", "body.stream", "Streaming is not supported in the Batch API.")
	}
	model := body.Get("model")
	switch {
	case model.Type == gjson.Null:
		in.fault(n, "missing_required_parameter", "body.model", "Missing required parameter: 'body.model'.")
		return
	case model.Type != gjson.String || !s.exists(model.Str):
		in.fault(n, "model_not_found", "body.model", "The provided model '%s' is not supported by the Batch API.", model.String())
		return
	case in.model == "":
		in.model = strings.Clone(model.Str)
	case model.Str != in.model:
		in.fault(n, "mismatched_model", "body.model", "The model '%s' for this request does not match the rest of the batch. "+
			"Each batch must contain requests for a single model.", model.Str)
	}
	req, _ := readRequest(body.Raw, api)
	in.tokens += req.tokens
}

// eachLine calls f with every line of a blob, without its line break. A line of
// more than maxBody bytes comes cut, with whole false.
func eachLine(b *blob, f func(start int64, line []byte, whole bool)) error {
	content, err := b.open()
	if err != nil {
		return err
	}
	defer content.Close()
	r := bufio.NewReaderSize(io.NewSectionReader(content, 0, b.size), int(min(b.size, maxBody))+1)
	for start := int64(0); ; {
		line, err := r.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		length := int64(len(line))
		whole := !errors.Is(err, bufio.ErrBufferFull)
		f(start, trimBreak(line), whole)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = r.ReadSlice('\n')
			length += int64(len(line))
		}
		start += length
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func trimBreak(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}
