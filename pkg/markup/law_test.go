package markup_test

import (
	"html"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"nertools/pkg/markup"
)

// reads is the law, checked slowly and apart from the code: the source's tokens
// in the span are the text of the entity, white space, form and case aside, and
// aside from punctuation at the outer ends.
func reads(s *markup.Source, f markup.Found) bool {
	if f.Start < 0 || f.Start >= f.End || f.End > len(s.Tokens) {
		return false
	}
	tokens, text := s.Tokens[f.Start:f.End], plainly(strings.Fields(f.Text))
	if text == "" {
		return false
	}
	whole := plainly(tokens)
	if strings.EqualFold(whole, text) {
		return true
	}
	// What is missing at an end stands within one token, and is punctuation.
	first, last := plainly(tokens[:1]), plainly(tokens[len(tokens)-1:])
	for i := range whole {
		rest := whole[i:]
		if len(rest) < len(text) || i >= len(first) || strings.TrimFunc(whole[:i], atEdge) != "" {
			break
		}
		for end := len(rest); end > 0 && len(rest)-end < len(last); end-- {
			if strings.TrimFunc(rest[end:], atEdge) == "" && strings.EqualFold(rest[:end], text) {
				return true
			}
		}
	}
	return false
}

// plainly joins tokens in one form. Quotes and dashes become ASCII.
func plainly(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString(html.UnescapeString(t))
	}
	s := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f:
			return -1
		case strings.ContainsRune("‘’‚‛′", r):
			return '\''
		case strings.ContainsRune("“”„‟", r):
			return '"'
		case strings.ContainsRune("‐‑‒–—―−", r):
			return '-'
		}
		return r
	}, norm.NFKD.String(b.String()))
	return s
}

func atEdge(r rune) bool {
	return unicode.IsPunct(r) || unicode.Is(unicode.So, r) || strings.ContainsRune("\ufe0f\u200d\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff", r)
}
