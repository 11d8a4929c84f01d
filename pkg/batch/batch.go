// Package batch has requests answered by the Batch API: it splits them into
// parts that the service takes, starts each part once whatever kills the program
// in between, follows them, and turns what comes back into one result a request.
package batch

import (
	"context"
	"errors"
	"io"
	"time"

	"nertools/pkg/pace"
	"nertools/pkg/wire"
)

// Service is the part of the API that batches need. Its errors are those of
// openaiapi.Client.
type Service interface {
	Upload(ctx context.Context, name string, size int64, open func() (io.ReadCloser, error)) (id string, err error)
	FindFile(ctx context.Context, name string, size int64) (id string, err error)
	FileSize(ctx context.Context, id string) (int64, error)
	DeleteFile(ctx context.Context, id string) error
	Download(ctx context.Context, id string, at int64, w io.Writer) (int64, error)
	CreateBatch(ctx context.Context, file, endpoint, window string, metadata map[string]string) (wire.Batch, error)
	Batch(ctx context.Context, id string) (wire.Batch, error)
	Batches(ctx context.Context, after string) (page []wire.Batch, next string, err error)
	CancelBatch(ctx context.Context, id string) (wire.Batch, error)
}

// Config says how a [Manager] works.
type Config struct {
	Account     string       // tells accounts apart; goes into the ledger
	Former      []string     // what ledgers of earlier versions may call the same account
	Window      string       // completion window: "24h"
	Description string       // goes into the batches' metadata; may be empty
	InFlight    int          // batches of this ledger that may run at once; 0: any number
	Fresh       bool         // start parts again that have ended, and pay for them again
	MaxRetries  int          // further tries of a call after its first
	Judge       *wire.Judge  // which answers are good ones
	Say         func(string) // tells people what they could not guess; not nil
}

// A Manager brings the parts of one input through the service, and follows batches
// that anybody started.
type Manager struct {
	cfg     Config
	service Service
	ledger  *ledger
	pacer   *pace.Pacer
	now     func() time.Time
	called  bool // at least once; if the first call had no answer, that was said
	heard   bool // the service has answered something

	latest map[string]wire.Batch // by batch id, as of the last look
	past   []wire.Batch          // of the ledger's parts, as the first look at the list showed them
	listed bool                  // past is known
	begun  map[string]bool       // keys of the parts whose batches this manager made
	alone  map[string]bool       // keys of the parts that no other batch asks, as far as can be known
	warned map[string]bool       // batches and parts that people were told of, by id and key
	full   []*Entry              // that were refused for want of room, to be told
	large  []error               // a [*TooLarge] for each part that was given up, to be told
	odd    map[string]bool       // unknown statuses that were reported
}

// New returns a manager that follows batches by their ids, and starts none.
func New(service Service, cfg Config) *Manager {
	return &Manager{
		cfg: cfg, service: service, now: time.Now, latest: map[string]wire.Batch{}, odd: map[string]bool{},
		begun: map[string]bool{}, alone: map[string]bool{}, warned: map[string]bool{},
		pacer: pace.New(pace.Config{InFlight: 1, MaxRetries: cfg.MaxRetries, MaxWait: maxWait}),
	}
}

// Open returns a manager that starts batches, and whose ledger is the file at path,
// which it makes if it is not there. The error wraps [durable.ErrLocked] while
// another process has it open. The caller closes the manager.
func Open(path string, service Service, cfg Config) (*Manager, error) {
	ledger, err := openLedger(path)
	if err != nil {
		return nil, err
	}
	m := New(service, cfg)
	m.ledger = ledger
	return m, nil
}

// Close closes the ledger.
func (m *Manager) Close() error { return m.ledger.close() }

// Plan enters the parts that the ledger at path does not know yet as files that
// may be submitted some day. Its errors are those of [Open].
func Plan(path string, parts []Part) error {
	l, err := openLedger(path)
	if err != nil {
		return err
	}
	for i := range parts {
		if err == nil && l.entry(parts[i].Key) == nil {
			err = l.record(event{Event: planned, Key: parts[i].Key, Part: &parts[i]})
		}
	}
	return errors.Join(err, l.close())
}
