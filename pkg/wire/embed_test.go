package wire_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

func TestEmbeddingsAreAskedForAsBase64(t *testing.T) {
	got := string(wire.AppendEmbed([]byte("before"), "m", 0, []string{"a \"b\"\n", "<é>"}))
	if want := `before{"model":"m","encoding_format":"base64","input":["a \"b\"\n","<é>"]}`; got != want {
		t.Errorf("got %s", got)
	}
	got = string(wire.AppendEmbed(nil, "m", 256, []string{"a"}))
	if want := `{"model":"m","dimensions":256,"encoding_format":"base64","input":["a"]}`; got != want {
		t.Errorf("got %s", got)
	}
}

// coded is a vector as base64.
func coded(vector ...float32) string {
	var b []byte
	for _, x := range vector {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return `"` + base64.StdEncoding.EncodeToString(b) + `"`
}

// digits is a vector as an array.
func digits(vector ...float32) string {
	return strings.ReplaceAll(fmt.Sprint(vector), " ", ",")
}

// embeddings is an answer with the vectors, the last one first.
func embeddings(vectors ...string) []byte {
	b := []byte(`{"object":"list","data":[`)
	for i := len(vectors) - 1; i >= 0; i-- {
		b = fmt.Appendf(b, `{"object":"embedding","index":%d,"embedding":%s},`, i, vectors[i])
	}
	return append(b[:len(b)-1], `],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}`...)
}

func TestVectorsComeInTheOrderOfTheirTextsInEitherEncoding(t *testing.T) {
	want := [][]float32{{0.1, -2e-7, 3}, {1, 0, -1.5e30}}
	for name, body := range map[string][]byte{
		"base64": embeddings(coded(want[0]...), coded(want[1]...)),
		"floats": embeddings(digits(want[0]...), digits(want[1]...)),
		"both":   embeddings(" [ 0.1 ,-2E-7, 3.0 ] ", coded(want[1]...)),
		"escapes": []byte(strings.ReplaceAll(`{"data":[{"index":1,"embedding":`+coded(want[1]...)+`},{"embedding":`+coded(want[0]...)+`,"index":0}],"usage":{"prompt_tokens":7}}`,
			"/", `\/`)),
	} {
		got, usage, err := wire.ParseEmbeddings(body, 2)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if (usage != record.Usage{Prompt: 7}) {
			t.Errorf("%s: usage %+v", name, usage)
		}
	}
}

func TestAnswerThatIsNotAVectorForEachTextIsRefused(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct{ body, want string }{
		{``, "empty"},
		{`[]`, `no "data" in the answer: []`},
		{string(embeddings("[1]", "[2]")[:80]), "cut off"},
		{`{}`, `no "data"`},
		{`{"data":{}}`, `no "data"`},
		{`{"data":[]}`, "0 of 2 texts"},
		{string(embeddings("[1]")), "1 of 2 texts"},
		{string(embeddings("[1]", "[2]", "[3]")), "index 2"},
		{`{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`, "index 0"},
		{`{"data":[{"index":-1,"embedding":[1]}]}`, "index -1"},
		{`{"data":[{"index":0.5,"embedding":[1]}]}`, "index 0.5"},
		{`{"data":[{"embedding":[1]}]}`, "index "},
		{`{"data":[7]}`, "index "},
		{string(embeddings("[1,2]", "[1]")), "of different lengths, 1 and 2"},
		{string(embeddings("[1]", "[1,2]")), "of different lengths, 2 and 1"},
		{string(embeddings("[]", "[1]")), `with "" in it`},
		{string(embeddings(`""`, "[1]")), "empty vector"},
		{string(embeddings("null", "[1]")), "empty vector"},
		{string(embeddings("[1,null]", "[1]")), `"null"`},
		{string(embeddings("[1,[2]]", "[1]")), `"[2]"`},
		{string(embeddings("[1e39]", "[1]")), `"1e39"`},
		{string(embeddings(`"AAAA!"`, "[1]")), "not base64-encoded"},
		{string(embeddings(`"AAAA"`, "[1]")), "not base64-encoded"},
		{string(embeddings(coded(nan), "[1]")), "a value that is not a number"},
		{string(embeddings(coded(inf), "[1]")), "a value that is not a number"},
		{`{"error":{"message":"busy","code":503}}`, "busy"},
	} {
		_, _, err := wire.ParseEmbeddings([]byte(c.body), 2)
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || !strings.Contains(e.Message, c.want) || !e.Passing() {
			t.Errorf("%s: got %v, want %q", c.body, err, c.want)
		}
	}
}

func FuzzParseEmbeddings(f *testing.F) {
	f.Add(embeddings("[1,2.5]", coded(1, 2)), 2)
	f.Add(embeddings("[1e38]"), 1)
	f.Add([]byte(`{"data":[{"index":0,"embedding":[1],"embedding":"AAAA"}]}`), 1)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		n = min(max(n, 0), 8)
		vectors, _, err := wire.ParseEmbeddings(body, n)
		if err != nil {
			if _, ok := errors.AsType[*wire.Error](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if len(vectors) != n {
			t.Fatalf("%d vectors", len(vectors))
		}
		for _, v := range vectors {
			if len(v) == 0 || len(v) != len(vectors[0]) {
				t.Errorf("vectors of %d and %d numbers", len(vectors[0]), len(v))
			}
			for _, x := range v {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					t.Errorf("%v", x)
				}
			}
		}
	})
}

func BenchmarkParseEmbeddings(b *testing.B) {
	const texts, dimensions = 2048, 1536
	vector := make([]float32, dimensions)
	for i := range vector {
		vector[i] = float32(math.Sin(float64(i))) / 40
	}
	for name, one := range map[string]string{"base64": coded(vector...), "floats": digits(vector...)} {
		all := make([]string, texts)
		for i := range all {
			all[i] = one
		}
		body := embeddings(all...)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := wire.ParseEmbeddings(body, texts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
