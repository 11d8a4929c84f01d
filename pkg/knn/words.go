package knn

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"nertools/pkg/markup"
)

// A splitter splits sentences into words as [BM25] describes. The rules differ from UAX
// #29, which makes single characters words in most scripts without spaces; for tokenised
// text in other scripts there is hardly a difference.
type splitter struct {
	text     []byte // the sentence in NFKC form
	word     []byte
	from, to int // where the word is in text

	run              int  // length of the current run in a script without spaces, in characters
	last             rune // its last character
	lastFrom, lastTo int  // where that is in text
}

// split calls visit with each word, in order. The word is valid during the call. It is in
// the bytes from to to-1 of the text in NFKC form.
func (s *splitter) split(text string, visit func(word []byte, from, to int)) {
	s.text = norm.NFKC.AppendString(s.text[:0], text)
	for i := 0; i < len(s.text); {
		r, size := utf8.DecodeRune(s.text[i:])
		at := i
		i += size
		switch {
		case unicode.Is(unicode.Cf, r): // joiners, soft hyphens and similar characters
		case unicode.IsSpace(r):
			s.endWord(visit)
		case !unicode.In(r, unicode.L, unicode.M, unicode.N):
			s.endWord(visit)
			s.endRun(visit)
		case markup.Unspaced(r), s.run > 0 && ofNoScript(r):
			s.endWord(visit)
			if s.run > 0 {
				s.word = utf8.AppendRune(utf8.AppendRune(s.word, s.last), r)
				s.from, s.to = s.lastFrom, i
				s.endWord(visit)
			}
			s.run++
			s.last, s.lastFrom, s.lastTo = r, at, i
		default:
			s.endRun(visit)
			if len(s.word) == 0 {
				s.from = at
			}
			s.word, s.to = utf8.AppendRune(s.word, fold(r)), i
		}
	}
	s.endWord(visit)
	s.endRun(visit)
}

func (s *splitter) endWord(visit func(word []byte, from, to int)) {
	if len(s.word) > 0 {
		visit(s.word, s.from, s.to)
		s.word = s.word[:0]
	}
}

// endRun ends a run. A run of a single character is a word.
func (s *splitter) endRun(visit func(word []byte, from, to int)) {
	if s.run == 1 {
		s.word = utf8.AppendRune(s.word, s.last)
		s.from, s.to = s.lastFrom, s.lastTo
		s.endWord(visit)
	}
	s.run = 0
}

// ofNoScript reports whether a letter or mark belongs to whatever precedes it, like the
// Japanese prolonged sound mark.
func ofNoScript(r rune) bool {
	return unicode.In(r, unicode.Common, unicode.Inherited) && !unicode.IsNumber(r)
}

// fold maps letters that differ only in case to the same letter.
func fold(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }
