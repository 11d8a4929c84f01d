// Package record defines the lines that the programs exchange: prompt records, result
// records and job records, one JSON object per line, in UTF-8, without a header line.
//
// doc/formats.md describes the fields for users. Fields that this version does not know
// are kept in Extra and written back unchanged. A line without "v", or with a "v" other
// than [Version], is rejected.
package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"nertools/pkg/english"
)

// Version is the value of "v" in every line.
const Version = 1

// TextForm is the value of "form" in rows and records of text rows: sentences as people
// write them, in which spans count code points. Other rows have no form.
const TextForm = "text"

// A Position is where a sentence begins in the document that it is from. The zero value
// means that this is not known.
type Position struct {
	Document string // a path or an id
	Chars    int    // the field "offset": code points after a leading byte order mark
	Bytes    int    // the field "offset_bytes": bytes from the start of the file, with such a mark
}

// An Origin says which sentence a record is about. Each field may be empty.
type Origin struct {
	Sentence string // its id, unique in the source
	Form     string // [TextForm] for that of a text row
	Position        // of the sentence
}

// A Prompt asks one question about one sentence: which entities of Label, or of all of
// Labels, occur in Context? A question about several labels is one of the sentences of the
// source, see [SentenceSource]: what is said of rows below then applies to sentences.
type Prompt struct {
	ID       string   // see [NewID]
	Index    int      // row in the source file, from 0
	Total    int      // rows in the source file; 0 if unknown
	Label    string   // the label asked for; may be empty
	Labels   []string // the labels asked for by a question about all of them, in the order of the data set
	Context  string   // the sentence; may be empty
	Origin   Origin   // of the sentence
	Text     string   // the text to send: the field "prompt"
	Quoted   []byte   // Text as the inside of a JSON string, if known; otherwise nil
	Examples []int    // rows of the training set that are used as demonstrations, in prompt order

	// ResponseFormat is the response_format to request: a JSON object on one line, sent
	// unchanged. If empty, none is requested.
	ResponseFormat string

	Extra Extra
}

// A Result is the answer to one prompt, or the reason why it is missing.
type Result struct {
	ID           string
	Index        int
	Total        int // 0 if unknown
	Label        string
	Labels       []string
	Context      string
	Origin       Origin
	Output       string   // the model's answer, exactly as received; set only if Failure is nil
	Failure      *Failure // the field "error"; nil for a good answer
	Partial      string   // text that the model returned although the row failed
	Request      string   // digest of the request, see package wire
	Model        string   // as named by the service
	FinishReason string
	Usage        Usage
	Attempts     int
	Latency      time.Duration // of the last attempt; written in whole milliseconds
	BatchID      string
	Extra        Extra
}

// OK reports whether r has a good answer.
func (r *Result) OK() bool { return r.Failure == nil }

// Usage counts tokens as billed by the service. The zero value means unknown.
type Usage struct {
	Prompt     int // all prompt tokens, including cached ones
	Completion int // all completion tokens, including reasoning tokens
	Cached     int // prompt tokens found in the service's cache
	CacheWrite int // prompt tokens written to it
	Reasoning  int
}

// Add adds v to u.
func (u *Usage) Add(v Usage) {
	u.Prompt += v.Prompt
	u.Completion += v.Completion
	u.Cached += v.Cached
	u.CacheWrite += v.CacheWrite
	u.Reasoning += v.Reasoning
}

// String describes u in words: "700 tokens in (512 cached), 30 out (10 reasoning)".
func (u Usage) String() string {
	s := english.Count(u.Prompt, "token") + " in"
	switch {
	case u.Cached > 0 && u.CacheWrite > 0:
		s += fmt.Sprintf(" (%d cached, %d written to the cache)", u.Cached, u.CacheWrite)
	case u.Cached > 0:
		s += fmt.Sprintf(" (%d cached)", u.Cached)
	case u.CacheWrite > 0:
		s += fmt.Sprintf(" (%d written to the cache)", u.CacheWrite)
	}
	s += ", " + strconv.Itoa(u.Completion) + " out"
	if u.Reasoning > 0 {
		s += fmt.Sprintf(" (%d reasoning)", u.Reasoning)
	}
	return s
}

// Failure is the reason why a row has no good answer.
type Failure struct {
	Class   Class
	Status  int    // HTTP status; 0 if there was no response
	Code    string // the service's own code; may be empty
	Message string
}

// Class is a class of failures. More classes may be added; a reader must accept classes
// it does not know.
type Class string

// The classes that the programs write.
const (
	Auth          Class = "auth"           // key rejected
	Model         Class = "model"          // unknown model, or not available at this endpoint
	Quota         Class = "quota"          // no credit left
	RateLimit     Class = "rate_limit"     // rejected because there were too many calls
	Server        Class = "server"         // 5xx, 408 or 409 after the last retry
	Network       Class = "network"        // the connection failed before the whole answer arrived
	Timeout       Class = "timeout"        // no answer in time
	Invalid       Class = "invalid"        // the service rejected the request
	ContextLength Class = "context_length" // the prompt is longer than the model accepts
	Length        Class = "length"         // the answer was cut off
	Incomplete    Class = "incomplete"     // the answer is incomplete for another reason
	Filtered      Class = "filtered"       // stopped by the content filter
	Refused       Class = "refused"        // the model declined to answer
	Empty         Class = "empty"          // the answer contains no text
	Malformed     Class = "malformed"      // the answer is not the API's JSON
	Expired       Class = "expired"        // the batch expired
	Cancelled     Class = "cancelled"      // the batch was cancelled
	Missing       Class = "missing"        // no answer found
)

// NewID returns the id of a row: "<source>/<index>/<digest>", ASCII, at most 64 bytes, so
// that it can be used as a custom_id of the Batch API. The digest is the first 12 hex
// digits of the SHA-256 of the prompt.
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

// maxSource leaves room in 64 bytes for two slashes, 12 hex digits and an index of up to
// 10 digits.
const maxSource = 40

// SourceName turns a file name into the source part of an id. Bytes other than ASCII
// letters, digits, '.', '_' and '-' become '_'. If that changes the name, or the name is
// too long, 8 hex digits of the name's SHA-256 are appended, so that different names
// remain different sources. SourceName returns its own results unchanged.
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
	return shorten(clean, name, maxSource)
}

// shorten returns at most size bytes of clean, which end in a digest of name.
func shorten(clean, name string, size int) string {
	sum := sha256.Sum256([]byte(name))
	clean = clean[:min(len(clean), size-9)]
	return clean + "-" + hex.EncodeToString(sum[:4])
}

// ofSentences ends the source of questions about whole sentences.
const ofSentences = ".sentence"

// SentenceSource returns the source of the questions about the sentences of a source, as
// opposed to those about its rows. Its index counts sentences, in the order in which
// package mrc returns them.
func SentenceSource(name string) string { return derive(name, ofSentences) }

// IsSentenceSource reports whether source is a source of questions about sentences.
func IsSentenceSource(source string) bool {
	return len(source) > len(ofSentences) && strings.HasSuffix(source, ofSentences)
}

// VerifySource returns the source of the questions that verify answers of the source
// called name, see package verify.
func VerifySource(name string) string {
	source := SourceName(name)
	if rows, ok := strings.CutSuffix(source, ofSentences); ok && rows != "" {
		return derive(rows, ofSentences+ofVerification)
	}
	return SourceName(source + ofVerification)
}

// IsVerifySource reports whether source is a source of verification questions. Of a long
// name, that is known only if they verify answers about sentences.
func IsVerifySource(source string) bool { return strings.HasSuffix(source, ofVerification) }

// ofVerification ends the source of questions that verify answers.
const ofVerification = ".verify"

// derive returns a source name that ends in suffix, whatever the length of name.
func derive(name, suffix string) string {
	source := SourceName(name)
	if len(source)+len(suffix) > maxSource {
		source = shorten(source, source, maxSource-len(suffix))
	}
	return source + suffix
}

// ParseID splits an id made by [NewID]. For an id made by another tool, ok is false,
// index is the number at the end of the id, or -1 if absent, and source is the
// text before that number.
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
