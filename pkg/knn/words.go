package knn

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"nertools/pkg/markup"
)

// A splitter finds the words of sentences, as [BM25] tells. The rules are our own
// and not those of UAX #29, which leaves each character of most of the scripts
// without spaces a word by itself, and elsewhere hardly differs on tokenised text.
type splitter struct {
	text []byte // the sentence in NFKC form
	word []byte
	run  int  // characters of the present run in a script without spaces
	last rune // the last of them
}

// split calls visit with each word. The bytes are valid during the call.
func (s *splitter) split(text string, visit func(word []byte)) {
	s.text = norm.NFKC.AppendString(s.text[:0], text)
	for i := 0; i < len(s.text); {
		r, size := utf8.DecodeRune(s.text[i:])
		i += size
		switch {
		case unicode.Is(unicode.Cf, r): // joiners, soft hyphens and the like
		case unicode.IsSpace(r):
			s.endWord(visit)
		case !unicode.In(r, unicode.L, unicode.M, unicode.N):
			s.endWord(visit)
			s.endRun(visit)
		case markup.Unspaced(r), s.run > 0 && ofNoScript(r):
			s.endWord(visit)
			if s.run > 0 {
				s.word = utf8.AppendRune(utf8.AppendRune(s.word, s.last), r)
				s.endWord(visit)
			}
			s.run++
			s.last = r
		default:
			s.endRun(visit)
			s.word = utf8.AppendRune(s.word, fold(r))
		}
	}
	s.endWord(visit)
	s.endRun(visit)
}

func (s *splitter) endWord(visit func(word []byte)) {
	if len(s.word) > 0 {
		visit(s.word)
		s.word = s.word[:0]
	}
}

// endRun ends a run; a character that stood alone is a word.
func (s *splitter) endRun(visit func(word []byte)) {
	if s.run == 1 {
		s.word = utf8.AppendRune(s.word, s.last)
		s.endWord(visit)
	}
	s.run = 0
}

// ofNoScript reports whether a letter or mark belongs to whatever stands in front
// of it, as the Japanese prolonged sound mark does.
func ofNoScript(r rune) bool {
	return unicode.In(r, unicode.Common, unicode.Inherited) && !unicode.IsNumber(r)
}

// fold makes letters that differ in case alone the same.
func fold(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }
