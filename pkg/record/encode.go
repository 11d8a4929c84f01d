package record

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// AppendPrompt appends p as one line, including the newline.
func AppendPrompt(dst []byte, p *Prompt) []byte {
	dst = appendHead(dst, "prompt", p.ID, p.Index, p.Total)
	dst = appendText(dst, "label", p.Label)
	dst = appendTexts(dst, "labels", p.Labels)
	dst = appendText(dst, "context", p.Context)
	dst = p.Origin.append(dst)
	dst = append(dst, `,"prompt":`...)
	if p.Quoted != nil {
		dst = append(append(append(dst, '"'), p.Quoted...), '"')
	} else {
		dst = AppendString(dst, p.Text)
	}
	dst = append(dst, `,"examples":[`...)
	for i, n := range p.Examples {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
	}
	dst = append(dst, ']')
	if p.ResponseFormat != "" {
		dst = append(append(dst, `,"response_format":`...), p.ResponseFormat...)
	}
	dst = p.Extra.append(dst)
	return append(dst, '}', '\n')
}

// ResultBegin is the beginning of every line that [AppendResult] writes.
const ResultBegin = `{"kind":"result","v":1,"id":`

// AppendResult appends r as one line, including the newline.
func AppendResult(dst []byte, r *Result) []byte {
	dst = appendHead(dst, "result", r.ID, r.Index, r.Total)
	dst = appendText(dst, "label", r.Label)
	dst = appendTexts(dst, "labels", r.Labels)
	dst = appendText(dst, "context", r.Context)
	dst = r.Origin.append(dst)
	if f := r.Failure; f == nil {
		dst = append(dst, `,"output":`...)
		dst = AppendString(dst, r.Output)
	} else {
		dst = append(dst, `,"error":{"class":`...)
		dst = AppendString(dst, string(f.Class))
		dst = appendCount(dst, "status", f.Status)
		dst = appendText(dst, "code", f.Code)
		dst = append(dst, `,"message":`...)
		dst = AppendString(dst, f.Message)
		dst = append(dst, '}')
		dst = appendText(dst, "partial", r.Partial)
	}
	dst = appendText(dst, "request", r.Request)
	dst = appendText(dst, "model", r.Model)
	dst = appendText(dst, "finish_reason", r.FinishReason)
	if u := r.Usage; u != (Usage{}) {
		dst = append(dst, `,"usage":{"prompt_tokens":`...)
		dst = strconv.AppendInt(dst, int64(u.Prompt), 10)
		dst = append(dst, `,"completion_tokens":`...)
		dst = strconv.AppendInt(dst, int64(u.Completion), 10)
		dst = appendCount(dst, "cached_tokens", u.Cached)
		dst = appendCount(dst, "cache_write_tokens", u.CacheWrite)
		dst = appendCount(dst, "reasoning_tokens", u.Reasoning)
		dst = append(dst, '}')
	}
	dst = appendCount(dst, "attempts", r.Attempts)
	dst = appendCount(dst, "latency_ms", int(r.Latency.Milliseconds()))
	dst = appendText(dst, "batch_id", r.BatchID)
	dst = r.Extra.append(dst)
	return append(dst, '}', '\n')
}

func appendHead(dst []byte, kind, id string, index, total int) []byte {
	dst = append(dst, `{"kind":"`...)
	dst = append(dst, kind...)
	dst = append(dst, `","v":1,"id":`...)
	dst = AppendString(dst, id)
	dst = append(dst, `,"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	return appendCount(dst, "total", total)
}

func (o *Origin) append(dst []byte) []byte {
	dst = appendText(dst, "sentence", o.Sentence)
	dst = appendText(dst, "form", o.Form)
	dst = appendText(dst, "document", o.Document)
	if (o.Document == "" || o.Form == "") && o.Chars == 0 && o.Bytes == 0 {
		return dst // a document that another tool named
	}
	dst = strconv.AppendInt(append(dst, `,"offset":`...), int64(o.Chars), 10)
	return strconv.AppendInt(append(dst, `,"offset_bytes":`...), int64(o.Bytes), 10)
}

// appendText, appendTexts and appendCount omit the member if its value is unknown.
func appendText(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, key...)
	dst = append(dst, '"', ':')
	return AppendString(dst, value)
}

func appendTexts(dst []byte, key string, values []string) []byte {
	if len(values) == 0 {
		return dst
	}
	dst = append(append(append(dst, ',', '"'), key...), '"', ':')
	sep := byte('[')
	for _, value := range values {
		dst = AppendString(append(dst, sep), value)
		sep = ','
	}
	return append(dst, ']')
}

func appendCount(dst []byte, key string, n int) []byte {
	if n == 0 {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, key...)
	dst = append(dst, '"', ':')
	return strconv.AppendInt(dst, int64(n), 10)
}

const (
	low7  = 0x7f7f7f7f7f7f7f7f
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain8 reports whether all 8 bytes of w can be copied into a JSON string unchanged:
// none is below space, a quote, a backslash, or beyond ASCII.
func plain8(w uint64) bool {
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	bad := (w - ones*0x20) | (quote - ones) | (slash - ones) | w
	return bad&highs == 0
}

// AppendString appends s as a JSON string. It escapes only what JSON requires ('<', '&'
// and U+2028 are not escaped). Bytes that are not UTF-8 become U+FFFD.
func AppendString[T string | []byte](dst []byte, s T) []byte {
	return append(AppendEscaped(append(dst, '"'), s), '"')
}

// AppendEscaped appends s as [AppendString] does, but without the quotes.
func AppendEscaped[T string | []byte](dst []byte, s T) []byte {
	const hexDigits = "0123456789abcdef"
	start, i := 0, 0
	for i < len(s) {
		if i+8 <= len(s) {
			w := binary.LittleEndian.Uint64([]byte(s[i : i+8]))
			if plain8(w) {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(special8(w)|w&highs) / 8
		}
		for i < len(s) && s[i] >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, s[start:i]...)
				dst = append(dst, "\ufffd"...)
				start = i + 1
			}
			i += size
		}
		if i == len(s) {
			break
		}
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(dst, s[start:]...)
}
