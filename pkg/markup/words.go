package markup

import (
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
)

// A Word is a word of a text, or a piece of the punctuation beside words.
type Word struct {
	Span // of characters
	Text string
}

// AppendWords appends the words of text as Unicode divides them (UAX #29), without the white
// space between them.
func AppendWords(dst []Word, text string) []Word {
	at, char := 0, 0
	for all := words.FromString(text); all.Next(); {
		for part := all.Value(); part != ""; {
			n := 0 // bytes of white space, or up to it
			space := spaceAt(part, 0) > 0
			for n < len(part) {
				size := spaceAt(part, n)
				if size > 0 != space {
					break
				}
				if size == 0 {
					_, size = utf8.DecodeRuneInString(part[n:])
				}
				n += size
			}
			end := char + utf8.RuneCountInString(part[:n])
			if !space {
				dst = append(dst, Word{Span{char, end}, text[at : at+n]})
			}
			at, char, part = at+n, end, part[n:]
		}
	}
	return dst
}
