package openaitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// work does a batch's rows up to the upto-th in its order.
func (s *Server) work(b *simBatch, upto int) error {
	if upto <= b.Done {
		return nil
	}
	return s.eachRow(b, upto, func(row int, l batchLine, r *resultFiles) error {
		return s.doRow(b, row, l, r)
	})
}

// giveUpRest writes the error lines of the rows that a batch leaves undone. They
// count neither as completed nor as failed.
func (s *Server) giveUpRest(b *simBatch, status string) error {
	code, message := "batch_expired", "This request could not be executed before the completion window expired."
	if status != expired {
		code, message = "batch_cancelled", "This request was not executed because the batch was cancelled."
	}
	if b.Done == b.Total {
		return nil
	}
	return s.eachRow(b, b.Total, func(row int, l batchLine, r *resultFiles) error {
		line := appendRowHead(nil, b, row, l)
		line = append(line, `null,"error":{"code":"`...)
		line = append(line, code...)
		line = append(line, `","message":"`...)
		line = append(line, message...)
		_, err := r.failures.Write(append(line, "\"}}\n"...))
		return err
	})
}

// results takes what rows come to.
type resultFiles struct {
	output, failures *blobWriter
	bills            []Bill
}

// eachRow calls do for every row from the next one to the upto-th, and then notes
// what they came to: the contents first, and then how much of them counts.
func (s *Server) eachRow(b *simBatch, upto int, do func(row int, l batchLine, r *resultFiles) error) (err error) {
	input, err := b.input.open()
	if err != nil {
		return err
	}
	defer input.Close()
	before, noted := *b, false
	defer func() {
		if !noted { // out of an error or a panic: as if no row had been looked at
			*b = before
			b.output.size, b.failures.size = b.OutputSize, b.ErrorSize
		}
	}()
	var r resultFiles
	if r.output, err = b.output.append(); err != nil {
		return err
	}
	if r.failures, err = b.failures.append(); err != nil {
		return errors.Join(err, r.output.Close())
	}
	for ; b.Done < upto && err == nil; b.Done++ {
		row := b.order[b.Done]
		start, end := b.starts[row], b.input.size
		if row+1 < len(b.starts) {
			end = b.starts[row+1]
		}
		line := make([]byte, end-start)
		if _, err = input.ReadAt(line, start); err == nil {
			l, _ := parseBatchLine(string(trimBreak(line)))
			err = do(row, l, &r)
		}
	}
	if err = errors.Join(err, r.output.Close(), r.failures.Close()); err != nil {
		return err
	}
	if err = s.noteResults(b, &r); err != nil {
		return err
	}
	noted = true
	return nil
}

func (s *Server) noteResults(b *simBatch, r *resultFiles) error {
	b.OutputSize, b.ErrorSize = b.output.size, b.failures.size
	if b.bills != nil && len(r.bills) > 0 {
		b.bills.size = b.BillSize
		w, err := b.bills.append()
		if err != nil {
			return err
		}
		out := json.NewEncoder(w)
		for _, bill := range r.bills {
			err = errors.Join(err, out.Encode(bill))
		}
		if err = errors.Join(err, w.Close()); err != nil {
			return err
		}
		b.BillSize = b.bills.size
	}
	if err := s.jobs.saveBatch(b); err != nil {
		return err
	}
	s.bills.add(r.bills)
	return nil
}

// doRow answers one row of a batch.
func (s *Server) doRow(b *simBatch, row int, l batchLine, r *resultFiles) error {
	switch {
	case b.Done < b.Effects.StatusZero:
		b.Succeeded++
		line := appendRowHead(nil, b, row, l)
		_, err := r.output.Write(append(line, `{"status_code":0,"request_id":"","body":null},"error":null}`+"\n"...))
		return err
	case b.Done < b.Effects.StatusZero+b.Effects.Missing:
		b.Succeeded++
		return nil
	}
	status, body, bill := s.answerRow(b, row, l)
	line := appendRowHead(make([]byte, 0, len(body)+256), b, row, l)
	line = append(line, `{"status_code":`...)
	line = strconv.AppendInt(line, int64(status), 10)
	line = append(line, `,"request_id":"`...)
	line = append(line, rowNumber("req_simulated_", b, row)...)
	line = append(line, `","body":`...)
	line = append(line, body...)
	line = append(line, "},\"error\":null}\n"...)
	if status == http.StatusOK {
		b.Succeeded++
	} else {
		b.NoSuccess++
	}
	if bill != nil {
		b.InputTokens += bill.InputTokens
		b.OutputTokens += bill.OutputTokens
		r.bills = append(r.bills, *bill)
	}
	to := r.output
	if status != http.StatusOK && !s.opt.BadRowsInOutput {
		to = r.failures
	}
	if e := b.Effects; b.Done >= e.DamageFrom && b.Done < e.DamageFrom+e.DamageRows {
		line = damages[e.Damage](line)
	}
	_, err := to.Write(line)
	return err
}

// answerRow answers a row as the same call would be. An error costs nothing.
func (s *Server) answerRow(b *simBatch, row int, l batchLine) (status int, body []byte, bill *Bill) {
	api, _ := batchEndpoint(b.Endpoint)
	req, bad := readRequest(l.body.Raw, api)
	if bad == nil {
		bad = s.checkModel(req, api)
	}
	if b.Effects.AllFailed {
		bad = badRequest(orElse(b.Effects.RowCode, "invalid_request"), "", "%s",
			orElse(b.Effects.RowMessage, "The request failed as its simulation was told."))
	}
	if bad != nil {
		return bad.status, oneLine(bad.reply().body), nil
	}
	f := s.script.hit(attempt{
		subject: aRow, op: api.op, path: api.path, model: req.model, prompt: req.prompt, given: req.given, api: api,
	})
	if f != nil && f.isError() {
		rep := f.errorReply()
		return rep.status, oneLine(rep.body), nil
	}
	c := s.makeCompletion(req, b.Seq*1_000_000+int64(row), f)
	return http.StatusOK, oneLine(c.append(api)), &Bill{
		PromptSHA:    promptSHA(req.prompt),
		BatchID:      b.ID,
		CustomID:     strings.Clone(l.customID.Str), // or it would keep the whole line
		InputTokens:  c.promptTokens,
		OutputTokens: c.answerTokens(),
	}
}

// appendRowHead begins a result's line, up to where the response is to follow.
func appendRowHead(line []byte, b *simBatch, row int, l batchLine) []byte {
	line = append(line, `{"id":"`...)
	line = append(line, rowNumber("batch_req_simulated_", b, row)...)
	line = append(line, `","custom_id":`...)
	line = gjson.AppendJSONString(line, l.customID.Str)
	return append(line, `,"response":`...)
}

func rowNumber(prefix string, b *simBatch, row int) string {
	return fmt.Sprintf("%s%d_%d", prefix, b.Seq, row+1)
}

// oneLine puts a body into the form in which it fits a line. What isn't JSON, as
// a fault's body may not be, becomes a string.
func oneLine(body []byte) []byte {
	if !bytes.ContainsRune(bytes.TrimSpace(body), '\n') && json.Valid(body) {
		return bytes.TrimSpace(body)
	}
	var b bytes.Buffer
	if json.Compact(&b, body) == nil {
		return b.Bytes()
	}
	return gjson.AppendJSONString(nil, string(body))
}
