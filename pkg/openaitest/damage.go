package openaitest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// damages are what can become of a line of a batch's results.
var damages = map[string]func(line []byte) []byte{
	"cut":   func(line []byte) []byte { return append(line[:len(line)/2], '\n') },
	"torn":  func(line []byte) []byte { return line[:len(line)/2] },
	"glued": func(line []byte) []byte { return bytes.TrimSuffix(line, []byte("\n")) },
	"page":  func([]byte) []byte { return []byte("<html><body><h1>502 Bad Gateway</h1></body></html>\n") },
	"no_id": func(line []byte) []byte {
		return bytes.Replace(line, []byte(`"custom_id"`), []byte(`"custom_name"`), 1)
	},
	"line_break": func(line []byte) []byte {
		return bytes.Replace(line, []byte(`"content":"`), []byte("\"content\":\"\n"), 1)
	},
	"bom":   func(line []byte) []byte { return append([]byte("\ufeff"), line...) },
	"crlf":  func(line []byte) []byte { return append(bytes.TrimSuffix(line, []byte("\n")), "\r\n"...) },
	"twice": func(line []byte) []byte { return append(bytes.Clone(line), line...) },
}

// Damages returns the texts of [BatchDamage].
func Damages() []string { return slices.Sorted(maps.Keys(damages)) }

// compress makes the body a gzip file.
func (rep *response) compress() {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	err := rep.write(z, 0, rep.length())
	if err == nil {
		err = z.Close()
	}
	rep.close()
	if rep.content = nil; err != nil {
		*rep = storageError(err).reply()
		return
	}
	rep.body = packed.Bytes()
}

// fileName is the name of the file that a call is about, "" for another call.
func (s *Server) fileName(op, id string) string {
	if op != opFile && op != opDownload && op != opDeleteFile {
		return ""
	}
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	if f := s.jobs.files[id]; f != nil {
		return f.Filename
	}
	return ""
}

// spell returns a batch as the service that is simulated spells it.
func (s *Server) spell(o batchObject) any {
	if !s.opt.LoudStatus && !s.opt.TextDates && s.opt.ErrorsAs == "" && !s.opt.Together {
		return o
	}
	text, err := json.Marshal(o)
	var m map[string]any
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return o
	}
	if s.opt.Together {
		delete(m, "metadata")
	}
	if s.opt.LoudStatus {
		if m["status"] = strings.ToUpper(o.Status); o.Status == inProgress {
			m["status"] = "PROGRESS"
		}
	}
	for key, value := range m {
		if seconds, ok := value.(float64); ok && s.opt.TextDates && strings.HasSuffix(key, "_at") {
			m[key] = time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
		}
	}
	if o.Errors != nil && len(o.Errors.Data) > 0 {
		switch s.opt.ErrorsAs {
		case "text":
			m["errors"] = o.Errors.Data[0].Message
		case "list":
			m["errors"] = o.Errors.Data
		case "object":
			m["errors"] = o.Errors.Data[0]
		}
	}
	return m
}
