package wire

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"

	"nertools/pkg/english"
	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// Embed is the embeddings endpoint; see [Chat].
const Embed = "embeddings"

// AppendEmbed appends the request body for the embeddings of texts, none of which may be
// empty. dimensions is the length of the vectors; 0 leaves it to the model. The body asks
// for base64, since decimal floats are three times as long and much slower to parse;
// [ParseEmbeddings] accepts both.
func AppendEmbed(dst []byte, model string, dimensions int, texts []string) []byte {
	dst = record.AppendString(append(dst, `{"model":`...), model)
	if dimensions > 0 {
		dst = strconv.AppendInt(append(dst, `,"dimensions":`...), int64(dimensions), 10)
	}
	dst = append(dst, `,"encoding_format":"base64","input":[`...)
	for i, text := range texts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = record.AppendString(dst, text)
	}
	return append(dst, ']', '}')
}

// ParseEmbeddings parses the body of a response with status 200 to a request with n
// texts. It returns the vectors in the order of the texts; they all have the same length
// and contain only finite numbers. The error is an [*Error].
func ParseEmbeddings(body []byte, n int) ([][]float32, record.Usage, error) {
	vectors, usage, err := parseEmbeddings(body, n)
	if _, ok := errors.AsType[*Error](err); err != nil && !ok {
		err = malformed(err.Error())
	}
	return vectors, usage, err
}

func parseEmbeddings(body []byte, n int) ([][]float32, record.Usage, error) {
	if event, ok := firstEvent(body); ok {
		body = event
	}
	if !record.ValidJSON(body) {
		return nil, record.Usage{}, noJSON(body)
	}
	v := gjson.Parse(unsafe.String(unsafe.SliceData(body), len(body))) // a copy would be as large; nothing returned points into it
	if err := answeredError(v, "data"); err != nil {
		return nil, record.Usage{}, err
	}
	data := v.Get("data")
	if !data.IsArray() {
		return nil, record.Usage{}, errors.New(`no "data" in the answer: ` + safetext.Code(v.Raw))
	}
	vectors := make([][]float32, n)
	dim, found := 0, 0
	var err error
	data.ForEach(func(_, item gjson.Result) bool {
		var index, embedding gjson.Result
		item.ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "index":
				index = value
			case "embedding":
				embedding = value
			}
			return true
		})
		i := index.Num
		if index.Type != gjson.Number || !(i >= 0 && i < float64(n)) || i != math.Trunc(i) || vectors[int(i)] != nil {
			err = fmt.Errorf("index %.20s in the answer to %s", index.Raw, english.Count(n, "text"))
			return false
		}
		var vector []float32
		if vector, err = parseVector(embedding, dim); err != nil {
			return false
		}
		if dim == 0 {
			dim = len(vector)
		}
		if len(vector) != dim {
			err = fmt.Errorf("vectors of different lengths, %d and %d, in the answer", dim, len(vector))
			return false
		}
		vectors[int(i)] = vector
		found++
		return true
	})
	if err == nil && found < n {
		err = fmt.Errorf("vectors for %d of %s in the answer", found, english.Count(n, "text"))
	}
	if err != nil {
		return nil, record.Usage{}, err
	}
	return vectors, parseUsage(v.Get("usage")), nil
}

// parseVector parses a vector of about size numbers: a JSON array, or the base64 of
// little-endian 32-bit floats.
func parseVector(v gjson.Result, size int) ([]float32, error) {
	vector := make([]float32, 0, size)
	switch {
	case v.Type == gjson.String:
		raw, err := base64.StdEncoding.DecodeString(v.Str)
		if err != nil || len(raw)%4 != 0 {
			return nil, errors.New("a vector that is not base64-encoded floats")
		}
		for i := 0; i < len(raw); i += 4 {
			x := math.Float32frombits(binary.LittleEndian.Uint32(raw[i:]))
			if x-x != 0 { // infinite or NaN
				return nil, errors.New("a vector with a value that is not a number")
			}
			vector = append(vector, x)
		}
	case v.IsArray():
		for digits := range strings.SplitSeq(v.Raw[1:len(v.Raw)-1], ",") {
			x, err := strconv.ParseFloat(strings.TrimSpace(digits), 32)
			if err != nil {
				return nil, fmt.Errorf("a vector with %.20q in it", digits)
			}
			vector = append(vector, float32(x))
		}
	}
	if len(vector) == 0 {
		return nil, errors.New("an empty vector in the answer")
	}
	return vector, nil
}
