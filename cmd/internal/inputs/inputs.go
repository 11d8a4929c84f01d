// Package inputs finds and reads the files with sentences that command lines name: files in
// any format of [corpus.Read], folders of texts, and texts whose entities brat keeps in files
// beside them.
package inputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/corpus"
	"nertools/pkg/english"
	"nertools/pkg/fault"
)

// An Input is a file to read.
type Input struct {
	Path     string // "-" for stdin
	InFolder bool   // it was found in a folder, in which each file is a document
	Entities string // brat's file with the entities of the text, if it has one
}

// Files returns the files of the input.
func (in Input) Files() []string {
	if in.Entities == "" {
		return []string{in.Path}
	}
	return []string{in.Path, in.Entities}
}

// Left counts the files of folders that are left out.
type Left struct {
	Untagged int // texts without entities, in folders where brat keeps some
	Other    int // files that don't end in .txt, nor belong to brat
}

// String returns what was left out, "" if nothing was.
func (l Left) String() string {
	var parts []string
	if l.Untagged > 0 {
		parts = append(parts, english.Count(l.Untagged, "text")+" without an .ann file, in a folder with such files")
	}
	if l.Other > 0 {
		verb := " that do not end in .txt"
		if l.Other == 1 {
			verb = " that does not end in .txt"
		}
		parts = append(parts, english.Count(l.Other, "file")+verb)
	}
	if parts == nil {
		return ""
	}
	return "skipped " + strings.Join(parts, ", and ")
}

// annExt is the extension of the files in which brat keeps the entities of texts.
const annExt = ".ann"

// isAnn reports whether brat keeps entities in the file.
func isAnn(path string) bool { return strings.EqualFold(filepath.Ext(path), annExt) }

// isText reports whether the file is a text of a folder.
func isText(path string) bool { return strings.EqualFold(filepath.Ext(path), ".txt") }

// Find returns the files of args: a folder stands for the files in it, at any depth, whose
// names end in .txt, in the order of their paths; hidden ones are ignored. With brat, texts
// come with the files of their entities, and if a folder has any of these, texts in it that
// have none are left out.
func Find(args []string, brat bool) (list []Input, left Left, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" || err != nil || !info.IsDir() {
			in := Input{Path: arg} // errors are those of opening it
			if brat {
				in, err = withEntities(in)
			}
			if err != nil && brat && isAnn(arg) {
				return nil, left, err
			}
			list = append(list, in)
			continue
		}
		found, other, err := folder(arg, brat)
		if err != nil {
			return nil, left, err
		}
		texts := len(found)
		if slices.ContainsFunc(found, func(in Input) bool { return in.Entities != "" }) {
			found = slices.DeleteFunc(found, func(in Input) bool { return in.Entities == "" })
		}
		left.Untagged += texts - len(found)
		left.Other += other
		if len(found) == 0 {
			return nil, left, &fault.Error{File: arg, Err: errors.New("no file in this folder ends in .txt"), Hint: "name the files, for example " + filepath.Join(arg, "*.md")}
		}
		list = append(list, found...)
	}
	return list, left, nil
}

// withEntities adds to a text brat's file that is beside it, or to such a file its text.
func withEntities(in Input) (Input, error) {
	base := strings.TrimSuffix(in.Path, filepath.Ext(in.Path))
	switch {
	case isAnn(in.Path):
		in.Path, in.Entities = base+".txt", in.Path
		if _, err := os.Stat(in.Path); err != nil {
			return in, &fault.Error{File: in.Entities, Err: fmt.Errorf("no %s beside it", filepath.Base(in.Path)), Hint: "brat keeps a text and its entities in files of the same name, which end in .txt and .ann"}
		}
	case isText(in.Path):
		if info, err := os.Stat(base + annExt); err == nil && info.Mode().IsRegular() {
			in.Entities = base + annExt
		}
	}
	return in, nil
}

// bratConfigs are the names of brat's files for a folder
// (https://brat.nlplab.org/configuration.html).
var bratConfigs = []string{"annotation.conf", "visual.conf", "tools.conf", "kb_shortcuts.conf"}

// folder returns the texts in a folder, and how many other files it has.
func folder(dir string, brat bool) (list []Input, other int, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		in := Input{Path: filepath.ToSlash(path), InFolder: true}
		switch hidden := path != dir && strings.HasPrefix(entry.Name(), "."); {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return filepath.SkipDir
		case entry.IsDir() || hidden:
			return nil
		case brat && isAnn(path):
			_, err := withEntities(in)
			return err
		case !isText(path):
			if !brat || !slices.Contains(bratConfigs, entry.Name()) {
				other++
			}
			return nil
		}
		if brat {
			if in, err = withEntities(in); err != nil {
				return err
			}
		}
		list = append(list, in)
		return nil
	})
	return list, other, err
}

// A Reader reads the sentences of an input.
type Reader struct {
	Name      string // of the file, for messages
	Format    string // as [corpus.Read] names it, or "brat"
	Sentences iter.Seq2[*corpus.Sentence, error]
	files     []io.Closer
}

// Close closes the files.
func (r *Reader) Close() {
	for _, f := range r.files {
		_ = f.Close() // it was only read
	}
}

// Open returns a reader of in, which the caller closes. Reading it ends with ctx. format is
// as in [corpus.Read]; brat's files have their own.
func (in Input) Open(ctx context.Context, format string, how corpus.Reading) (*Reader, error) {
	f, name, err := cmdline.Open(in.Path)
	if err != nil {
		return nil, err
	}
	r := &Reader{Name: name, files: []io.Closer{f}}
	how.Documents = in.InFolder
	if in.Entities == "" {
		r.Sentences, r.Format, err = corpus.Read(name, cmdline.Interruptible(ctx, f), format, how)
	} else {
		r.Format = "brat"
		err = r.openEntities(ctx, f, in.Entities, how)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// openEntities prepares the reading of a text whose entities are in the file called path.
func (r *Reader) openEntities(ctx context.Context, text io.Reader, path string, how corpus.Reading) error {
	labels, err := bratLabels(path)
	if err != nil {
		return err
	}
	f, _, err := cmdline.Open(path)
	if err != nil {
		return err
	}
	r.files = append(r.files, f)
	r.Sentences = corpus.ReadBrat(r.Name, cmdline.Interruptible(ctx, text), corpus.Annotations{Name: path, In: cmdline.Interruptible(ctx, f), Of: labels}, how)
	return nil
}

// bratLabels returns the labels that annotation.conf beside path has for types, nil without
// such a file.
func bratLabels(path string) (map[string]string, error) {
	conf, err := os.Open(filepath.Join(filepath.Dir(path), "annotation.conf"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer conf.Close()
	return corpus.BratLabels(conf)
}
