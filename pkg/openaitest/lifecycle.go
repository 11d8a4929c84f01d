package openaitest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// settle brings all batches to where they should be by now, one transition after
// the other in the order of their times: whether a batch finds room in the queue
// depends on which others have ended by then. It needs jobs.mu.
func (s *Server) settle() error {
	now := s.now()
	for {
		b, at := s.nextDue()
		if b == nil || at.After(now) {
			break
		}
		if err := s.step(b, at); err != nil {
			return err
		}
	}
	for _, b := range s.jobs.live {
		if b.Status == inProgress {
			if err := s.work(b, s.doneBy(b, now)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookAtBatches is settle for who only wants its effects.
func (s *Server) lookAtBatches() {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	_ = s.settle() // the next call tells of it
}

func (s *Server) advance(d time.Duration) error {
	if d < 0 {
		return errors.New("the clock can't go back")
	}
	s.jobs.clock.Advanced += d
	if s.jobs.dir != "" {
		if err := saveJSON(s.jobs.path("clock.json"), s.jobs.clock); err != nil {
			return err
		}
	}
	return s.settle()
}

// nextDue is the batch with the earliest transition to come, the oldest of those
// at the same time, or nil if all have ended.
func (s *Server) nextDue() (next *simBatch, at time.Time) {
	for _, b := range s.jobs.live {
		if t := s.due(b); next == nil || t.Before(at) {
			next, at = b, t
		}
	}
	return next, at
}

// due is when a batch leaves its state.
func (s *Server) due(b *simBatch) time.Time {
	phases := s.opt.Phases
	switch b.Status {
	case validating:
		return b.Created.Add(phases.Validating)
	case inProgress:
		end := b.InProgress.Add(s.workTime(b))
		if b.Effects.Expires || end.After(b.Expires) {
			return b.Expires
		}
		return end
	case finalizing:
		return b.Finalizing.Add(phases.Finalizing)
	}
	return b.Cancelling.Add(phases.Cancelling)
}

// workTime is how long all rows of a batch take.
func (s *Server) workTime(b *simBatch) time.Duration {
	return s.opt.Phases.InProgress + time.Duration(b.Total)*s.opt.Phases.PerRow
}

// doneBy is how many rows a batch in progress has done by a time.
func (s *Server) doneBy(b *simBatch, t time.Time) int {
	most := b.Total
	if b.Effects.Expires {
		most = min(most, b.Effects.ExpireAfter)
	}
	all, elapsed := s.workTime(b), t.Sub(b.InProgress)
	if elapsed >= all {
		return most
	}
	return min(most, int(float64(b.Total)*float64(elapsed)/float64(all)))
}

// step takes a batch out of its state at the time when that is due.
func (s *Server) step(b *simBatch, at time.Time) error {
	switch b.Status {
	case validating:
		return s.endValidation(b, at)
	case inProgress:
		if err := s.work(b, s.doneBy(b, at)); err != nil {
			return err
		}
		goal := completed
		if b.Effects.Expires || b.Done < b.Total {
			goal = expired
		}
		return s.finalize(b, at, goal)
	case finalizing:
		return s.end(b, at, b.Goal)
	}
	return s.end(b, at, cancelled)
}

func (s *Server) endValidation(b *simBatch, at time.Time) error {
	b.Validated = at
	enqueued := b.Tokens
	for _, other := range s.jobs.live {
		if other.Model == b.Model && !other.InProgress.IsZero() {
			enqueued += other.Tokens
		}
	}
	switch limit := s.opt.EnqueuedTokens; {
	case len(b.Errors) > 0:
	case b.Effects.Fail != nil:
		b.Errors = []batchError{*b.Effects.Fail}
	case limit > 0 && enqueued > limit:
		b.Errors = []batchError{lineError(0, "token_limit_exceeded", "",
			"Enqueued token limit reached for %s in organization org-simulated. Limit: %s enqueued tokens. "+
				"Please try again once some in_progress batches have been completed.", b.Model, withCommas(limit))}
	default:
		b.Status, b.InProgress = inProgress, at
		return s.jobs.saveBatch(b)
	}
	return s.end(b, at, failed)
}

func withCommas(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func (s *Server) finalize(b *simBatch, at time.Time, goal string) error {
	b.Status, b.Goal, b.Finalizing = finalizing, goal, at
	return s.jobs.saveBatch(b)
}

// end puts a batch into a final state. The files come first: a batch that is
// found unended after a kill ends again, with the same files.
func (s *Server) end(b *simBatch, at time.Time, status string) error {
	if !b.InProgress.IsZero() {
		if err := s.giveUpRest(b, status); err != nil {
			return err
		}
		for _, result := range []struct {
			id, kind string
			data     *blob
		}{{b.OutputID, "output", b.output}, {b.ErrorID, "error", b.failures}} {
			if result.data.size == 0 {
				result.data.remove()
				continue
			}
			if err := s.jobs.addFile(&simFile{
				ID: result.id, Filename: b.ID + "_" + result.kind + ".jsonl", Purpose: purposeOut,
				Bytes: result.data.size, Created: at, Expires: at.Add(b.OutputLife), data: result.data,
			}); err != nil {
				return err
			}
		}
	}
	b.Status = status
	switch status {
	case failed:
		b.Failed = at
	case completed:
		b.Completed = at
	case expired:
		b.Expired = at
	case cancelled:
		b.Cancelled = at
	}
	if err := s.jobs.saveBatch(b); err != nil {
		return err
	}
	s.jobs.retire(b)
	b.starts, b.order = nil, nil
	return nil
}

// prepare gives a new or loaded batch what isn't saved. It needs b.starts.
func (s *Server) prepare(b *simBatch, input *blob) {
	b.input = input
	b.output, b.failures = s.jobs.newBlob(b.OutputID), s.jobs.newBlob(b.ErrorID)
	b.output.size, b.failures.size = b.OutputSize, b.ErrorSize
	if s.jobs.dir != "" {
		b.bills = s.jobs.newBills(b.ID)
		b.bills.size = b.BillSize
	}
	if s.opt.InOrder {
		b.order = make([]int, b.Total)
		for i := range b.order {
			b.order[i] = i
		}
		return
	}
	b.order = rand.New(rand.NewPCG(s.opt.Seed, uint64(b.Seq))).Perm(b.Total)
}

// resume takes a batch up again that was loaded.
func (s *Server) resume(b *simBatch) error {
	if s.jobs.dir != "" {
		bills, err := readBills(s.jobs.newBills(b.ID).path, b.BillSize)
		if err != nil {
			return err
		}
		s.bills.add(bills)
	}
	if b.ended() {
		return nil
	}
	input := s.jobs.newBlob(b.InputFileID)
	input.size = b.InputBytes
	if err := eachLine(input, func(start int64, _ []byte, _ bool) { b.starts = append(b.starts, start) }); err != nil {
		return fmt.Errorf("batch %s: %w", b.ID, err)
	}
	s.prepare(b, input)
	s.jobs.live = append(s.jobs.live, b)
	return nil
}

// SetBatchState puts a batch into another state at once, by whatever transitions
// lead there: in_progress, finalizing, completed, expired, cancelled or failed.
// If rows isn't negative, that many rows are done before it leaves in_progress,
// unless more already are; of a batch that completes, all rows are. In its new
// state it goes on by the clock as ever. It is an error if there is no such
// batch, if no transition leads there, or if its validation fails on the way.
func (s *Server) SetBatchState(id, state string, rows int) error {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	if err := s.settle(); err != nil {
		return err
	}
	b := s.jobs.batches[id]
	if b == nil {
		return fmt.Errorf("no batch %s", id)
	}
	return s.setState(b, state, rows)
}

func (s *Server) setState(b *simBatch, state string, rows int) error {
	now := s.now()
	rank := map[string]int{validating: 1, inProgress: 2, finalizing: 3, completed: 4, expired: 4, cancelled: 4, failed: 4}
	switch {
	case rank[state] < 2:
		return fmt.Errorf("a batch can't be put into the state %q", state)
	case b.ended() || rank[state] < rank[b.Status]:
		return fmt.Errorf("batch %s is %s, from where no transition leads to %s", b.ID, b.Status, state)
	case state == failed:
		b.Validated = now
		b.Errors = []batchError{lineError(0, "invalid_request", "", "The batch failed as its simulation was told.")}
		return s.end(b, now, failed)
	}
	if b.Status == validating {
		if err := s.endValidation(b, now); err != nil {
			return err
		}
		if b.Status == failed {
			return fmt.Errorf("batch %s failed its validation: %s", b.ID, b.Errors[0].Message)
		}
	}
	if state == completed || state == finalizing {
		rows = b.Total
	}
	if b.Status == inProgress {
		if err := s.work(b, min(rows, b.Total)); err != nil {
			return err
		}
	}
	switch state {
	case inProgress:
		return nil
	case finalizing:
		return s.finalize(b, now, completed)
	case cancelled:
		b.Cancelling = now
	default:
		b.Finalizing = now
	}
	return s.end(b, now, state)
}
