package openaitest

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// What the service takes in one call for embeddings, by its API reference.
const (
	maxInputs      = 2048
	maxInputTokens = 8192    // of one input
	maxCallTokens  = 300_000 // of all of them
)

// embedRequest is a call for embeddings.
type embedRequest struct {
	completionRequest
	inputs     []string
	dimensions int // 0: the model's own
	base64     bool
}

// embed answers a call for embeddings.
func (s *Server) embed(x *servedCall) response {
	x.call.Op = opEmbed
	raw, bad := x.readBody()
	req, malformed := readEmbedRequest(raw)
	x.note(raw, req.completionRequest)
	if denied := s.checkKey(x.r); denied != nil {
		return denied.reply()
	}
	if bad == nil {
		bad = malformed
	}
	if bad == nil {
		bad = s.checkEmbedModel(&req)
	}
	if bad == nil {
		bad = s.admit(x, req.completionRequest)
	} else {
		s.limits.state(x.w.Header())
	}
	if bad != nil {
		return bad.reply()
	}
	rep := response{status: http.StatusOK, answered: true, body: req.answer()}
	for _, input := range req.inputs {
		rep.bills = append(rep.bills, Bill{PromptSHA: promptSHA(input), Call: x.call.Seq, InputTokens: tokens(len(input))})
	}
	if f := s.script.hit(attempt{op: opEmbed, path: x.r.URL.Path, model: req.model, prompt: req.prompt, given: req.given}); f != nil {
		rep = f.spoil(rep)
	}
	rep.wait += s.latency(x.call.Seq)
	return rep
}

// readEmbedRequest reads a body as strictly as the service does. With a refusal
// it returns what it could read.
func readEmbedRequest(raw string) (req embedRequest, bad *apiError) {
	if !utf8.ValidString(raw) || !gjson.Valid(raw) || !gjson.Parse(raw).IsObject() {
		return req, badJSON()
	}
	gjson.Parse(raw).ForEach(func(key, value gjson.Result) bool {
		if err := req.set(key.Str, value); err != nil && bad == nil {
			bad = err
		}
		return true // the model and inputs are worth having for the log
	})
	for _, name := range []string{"model", "input"} {
		if bad == nil && !req.has(name) {
			bad = badRequest("missing_required_parameter", name, "Missing required parameter: '%s'.", name)
		}
	}
	if bad == nil && req.tokens > maxCallTokens {
		bad = badRequest("max_tokens_per_request", "", "Requested %d tokens, max %d tokens per request", req.tokens, maxCallTokens)
		bad.kind = bad.code
	}
	return req, bad
}

// set takes over one parameter.
func (req *embedRequest) set(name string, value gjson.Result) *apiError {
	if !slices.Contains([]string{"input", "model", "encoding_format", "dimensions", "user"}, name) {
		return badRequest("", "", "Unrecognized request argument supplied: %s", name)
	}
	if value.Type == gjson.Null {
		return nil
	}
	req.given = append(req.given, name)
	switch name {
	case "model":
		if value.Type != gjson.String || value.Str == "" {
			return wrongType(name, "a model's name", value)
		}
		req.model = value.Str
	case "input":
		return req.setInput(value)
	case "dimensions":
		if value.Type != gjson.Number || value.Num != math.Trunc(value.Num) || value.Num < 1 {
			return wrongType(name, "an integer from 1", value)
		}
		req.dimensions = int(min(value.Num, math.MaxInt32))
	case "encoding_format":
		if value.Str != "float" && value.Str != "base64" {
			return badRequest("invalid_value", name, "Invalid value: '%s'. Supported values are: 'float' and 'base64'.", value.String())
		}
		req.base64 = value.Str == "base64"
	}
	return nil
}

func (req *embedRequest) setInput(value gjson.Result) *apiError {
	inputs := []gjson.Result{value}
	if value.IsArray() {
		inputs = value.Array()
	}
	if n := len(inputs); n == 0 || n > maxInputs {
		return badRequest("invalid_value", "input", "Invalid 'input': expected an array of 1 to %d inputs, but got %d.", maxInputs, n)
	}
	for _, input := range inputs {
		n := tokens(len(input.Str))
		switch {
		case input.Type == gjson.Number || input.IsArray():
			return notSimulated("input")
		case input.Type != gjson.String:
			return wrongType("input", "a string or an array of strings", input)
		case input.Str == "":
			return badRequest("invalid_value", "input", "Invalid 'input': an input can't be an empty string.")
		case n > maxInputTokens:
			return badRequest("context_length_exceeded", "input",
				"This model's maximum context length is %d tokens, however you requested %d tokens.", maxInputTokens, n)
		}
		req.inputs = append(req.inputs, input.Str)
		req.tokens += n
	}
	req.prompt, req.hasPrompt = strings.Join(req.inputs, "\n"), true
	return nil
}

// checkEmbedModel refuses what the model can't do, and sets the dimensions.
func (s *Server) checkEmbedModel(req *embedRequest) *apiError {
	if !s.exists(req.model) {
		return unknownModel(req.model)
	}
	if isChat(req.model) || isLegacy(req.model) {
		return &apiError{status: http.StatusForbidden, message: "You are not allowed to generate embeddings from this model."}
	}
	for _, name := range s.opt.Unsupported {
		if slices.Contains(req.given, name) {
			return unsupportedParameter(name, "")
		}
	}
	own := 1536
	if req.model == "text-embedding-3-large" {
		own = 3072
	}
	if req.dimensions > own {
		return badRequest("invalid_value", "dimensions",
			"Invalid value for 'dimensions' = %d. Must be less than or equal to %d.", req.dimensions, own)
	}
	orDefault(&req.dimensions, own)
	return nil
}

// answer puts the vectors into the endpoint's form.
func (req *embedRequest) answer() []byte {
	b := append(make([]byte, 0, len(req.inputs)*(req.dimensions*6+64)), `{"object":"list","data":[`...)
	v := make([]float32, req.dimensions)
	var coded []byte
	for i, input := range req.inputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"object":"embedding","index":`...)
		b = append(strconv.AppendInt(b, int64(i), 10), `,"embedding":`...)
		embedText(v, input)
		if req.base64 {
			coded = coded[:0]
			for _, x := range v {
				coded = binary.LittleEndian.AppendUint32(coded, math.Float32bits(x))
			}
			b = append(base64.StdEncoding.AppendEncode(append(b, '"'), coded), `"}`...)
			continue
		}
		b = append(b, '[')
		for d, x := range v {
			if d > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendFloat(b, float64(x), 'g', -1, 32)
		}
		b = append(b, "]}"...)
	}
	b = append(b, `],"model":`...)
	b = gjson.AppendJSONString(b, req.model)
	b = append(b, `,"usage":{"prompt_tokens":`...)
	b = strconv.AppendInt(b, int64(req.tokens), 10)
	b = append(b, `,"total_tokens":`...)
	return append(strconv.AppendInt(b, int64(req.tokens), 10), "}}\n"...)
}

// What the features of a text weigh. The one that all texts share gives the text
// that is all white space a direction.
const (
	wordWeight    = 1
	trigramWeight = 0.3
	sharedWeight  = 0.05
)

// embedText sets v to the text's vector, of length 1: the words without their
// case, and the trigrams of their characters, each added to the dimension, and
// with the sign, that its hash says.
func embedText(v []float32, text string) {
	clear(v)
	add := func(feature string, weight float32) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(feature))
		sum := h.Sum64()
		if sum>>63 == 1 {
			weight = -weight
		}
		v[sum%uint64(len(v))] += weight
	}
	add("", sharedWeight)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		add(word, wordWeight)
		runes := []rune("^" + word + "$")
		for i := range len(runes) - 2 {
			add(string(runes[i:i+3]), trigramWeight)
		}
	}
	var squares float64
	for _, x := range v {
		squares += float64(x) * float64(x)
	}
	if squares == 0 { // the features cancelled each other out
		v[0], squares = 1, 1
	}
	length := float32(math.Sqrt(squares))
	for i := range v {
		v[i] /= length
	}
}
