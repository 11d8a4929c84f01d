package record

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// A Job is one part of an input as a batch that was submitted or is still to be
// submitted.
type Job struct {
	BatchID   string // "" until the batch is submitted
	Key       string // digest of the part; "" for batches created by other tools
	File      string // the part's local file; "" if unknown
	Part      int    // from 1
	Parts     int
	Round     int // from 2 if the part asks rows again that expired
	Source    string
	Total     int // rows in the source; 0 if unknown
	First     int // lowest and highest row requested
	Last      int
	Status    string // the service's status; "waiting" before the batch is submitted
	Requests  int
	Completed int
	Failed    int
	Created   time.Time
	Expires   time.Time
	Errors    []Problem
}

// A Problem is an error that the service reports for a batch as a whole.
type Problem struct {
	Code    string
	Line    int // in the input file, from 1; 0 if the problem is not in a single line
	Message string
	Param   string
}

// Error returns the code, the message and the parameter, as far as they are known.
func (p *Problem) Error() string {
	s := p.Message
	if p.Code != "" {
		s = strings.TrimSuffix(p.Code+": "+s, ": ")
	}
	if p.Param != "" {
		s += " (" + p.Param + ")"
	}
	return s
}

// AppendJob appends j as one line, including the newline.
func AppendJob(dst []byte, j *Job) []byte {
	dst = append(dst, `{"kind":"job","v":1`...)
	dst = appendText(dst, "batch_id", j.BatchID)
	dst = appendText(dst, "status", j.Status)
	dst = appendCount(dst, "part", j.Part)
	dst = appendCount(dst, "parts", j.Parts)
	dst = appendCount(dst, "round", j.Round)
	dst = appendText(dst, "source", j.Source)
	dst = appendCount(dst, "total", j.Total)
	dst = append(dst, `,"first":`...)
	dst = strconv.AppendInt(dst, int64(j.First), 10)
	dst = append(dst, `,"last":`...)
	dst = strconv.AppendInt(dst, int64(j.Last), 10)
	dst = append(dst, `,"requests":`...)
	dst = strconv.AppendInt(dst, int64(j.Requests), 10)
	if !j.Created.IsZero() { // otherwise the service has not been asked
		dst = append(dst, `,"completed":`...)
		dst = strconv.AppendInt(dst, int64(j.Completed), 10)
		dst = append(dst, `,"failed":`...)
		dst = strconv.AppendInt(dst, int64(j.Failed), 10)
	}
	dst = appendTime(dst, "created_at", j.Created)
	dst = appendTime(dst, "expires_at", j.Expires)
	if len(j.Errors) > 0 {
		dst = append(dst, `,"errors":[`...)
		for i, e := range j.Errors {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"message":`...)
			dst = AppendString(dst, e.Message)
			dst = appendText(dst, "code", e.Code)
			dst = appendCount(dst, "line", e.Line)
			dst = appendText(dst, "param", e.Param)
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	dst = appendText(dst, "file", j.File)
	dst = appendText(dst, "key", j.Key)
	return append(dst, '}', '\n')
}

func appendTime(dst []byte, key string, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	return appendText(dst, key, t.UTC().Format(time.RFC3339))
}

// ParseJob parses a job record, but only its status and the members that do not change
// during the life of a batch. BatchID is "" until the batch is submitted.
func ParseJob(line []byte) (j Job, err error) {
	_, err = parse(line, "job", func(key string, v gjson.Result) (known bool, err error) {
		switch key {
		case "batch_id":
			j.BatchID, err = text(v)
		case "status":
			j.Status, err = text(v)
		case "part":
			j.Part, err = count(v)
		case "parts":
			j.Parts, err = count(v)
		case "source":
			j.Source, err = text(v)
		case "total":
			j.Total, err = count(v)
		case "first":
			j.First = int(v.Int())
		case "last":
			j.Last = int(v.Int())
		case "requests":
			j.Requests, err = count(v)
		case "file":
			j.File, err = text(v)
		case "key":
			j.Key, err = text(v)
		}
		return true, err
	})
	return j, err
}

// ReadJobs reads job records, one per line. It reads the members that [ParseJob] reads.
func ReadJobs(name string, in io.Reader) (jobs []Job, err error) {
	lines := NewLines(name, in)
	for line, err := range lines.All() {
		if err != nil {
			return nil, err
		}
		job, err := ParseJob(line)
		if err != nil {
			return nil, lines.Fault(err, "these should be job records")
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}
