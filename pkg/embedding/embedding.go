// Package embedding gets embeddings of texts from a service and caches them on disk, so
// that no text is requested, and paid for, twice.
package embedding

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

// A Cache holds the embeddings from one model of one server. Its fields must not be
// changed after first use. Several processes may use the same folder: they wait for each
// other and find what the others requested.
type Cache struct {
	Dir        string // created if necessary
	Server     string // identifies the server, such as "host:port/path": models of the same name on two servers are different models
	Model      string
	Dimensions int // requested from the model; 0: the model's default

	Asker    retry.Asker
	Pacer    *pace.Pacer
	InFlight int // as in [pace.Config]

	Say      func(string)          // prints a message for people, once or twice a run; not nil
	Progress func(done, total int) // of the texts that must be requested; calls don't overlap; may be nil
}

// Vectors are the embeddings of a list of texts.
type Vectors struct {
	// Of contains one vector per text, all of the same length. They are in the cache's
	// mapped file: they must not be modified, and are invalid after Close. The vector of
	// an empty text, for which services have none, is all zeros.
	Of [][]float32

	Asked int          // distinct texts that were requested
	Usage record.Usage // tokens used for that

	file *file
}

// Close releases the vectors.
func (v *Vectors) Close() error { return v.file.close() }

// Get returns the embeddings of texts. It requests those that are not in the cache, with
// several calls at a time, and writes each answer to disk before it continues: if a run
// ends early, only the calls in flight are lost. After an error that would affect all
// other calls, calls in flight are completed; when ctx ends, they are cancelled.
//
// The caller closes the vectors. The error wraps a [*wire.Error] if the service refused,
// or a [*pace.GivenUp] if it was given up; if ctx ended, it is ctx's error.
func (c *Cache) Get(ctx context.Context, texts []string) (*Vectors, error) {
	keys := make([]digest, len(texts))
	for i, text := range texts {
		keys[i] = sha256.Sum256([]byte(text))
	}
	path, id := c.path(), c.id()
	v := new(Vectors)
	var err error
	if v.file, err = open(path, id); err != nil {
		return nil, err
	}
	if len(missing(v.file, texts, keys)) > 0 {
		err := v.file.close()
		if err == nil {
			v.Asked, v.Usage, err = c.fill(ctx, path, id, texts, keys)
		}
		if err == nil {
			v.file, err = open(path, id)
		}
		if err != nil {
			return nil, err
		}
	}
	if left := missing(v.file, texts, keys); len(left) > 0 {
		return nil, errors.Join(v.file.close(), fmt.Errorf("%s: another process removed %s from it", path, english.Count(len(left), "vector")))
	}
	zeros := make([]float32, v.file.dim)
	v.Of = make([][]float32, len(texts))
	for i, text := range texts {
		if v.Of[i] = zeros; text != "" {
			v.Of[i] = v.file.vector(v.file.index[keys[i]])
		}
	}
	return v, nil
}

// missing returns the indexes of the distinct texts that are not in the file.
func missing(f *file, texts []string, keys []digest) []int {
	var list []int
	seen := map[digest]bool{}
	for i, k := range keys {
		if _, ok := f.index[k]; ok || seen[k] || texts[i] == "" {
			continue
		}
		seen[k] = true
		list = append(list, i)
	}
	return list
}

// Limits of a call. OpenAI accepts 2,048 texts with 300,000 tokens in total, and no text
// has more tokens than bytes. A quarter of the texts keeps an answer in decimal digits
// with 4,096 dimensions below 50 MB. If a server accepts less, it says so and is sent
// less.
const (
	maxTexts = 512
	maxBytes = 300_000
)

// filler requests the texts missing in a file and appends their vectors.
type filler struct {
	*Cache
	texts  []string
	keys   []digest
	caller retry.Caller

	mu     sync.Mutex // guards the following fields
	file   *appender
	todo   []int // indexes of texts not requested yet
	most   int   // texts per call
	total  int
	asked  int
	usage  record.Usage
	broken error // error of writing
}

// fill adds what is missing to the file, as its only writer.
func (c *Cache) fill(ctx context.Context, path string, id digest, texts []string, keys []digest) (asked int, usage record.Usage, err error) {
	out, err := lock(ctx, path, id, c.Say)
	if err != nil {
		return 0, usage, err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	known, err := open(path, id)
	if err != nil {
		return 0, usage, err
	}
	// Another process may have added what was missing before we got the lock.
	f := &filler{Cache: c, texts: texts, keys: keys, file: out, most: maxTexts, todo: missing(known, texts, keys)}
	f.caller = retry.Caller{Asker: c.Asker, Pacer: c.Pacer, Say: c.Say, Unheard: unheardTries}
	if err := errors.Join(known.close(), out.mend()); err != nil {
		return 0, usage, err
	}
	f.total = len(f.todo)
	f.progress()
	group, asking := errgroup.WithContext(ctx)
	for range c.InFlight {
		group.Go(fault.Catching(func() error {
			for {
				batch := f.next()
				if len(batch) == 0 {
					return nil
				}
				if err := f.ask(asking, ctx, batch); err != nil {
					return err
				}
			}
		}))
	}
	if err = group.Wait(); ctx.Err() != nil {
		err = ctx.Err()
	}
	return f.asked, f.usage, err
}

func (f *filler) progress() {
	if f.Progress != nil {
		f.Progress(f.asked, f.total)
	}
}

// next returns the texts for the next call, or none if all have been taken.
func (f *filler) next() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, size := 0, 0
	for n < min(len(f.todo), f.most) {
		size += len(f.texts[f.todo[n]])
		if n > 0 && size > maxBytes {
			break
		}
		n++
	}
	batch := f.todo[:n]
	f.todo = f.todo[n:]
	return batch
}

// ask requests the texts, in halves if the service rejects that many at once.
func (f *filler) ask(asking, inFlight context.Context, batch []int) error {
	texts := make([]string, len(batch))
	size := 0
	for i, n := range batch {
		texts[i] = f.texts[n]
		size += len(texts[i])
	}
	var vectors [][]float32
	var usage record.Usage
	err := f.caller.Do(asking, inFlight, &retry.Exchange{
		Path: wire.Embed, Body: wire.AppendEmbed(nil, f.Model, f.Dimensions, texts), Tokens: size / 4,
		Read: func(answer []byte) (err error) {
			vectors, usage, err = wire.ParseEmbeddings(answer, len(texts))
			return err
		},
	})
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Unanswered() && !e.Fatal(false) && !f.caller.Heard() {
		return fmt.Errorf("%w: %w", ErrNoAnswer, e)
	}
	switch half := len(batch) / 2; {
	case err == nil:
		return f.take(batch, vectors, usage)
	case half > 0 && tooMuch(err):
		f.mu.Lock()
		f.most = min(f.most, half)
		f.mu.Unlock()
		if err := f.ask(asking, inFlight, batch[:half]); err != nil {
			return err
		}
		return f.ask(asking, inFlight, batch[half:])
	}
	return explain(err, texts[0])
}

// unheardTries is how often a call is made to a service that has never answered: within
// four seconds it is clear that connections are refused. For a service that has answered,
// the pacer decides.
const unheardTries = 4

// ErrNoAnswer means that the service did not answer the first calls.
var ErrNoAnswer = errors.New("no answer to the first call")

// tooMuch reports whether a call with fewer texts may succeed. Servers reject calls that
// are too large in many ways.
func tooMuch(err error) bool {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return e.Class == record.Invalid || e.Class == record.ContextLength
	}
	return e.Class == record.ContextLength
}

// take writes the vectors of an answer to disk.
func (f *filler) take(batch []int, vectors [][]float32, usage record.Usage) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken // anything after a torn record would be lost with it
	}
	if dim := len(vectors[0]); dim != cmp.Or(f.file.dim, f.Dimensions, dim) {
		return fault.WithHint(fmt.Errorf("the service returned vectors with %s, not %d", english.Count(dim, "dimension"), cmp.Or(f.file.dim, f.Dimensions)),
			"if another model has this name now, ask for its own number of dimensions, or empty the cache in "+f.Dir)
	}
	keys := make([]digest, len(batch))
	for i, n := range batch {
		keys[i] = f.keys[n]
	}
	if f.broken = f.file.append(keys, vectors); f.broken != nil {
		return f.broken
	}
	f.asked += len(batch)
	f.usage.Prompt += usage.Prompt
	f.progress()
	return nil
}

// explain adds what to do about an error of a call.
func explain(err error, text string) error {
	if given, ok := errors.AsType[*pace.GivenUp](err); ok {
		when := "later"
		if given.After > 0 {
			when = "in " + given.After.Round(time.Second).String()
		}
		return fault.WithHint(given, fmt.Sprintf("run the same command again %s; what is cached is not asked for again", when))
	}
	e, ok := errors.AsType[*wire.Error](err)
	if !ok || fault.Hint(err) != "" {
		return err
	}
	hint := "run the same command again; what is cached is not asked for again"
	switch {
	case e.Class == record.Auth:
		hint = "check OPENAI_API_KEY, and that this key may use this model at this address"
	case e.Class == record.Quota:
		hint = "add credit to the account, then run the same command again; what is cached is not asked for again"
	case e.Class == record.Model:
		hint = "choose an embedding model"
	case e.WrongAddress, e.Suspect:
		hint = "check the base URL (OPENAI_BASE_URL): it ends in /v1 for most servers, and not every server offers embeddings"
	case !e.Passing():
		hint = fmt.Sprintf("the call contained only this text: %.60q", text)
	}
	return fault.WithHint(e, hint)
}
