package openaitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// Bill is one prompt that somebody has to pay for: a completion that was made,
// whether or not its answer arrived, a row that a batch has done, or an input of
// a call for embeddings.
type Bill struct {
	// PromptSHA is the first 12 hex digits of the SHA-256 of the prompt or input.
	PromptSHA string `json:"prompt_sha"`

	// BatchID and CustomID tell a batch's row; Call, the Call.Seq of a
	// synchronous call.
	BatchID  string `json:"batch_id,omitempty"`
	CustomID string `json:"custom_id,omitempty"`
	Call     int64  `json:"call,omitempty"`

	InputTokens  int `json:"input_tokens"`
	OutputTokens int `json:"output_tokens"`
}

// Bills returns everything that has been billed, in order; what an earlier Server
// left in Options.Dir comes first, calls before batches. Synchronous calls
// are billed when their answer begins to leave or is lost by a fault, but not if
// the client left before. A batch's rows are billed when the batch has done them
// by its clock, whatever becomes of it later. Errors cost nothing, and neither do
// rows that a fault makes vanish.
func (s *Server) Bills() []Bill {
	s.lookAtBatches()
	return s.bills.all()
}

// Billed counts how often each prompt was billed, by Bill.PromptSHA. Where
// nothing is paid twice, every count is 1.
func (s *Server) Billed() map[string]int {
	counts := map[string]int{}
	for _, b := range s.Bills() {
		counts[b.PromptSHA]++
	}
	return counts
}

// ledger holds the bills. With a file, those of synchronous calls are in it too;
// those of batches are with their batch.
type billing struct {
	path string // "": in memory only

	mu    sync.Mutex
	bills []Bill
	err   error
}

// addCall adds the bills of a synchronous call.
func (l *billing) addCall(bills []Bill) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bills = append(l.bills, bills...)
	if l.path == "" || len(bills) == 0 {
		return
	}
	if err := appendLines(l.path, bills); err != nil && l.err == nil {
		l.err = err
	}
}

func (l *billing) add(bills []Bill) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bills = append(l.bills, bills...)
}

func (l *billing) all() []Bill {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.bills)
}

func (l *billing) firstErr() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// appendLines writes the bills, a line each, with one Write, so that a kill can't
// mix lines.
func appendLines(path string, bills []Bill) error {
	var lines []byte
	for _, b := range bills {
		line, err := json.Marshal(b)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	return errors.Join(err, f.Close())
}

// readBills reads the first size bytes of a file of bills, or all with size -1.
// A last line that was cut off is left out.
func readBills(path string, size int64) ([]Bill, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if size >= 0 {
		text = text[:min(size, int64(len(text)))]
	}
	var bills []Bill
	for line := range bytes.Lines(text) {
		var b Bill
		if json.Unmarshal(line, &b) == nil {
			bills = append(bills, b)
		}
	}
	return bills, nil
}

// promptSHA is the short digest by which prompts are told apart.
func promptSHA(prompt string) string {
	sum := sha256.Sum256([]byte(prompt))
	return hex.EncodeToString(sum[:6])
}
