package markup_test

import (
	"html"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"nertools/pkg/markup"
)

// A subject is a sentence and what aligns answers to it.
type subject struct {
	markup.Original
	markup.Aligner
}

// text returns the tokens of a span.
func (s *subject) text(sp markup.Span) string { return strings.Join(s.Tokens[sp.Start:sp.End], " ") }

// reads is the law, checked slowly and apart from the code: the original's tokens
// in the span are the text of the entity, white space, form and case aside, and
// aside from punctuation at the outer ends.
func reads(s *markup.Original, f markup.Found) bool {
	if f.Start < 0 || f.Start >= f.End || f.End > len(s.Tokens) {
		return false
	}
	tokens, text := s.Tokens[f.Start:f.End], plainly(strings.Fields(f.Text))
	if slices.Equal(tokens, markup.AppendTokens(nil, f.Text)) { // also such as have no letters
		return true
	}
	if text == "" {
		return false
	}
	whole := plainly(tokens)
	if whole == text {
		return true
	}
	// What is missing at an end stands within one token, and is punctuation.
	first, last := len(plainly(tokens[:1])), len(whole)-len(plainly(tokens[len(tokens)-1:]))
	for i, r := range whole {
		end := i + len(text)
		if i >= first || end > len(whole) {
			break
		}
		if end > last && strings.HasPrefix(whole[i:], text) && strings.TrimFunc(whole[end:], atEdge) == "" {
			return true
		}
		if !atEdge(r) {
			break
		}
	}
	return false
}

// signsOf are what the Penn Treebank and Markdown write for others, and quotes.
var signsOf = func() *strings.Replacer {
	list := []string{"-LRB-", "(", "-RRB-", ")", "-LSB-", "[", "-RSB-", "]", "-LCB-", "{", "-RCB-", "}"}
	for i := range len(list) / 2 {
		list = append(list, strings.ToLower(list[2*i]), list[2*i+1])
	}
	for _, c := range "!#$%&()*+,./:;<=>?@[]^_{|}~'" {
		list = append(list, "\\"+string(c), string(c))
	}
	return strings.NewReplacer(append(list, "\\\"", "''", "\\`", "'", "`", "'", "\"", "''")...)
}()

// plainly joins tokens in one form and case: quotes and dashes become ASCII, and what may
// be left out is left out.
func plainly(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		t = strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f:
				return -1
			case strings.ContainsRune("‘’‚‛′ʼ׳", r):
				return '\''
			case strings.ContainsRune("“”„‟״", r):
				return '"'
			case strings.ContainsRune("‐‑‒–—―−־⸺⸻", r):
				return '-'
			case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
				return -1
			case unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) && (r < 0xfff9 || r > 0xfffb) && (r < 0x13430 || r > 0x13440):
				return -1
			case unicode.Is(unicode.Mn, r) && unicode.In(r, unicode.Hebrew) || r == '\u0640' || r >= 0x64b && r <= 0x652 || r == 0x670:
				return -1
			case unicode.Is(unicode.Mn, r) && (r >= 0x610 && r <= 0x61a || r >= 0x6d6 && r <= 0x6ed):
				return -1
			}
			return r
		}, norm.NFKD.String(html.UnescapeString(t)))
		t = signsOf.Replace(t)
		for strings.Contains(t, "--") {
			t = strings.ReplaceAll(t, "--", "-")
		}
		for _, r := range t {
			least := r
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				least = min(least, f)
			}
			b.WriteRune(least)
		}
	}
	return b.String()
}

func atEdge(r rune) bool {
	return unicode.IsPunct(r) || unicode.Is(unicode.So, r) || strings.ContainsRune("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff", r)
}
