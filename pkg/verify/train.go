package verify

import (
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"nertools/pkg/catalog"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
)

// training is the material from which demonstrations are chosen.
type training struct {
	file   *mrc.File
	labels map[string]*pool
	row    mrc.Row
}

// pool contains the phrases of the training sentences that can be used for one label, in
// file order.
type pool struct {
	entities []phrase // of the label
	others   []phrase // entities of another label; all of them until near is filled
	near     []phrase // those that are elsewhere an entity of the label
	asked    map[string]*askedPhrase
}

// phrase is words in the sentence of a row that asks for the label of the phrase's pool.
type phrase struct {
	text string
	row  int
}

// askedPhrase lists where the words of a candidate occur.
type askedPhrase struct {
	entities []phrase // as an entity of the label
	others   []phrase // only as an entity of another label
	plain    []phrase // not as an entity
}

// demonstration is a phrase with its verdict.
type demonstration struct {
	phrase  string
	row     int
	verdict Verdict
}

// readTraining reads what the candidates need from the training set, whose labels may be
// spelled in another way than theirs.
func readTraining(file *mrc.File, set catalog.DataSet, candidates []Candidate) (*training, error) {
	sentences, err := file.Sentences()
	if err != nil {
		return nil, err
	}
	w := newWords(candidates)
	readers := make([]reader, runtime.GOMAXPROCS(0))
	var g errgroup.Group
	for i := range readers {
		g.Go(func() error {
			return fault.Catch(func() error {
				readers[i] = reader{file: file, words: w, pools: w.pools(), spelled: map[string]string{}, set: set}
				for _, s := range sentences[len(sentences)*i/len(readers) : len(sentences)*(i+1)/len(readers)] {
					if err := readers[i].sentence(s.Rows); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	t := &training{file: file, labels: w.pools()}
	for label, p := range t.labels {
		for i := range readers {
			p.add(readers[i].pools[label])
		}
		p.split()
	}
	return t, nil
}

// add appends what was found later in the file.
func (p *pool) add(next *pool) {
	p.entities = append(p.entities, next.entities...)
	p.others = append(p.others, next.others...)
	for text, a := range next.asked {
		all := p.asked[text]
		all.entities = append(all.entities, a.entities...)
		all.others = append(all.others, a.others...)
		all.plain = append(all.plain, a.plain...)
	}
}

// split moves phrases from others to near.
func (p *pool) split() {
	known := map[string]bool{}
	for _, e := range p.entities {
		known[e.text] = true
	}
	rest := p.others[:0]
	for _, o := range p.others {
		if known[o.text] {
			p.near = append(p.near, o)
		} else {
			rest = append(rest, o)
		}
	}
	p.others = rest
}

// words are the words of the candidates.
type words struct {
	labels map[string]map[string]bool // label -> the words asked about
	first  map[string][]askedWords    // by their first token
	begin  map[string][]askedText     // by their first word, for text rows
}

// askedWords are the words of one or more candidates.
type askedWords struct {
	text   string
	tokens []string
}

// askedText is the words of one or more candidates, as Unicode divides them.
type askedText struct {
	text  string
	words []markup.Word
}

func newWords(candidates []Candidate) *words {
	w := &words{labels: map[string]map[string]bool{}, first: map[string][]askedWords{}, begin: map[string][]askedText{}}
	seen := map[string]bool{}
	for _, c := range candidates {
		if w.labels[c.Label] == nil {
			w.labels[c.Label] = map[string]bool{}
		}
		w.labels[c.Label][c.Text] = true
		if tokens := markup.AppendTokens(nil, c.Text); !seen[c.Text] && len(tokens) > 0 {
			seen[c.Text] = true
			w.first[tokens[0]] = append(w.first[tokens[0]], askedWords{c.Text, tokens})
			list := markup.AppendWords(nil, c.Text)
			w.begin[list[0].Text] = append(w.begin[list[0].Text], askedText{c.Text, list})
		}
	}
	return w
}

// pools returns an empty pool for each label asked about.
func (w *words) pools() map[string]*pool {
	pools := map[string]*pool{}
	for label, texts := range w.labels {
		p := &pool{asked: map[string]*askedPhrase{}}
		for text := range texts {
			p.asked[text] = new(askedPhrase)
		}
		pools[label] = p
	}
	return pools
}

// reader reads one sentence after another.
type reader struct {
	file  *mrc.File
	words *words
	pools map[string]*pool

	set     catalog.DataSet
	spelled map[string]string // label in the file -> as candidates spell it

	row      mrc.Row
	slicer   markup.Slicer
	tokens   []string
	text     []markup.Word
	mentions []mention
}

// mention is words of the sentence with the labels that they have anywhere in it.
type mention struct {
	text   string
	labels []string
}

// label returns the label of a row, as the candidates spell it.
func (r *reader) label(row int) string {
	label := r.file.Label(row)
	if spelled, ok := r.spelled[label]; ok {
		return spelled
	}
	spelled := label
	if i := r.set.Index(label); i >= 0 && r.pools[label] == nil {
		for asked := range r.pools {
			if r.set.Index(asked) == i && (spelled == label || asked < spelled) {
				spelled = asked
			}
		}
	}
	r.spelled[label] = spelled
	return spelled
}

func (r *reader) sentence(rows []int) error {
	r.mentions = r.mentions[:0]
	var context string
	var unit markup.Unit
	for i, row := range rows {
		if err := r.file.Decode(row, &r.row); err != nil {
			return err
		}
		if i == 0 {
			context, unit = strings.Clone(r.row.Context), r.row.Unit
			r.slicer.Reset(context, unit)
		}
		label := r.label(row)
		for _, s := range r.row.Spans {
			if s.Start < 0 || s.End <= s.Start || s.End > r.slicer.Len() {
				continue // ner-prompt reports it if it uses the row
			}
			m := r.mention(r.slicer.Text(s))
			if !slices.Contains(m.labels, label) {
				m.labels = append(m.labels, label)
			}
		}
	}
	r.occurrences(context, unit)
	for _, row := range rows {
		label := r.label(row)
		if pool := r.pools[label]; pool != nil {
			for _, m := range r.mentions {
				pool.put(phrase{m.text, row}, slices.Contains(m.labels, label), len(m.labels) > 0)
			}
		}
	}
	return nil
}

// occurrences adds mentions of the words asked about wherever they occur.
func (r *reader) occurrences(context string, unit markup.Unit) {
	if unit == markup.Char {
		r.text = markup.AppendWords(r.text[:0], context)
		for i, word := range r.text {
			for _, w := range r.words.begin[word.Text] {
				if len(w.words) > len(r.text)-i {
					continue
				}
				all := markup.Span{Start: word.Start, End: r.text[i+len(w.words)-1].End}
				if r.slicer.Text(all) == w.text {
					r.mention(w.text)
				}
			}
		}
		return
	}
	r.tokens = markup.AppendTokens(r.tokens[:0], context)
	for i, token := range r.tokens {
		for _, w := range r.words.first[token] {
			if len(w.tokens) <= len(r.tokens)-i && slices.Equal(r.tokens[i:i+len(w.tokens)], w.tokens) {
				r.mention(w.text)
			}
		}
	}
}

// mention returns the mention of words, which it adds if necessary.
func (r *reader) mention(text string) *mention {
	for i := range r.mentions {
		if r.mentions[i].text == text {
			return &r.mentions[i]
		}
	}
	r.mentions = append(r.mentions, mention{text: strings.Clone(text)})
	return &r.mentions[len(r.mentions)-1]
}

// put adds a phrase that is an entity of the pool's label (mine), or of any label.
func (p *pool) put(ph phrase, mine, any bool) {
	asked, ok := p.asked[ph.text]
	switch {
	case mine:
		p.entities = append(p.entities, ph)
		if ok {
			asked.entities = append(asked.entities, ph)
		}
	case any:
		p.others = append(p.others, ph)
		if ok {
			asked.others = append(asked.others, ph)
		}
	case ok:
		asked.plain = append(asked.plain, ph)
	}
}

// choose returns at most n demonstrations for a question about c; see [Questions].
func (t *training) choose(c *Candidate, n int) ([]demonstration, error) {
	pool := t.labels[c.Label]
	asked := pool.asked[c.Text]
	seed := fnv.New64a()
	seed.Write([]byte(c.Label + "\x00" + c.Text))
	chance := rand.New(rand.NewPCG(seed.Sum64(), 0))
	used := []string{markup.JoinTokens(c.Context)}

	yes, err := t.pick(Yes, n-n/2, chance, &used, asked.entities, pool.entities)
	if err != nil {
		return nil, err
	}
	no, err := t.pick(No, n/2, chance, &used, asked.others, asked.plain, pool.near, pool.others)
	if err != nil {
		return nil, err
	}
	yes = yes[:min(len(yes), len(no)+1)]
	no = no[:min(len(no), len(yes)+1)]
	all := append(yes, no...)
	chance.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	return all, nil
}

// pick returns up to n phrases, from earlier classes first, whose sentences are not used
// yet.
func (t *training) pick(v Verdict, n int, chance *rand.Rand, used *[]string, classes ...[]phrase) (list []demonstration, err error) {
	for _, class := range classes {
		for i := range anyOrder(len(class), chance) {
			if len(list) == n {
				return list, nil
			}
			if err := t.file.Decode(class[i].row, &t.row); err != nil {
				return nil, err
			}
			sentence := t.row.Context
			if !t.row.Plain {
				sentence = markup.JoinTokens(sentence)
			}
			if slices.Contains(*used, sentence) {
				continue
			}
			*used = append(*used, strings.Clone(sentence))
			list = append(list, demonstration{class[i].text, class[i].row, v})
		}
	}
	return list, nil
}

// anyOrder yields the numbers below n in random order, without the memory and time of a
// shuffle: a step coprime to n reaches every number once.
func anyOrder(n int, chance *rand.Rand) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		if n == 0 {
			return
		}
		at, step := chance.IntN(n), 1+chance.IntN(n)
		for gcd(step, n) != 1 {
			step++
		}
		for range n {
			if !yield(at) {
				return
			}
			at = (at + step) % n
		}
	}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
