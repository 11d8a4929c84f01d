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
	"nertools/pkg/markup"
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
// The text of text sentences is unchanged, and a note on each entity (AnnotatorNotes) says
// where it is in its own document, if that is known. A whole document is a document of its
// own, named after it.
//
// annotation.conf declares the labels in the given order, followed by other labels that
// occur in the sentences. A brat type consists of ASCII letters, digits, "_" and "-".
// Other characters of a label become "_", which a comment in the file mentions.
//
// If dir exists, the error is a [*fault.Error]. The folder appears once it is complete;
// if write fails, WriteBrat returns its error and creates no folder.
func WriteBrat(dir string, labels []string, write func(add func(*Sentence) error) error) error {
	return durable.NewFolder(dir, func(dir string) error {
		b := &brat{dir: dir, types: newNames(bratType), files: newNames(bratFile)}
		return b.write(labels, write)
	})
}

// brat is a folder that is being written.
type brat struct {
	dir       string
	types     *names
	files     *names // of whole documents
	text, ann []byte // of the current document
	chars     int    // in the current document
	entities  int
	sentences int // in the folder
	first     int // first sentence of the document
	at        Offsets
}

func (b *brat) write(labels []string, write func(add func(*Sentence) error) error) error {
	for _, label := range labels {
		b.types.name(label)
	}
	if err := write(b.add); err != nil {
		return err
	}
	if err := b.endDocument(b.number()); err != nil {
		return err
	}
	return b.file("annotation.conf", b.conf(labels))
}

func (b *brat) add(s *Sentence) error {
	if s.Whole || b.sentences > b.first && b.sentences%bratSentences == 0 {
		if err := b.endDocument(b.number()); err != nil {
			return err
		}
	}
	line := s
	if s.Unit == markup.Token { // the tokens' offsets differ from those in the original text
		line = &Sentence{Text: strings.Join(s.Tokens, " "), Tokens: s.Tokens}
	}
	b.at.Reset(line)
	for _, e := range s.Entities {
		b.entities++
		start, _ := b.at.Chars(e.Span)
		from, to := b.at.Bytes(e.Span)
		offsets, text := bratSpan(line.Text[from:to], b.chars+start)
		b.ann = fmt.Appendf(b.ann, "T%d\t%s %s\t%s\n", b.entities, b.types.name(e.Label), offsets, text)
		if s.Position.Document != "" {
			start, end, startByte, endByte := b.at.InDocument(e.Span)
			b.ann = fmt.Appendf(b.ann, "#%d\tAnnotatorNotes T%d\tcharacters %d-%d, bytes %d-%d of %s\n", b.entities, b.entities, start, end, startByte, endByte, oneLine(s.Position.Document))
		}
	}
	b.text = append(b.text, line.Text...)
	b.sentences++
	if s.Whole {
		return b.endDocument(b.files.name(s.Position.Document))
	}
	b.text = append(b.text, '\n')
	b.chars += utf8.RuneCountInString(line.Text) + 1
	return nil
}

// bratSpan returns the offsets and the text of an entity that begins at a character. An
// entity that contains line breaks has several parts, as brat itself writes it.
func bratSpan(text string, start int) (offsets, parts string) {
	for len(text) > 0 {
		line := text
		if i := strings.IndexAny(text, "\r\n"); i >= 0 {
			line = text[:i]
		}
		text = text[len(line):]
		end := start + utf8.RuneCountInString(line)
		if line != "" {
			offsets += fmt.Sprintf(";%d %d", start, end)
			parts += " " + line
		}
		start = end
		if text != "" {
			text, start = text[1:], start+1
		}
	}
	return strings.TrimPrefix(offsets, ";"), strings.TrimPrefix(parts, " ")
}

// oneLine returns text with spaces for line breaks.
func oneLine(text string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(text) }

// number returns the name of a document of several sentences.
func (b *brat) number() string { return fmt.Sprintf("%06d", b.first) }

// endDocument writes the current document and starts the next.
func (b *brat) endDocument(name string) error {
	if b.sentences == b.first {
		return nil
	}
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

// bratFile returns the name of a file for a document.
func bratFile(document string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.TrimSuffix(document, ".txt"))
	const most = 200 // bytes; file systems allow 255
	for len(name) > most {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if strings.Trim(name, ".") == "" {
		return "_" + name
	}
	return name
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
