// Package embedding gets the embeddings of texts from a service and keeps them
// on disk, so that no text is asked for, and paid for, twice.
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

	"nertools/pkg/fault"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

// A Cache holds the embeddings that one model of one server gives. Its fields
// are not changed once it is used. Several processes may use one folder: what one
// asks for, the others wait for and find.
type Cache struct {
	Dir        string // made if need be
	Server     string // tells servers apart, as "host:port/path" does: models of one name on two servers are two models
	Model      string
	Dimensions int // asked of the model; 0: its own

	Asker    retry.Asker
	Pacer    *pace.Pacer
	InFlight int // as the pacer's

	Say      func(string)          // tells people something, once or twice a run; not nil
	Progress func(done, total int) // of the texts that have to be asked for, one call at a time; may be nil
}

// Vectors are the embeddings of some texts.
type Vectors struct {
	// Of holds the vector of each text, all of one length. They lie in the cache's
	// file: they must not be written to, and are gone after Close. The vector of an
	// empty text, for which services have none, is all zeros.
	Of [][]float32

	Asked int          // texts that were asked for, each once
	Usage record.Usage // what that took

	file *file
}

// Close lets the vectors go.
func (v *Vectors) Close() error { return v.file.close() }

// Get returns the embeddings of texts. What the cache lacks it asks for, several
// calls at a time, and has on disk before it goes on: a run that ends early, however
// it ends, loses the calls in flight and no others. After an error that no other
// call can get past, calls in flight still end; once ctx ends, they are cut.
//
// The caller closes the vectors. The error wraps a [*wire.Error] where the
// service refused, a [*pace.GivenUp] where it was not waited for any longer, and is
// that of ctx if ctx ended.
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
		return nil, errors.Join(v.file.close(), fmt.Errorf("%s: somebody took %d vectors out of it", path, len(left)))
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

// missing returns the distinct texts that the file lacks, by their numbers.
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

// What a call may hold. OpenAI takes 2,048 texts, of 300,000 tokens together, and
// no text has more tokens than bytes. A quarter of the texts keeps an answer in
// digits of 4,096 dimensions below 50 MB. A server that takes less says so, and
// gets less.
const (
	maxTexts = 512
	maxBytes = 300_000
)

// filler asks for the texts that a file lacks and appends their vectors.
type filler struct {
	*Cache
	texts  []string
	keys   []digest
	caller retry.Caller

	mu     sync.Mutex // of what follows
	file   *appender
	todo   []int // texts not asked for yet, by their numbers
	most   int   // texts in a call
	total  int
	asked  int
	usage  record.Usage
	broken error // of writing
}

// fill brings what is missing into the file, as its only writer.
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
	// Another process may have brought what was missing before the lock was ours.
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

// next takes the texts of the next call; none when all are taken.
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

// ask asks for the texts, in halves if the service takes no more at once.
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

// unheardTries is how often a call is made to a service that has never answered:
// within four seconds it is known that connections are refused. One that has answered is
// waited for as long as the pacer has it.
const unheardTries = 4

// ErrNoAnswer is the error of a service that did not answer the first calls.
var ErrNoAnswer = errors.New("no answer to the first call")

// tooMuch reports whether fewer texts in a call may fare better. Servers refuse
// what is too much for them in many ways.
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

// take brings the vectors of an answer to the disk.
func (f *filler) take(batch []int, vectors [][]float32, usage record.Usage) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken // what follows a record that is torn would be lost with it
	}
	if dim := len(vectors[0]); dim != cmp.Or(f.file.dim, f.Dimensions, dim) {
		return fault.WithHint(fmt.Errorf("the service gives vectors of %d numbers, not of %d", dim, cmp.Or(f.file.dim, f.Dimensions)),
			"is this another model by the same name? ask for its own number of dimensions, or empty the cache in "+f.Dir)
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

// explain says what to do about an error of asking.
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
		hint = "choose a model that gives embeddings"
	case e.WrongAddress, e.Suspect:
		hint = "check the base URL (OPENAI_BASE_URL): it ends in /v1 for most servers, and not every server has embeddings"
	case !e.Passing():
		hint = fmt.Sprintf("it was asked for this text alone: %.60q", text)
	}
	return fault.WithHint(e, hint)
}
