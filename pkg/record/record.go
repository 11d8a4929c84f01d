// Package record is the line format that the programs talk: prompt records in,
// result records out, one JSON object a line, UTF-8, no header line.
//
// doc/formats.md describes the fields for users. Fields that this version does
// not know are kept in Extra and written back untouched. A line without "v", or
// with a "v" other than [Version], is refused.
package record

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Version is the "v" of every line.
const Version = 1

// A Prompt asks one question: which entities of Label stand in Context.
type Prompt struct {
	ID       string // see [NewID]
	Index    int    // row in the source file, from 0
	Total    int    // rows in the source file; 0 when not known
	Label    string // the label asked for; may be empty
	Context  string // the sentence; may be empty
	Text     string // what to send: the field "prompt"
	Quoted   []byte // Text between the quotes of a JSON string, if known; else nil
	Examples []int  // training rows shown, in the order they are shown

	// ResponseFormat is the form of answer to demand of the service: a JSON object
	// on one line, sent as it stands. Empty demands none.
	ResponseFormat string

	Extra Extra
}

// A Result is the answer to one prompt, or the reason why there is none.
type Result struct {
	ID           string
	Index        int
	Total        int // 0 when not known
	Label        string
	Context      string
	Output       string   // the model's answer exactly as it came; only where Failure is nil
	Failure      *Failure // the field "error"; nil for a good answer
	Partial      string   // what the model did say, where a Failure stands instead of Output
	Request      string   // digest of what was asked, see package wire
	Model        string   // as the service named it
	FinishReason string
	Usage        Usage
	Attempts     int
	Latency      time.Duration // of the last attempt; written in whole milliseconds
	BatchID      string
	Extra        Extra
}

// OK reports whether r carries a good answer.
func (r *Result) OK() bool { return r.Failure == nil }

// Usage counts tokens as the service billed them. The zero value means unknown.
type Usage struct {
	Prompt     int // all prompt tokens, cached ones included
	Completion int // all completion tokens, reasoning ones included
	Cached     int
	Reasoning  int
}

// Add adds v to u.
func (u *Usage) Add(v Usage) {
	u.Prompt += v.Prompt
	u.Completion += v.Completion
	u.Cached += v.Cached
	u.Reasoning += v.Reasoning
}

// Failure is why a row has no good answer.
type Failure struct {
	Class   Class
	Status  int    // HTTP status; 0 when there was none
	Code    string // the service's own code; may be empty
	Message string
}

// Class names a kind of failure. The set may grow; a reader must accept a class
// it does not know.
type Class string

// The classes that the programs give.
const (
	Auth          Class = "auth"           // key refused
	Model         Class = "model"          // unknown model, or not for this endpoint
	Quota         Class = "quota"          // no credit left
	RateLimit     Class = "rate_limit"     // refused because there were too many calls
	Server        Class = "server"         // 5xx, 408 or 409 after the last retry
	Network       Class = "network"        // no whole answer came over the wire
	Timeout       Class = "timeout"        // no answer in time
	Invalid       Class = "invalid"        // the service refused the request
	ContextLength Class = "context_length" // the prompt is longer than the model takes
	Length        Class = "length"         // the answer was cut off
	Incomplete    Class = "incomplete"     // the answer ended for another reason than being complete
	Filtered      Class = "filtered"       // stopped by the content filter
	Refused       Class = "refused"        // the model declined to answer
	Empty         Class = "empty"          // an answer without text
	Malformed     Class = "malformed"      // an answer that is not the API's JSON
	Expired       Class = "expired"        // the batch ran out of time
	Cancelled     Class = "cancelled"      // the batch was cancelled
	Missing       Class = "missing"        // no answer seen
)

// NewID makes the id of a row: "<source>/<index>/<digest>", ASCII, at most 64
// bytes, so that it can be a Batch API custom_id. The digest is the first 12
// hex digits of the SHA-256 of the prompt.
func NewID(source string, index int, prompt []byte) string {
	sum := sha256.Sum256(prompt)
	var b [64]byte
	id := append(b[:0], SourceName(source)...)
	id = append(id, '/')
	id = strconv.AppendInt(id, int64(index), 10)
	id = append(id, '/')
	id = hex.AppendEncode(id, sum[:6])
	return string(id)
}

// maxSource leaves room in 64 bytes for two slashes, 12 hex digits and an index
// of up to 10 digits.
const maxSource = 40

// SourceName turns a file name into the source part of an id: bytes other than
// ASCII letters, digits, '.', '_' and '-' become '_', and a name that this
// changes or that is too long ends in 8 hex digits of its own SHA-256, so that
// two names stay two sources. It returns its own results unchanged.
func SourceName(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '_'
	}, name)
	if clean == name && clean != "" && len(clean) <= maxSource {
		return clean
	}
	sum := sha256.Sum256([]byte(name))
	clean = clean[:min(len(clean), maxSource-9)]
	return clean + "-" + hex.EncodeToString(sum[:4])
}

// ParseID takes an id of [NewID] apart. For an id that another tool made, ok is
// false, source is what stands before the number at its end, and index is that
// number, or -1 where there is none.
func ParseID(id string) (source string, index int, digest string, ok bool) {
	if i := strings.LastIndexByte(id, '/'); i > 0 {
		if j := strings.LastIndexByte(id[:i], '/'); j > 0 {
			n, err := strconv.ParseUint(id[j+1:i], 10, 31)
			if err == nil && isDigest(id[i+1:]) {
				return id[:j], int(n), id[i+1:], true
			}
		}
	}
	end := len(id)
	for end > 0 && id[end-1] >= '0' && id[end-1] <= '9' {
		end--
	}
	n, err := strconv.ParseUint(id[end:], 10, 31)
	if err != nil {
		return id, -1, "", false
	}
	return id[:end], int(n), "", false
}

func isDigest(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
