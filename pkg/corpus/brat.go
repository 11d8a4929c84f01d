package corpus

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"nertools/pkg/durable"
)

// bratSentences is the maximum number of sentences in a document: brat displays whole
// documents.
const bratSentences = 100

// WriteBrat creates the folder dir for the annotation tool brat
// (https://brat.nlplab.org/standoff.html) with the sentences that write adds. Each
// document (NAME.txt with NAME.ann) contains up to 100 sentences, one per line, with
// tokens separated by single spaces. NAME is the number of its first sentence, from 0.
// Offsets are half-open and count Unicode code points of the document.
//
// annotation.conf declares the labels in the given order, followed by other labels that
// occur in the sentences. A brat type consists of ASCII letters, digits, "_" and "-".
// Other characters of a label become "_", which a comment in the file mentions.
//
// If dir exists, the error is a [*fault.Error]. The folder appears once it is complete;
// if write fails, WriteBrat returns its error and creates no folder.
func WriteBrat(dir string, labels []string, write func(add func(*Sentence) error) error) error {
	return durable.NewFolder(dir, func(dir string) error {
		b := &brat{dir: dir, types: newNames(bratType)}
		return b.write(labels, write)
	})
}

// brat is a folder that is being written.
type brat struct {
	dir       string
	types     *names
	text, ann []byte // of the current document
	chars     int    // in the current document
	entities  int
	sentences int // in the folder
	first     int // first sentence of the document
}

func (b *brat) write(labels []string, write func(add func(*Sentence) error) error) error {
	for _, label := range labels {
		b.types.name(label)
	}
	if err := write(b.add); err != nil {
		return err
	}
	if err := b.endDocument(); err != nil {
		return err
	}
	return b.file("annotation.conf", b.conf(labels))
}

func (b *brat) add(s *Sentence) error {
	if b.sentences > b.first && b.sentences%bratSentences == 0 {
		if err := b.endDocument(); err != nil {
			return err
		}
	}
	// The tokens' offsets differ from those in the original text.
	line := Sentence{Text: strings.Join(s.Tokens, " "), Tokens: s.Tokens}
	var at Offsets
	at.Reset(&line)
	for _, e := range s.Entities {
		b.entities++
		start, end := at.Chars(e.Span)
		from, to := at.Bytes(e.Span)
		b.ann = fmt.Appendf(b.ann, "T%d\t%s %d %d\t%s\n", b.entities, b.types.name(e.Label), b.chars+start, b.chars+end, line.Text[from:to])
	}
	b.text = append(append(b.text, line.Text...), '\n')
	b.chars += utf8.RuneCountInString(line.Text) + 1
	b.sentences++
	return nil
}

// endDocument writes the current document and starts the next.
func (b *brat) endDocument() error {
	if b.sentences == b.first {
		return nil
	}
	name := fmt.Sprintf("%06d", b.first)
	if err := b.file(name+".txt", b.text); err != nil {
		return err
	}
	if err := b.file(name+".ann", b.ann); err != nil {
		return err
	}
	b.text, b.ann, b.chars, b.entities, b.first = b.text[:0], b.ann[:0], 0, 0, b.sentences
	return nil
}

func (b *brat) file(name string, data []byte) error {
	f, err := os.Create(filepath.Join(b.dir, name))
	if err != nil {
		return fmt.Errorf("write brat folder: %w", err)
	}
	_, err = f.Write(data)
	if err := cmp.Or(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write brat folder: %w", err)
	}
	return nil
}

// conf returns the configuration (https://brat.nlplab.org/configuration.html). Its
// relation allows entities to overlap.
func (b *brat) conf(labels []string) []byte {
	labels = slices.Clone(labels)
	var others []string
	for label := range b.types.of {
		if !slices.Contains(labels, label) {
			others = append(others, label)
		}
	}
	slices.Sort(others)
	dst := []byte("[entities]\n")
	for _, label := range append(labels, others...) {
		if name := b.types.name(label); name != label {
			dst = fmt.Appendf(dst, "# %s stands for %s\n", name, strconv.Quote(label))
		}
		dst = append(append(dst, b.types.name(label)...), '\n')
	}
	return append(dst, "\n[relations]\n<OVERLAP>\tArg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>\n\n[events]\n\n[attributes]\n"...)
}

// bratType returns label in the characters that brat allows in types. A line beginning
// with a hyphen would be a separator.
func bratType(label string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, label)
	if name == "" || name[0] == '-' {
		return "_" + name
	}
	return name
}
