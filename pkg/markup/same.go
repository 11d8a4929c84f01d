package markup

import "unicode/utf8"

// same aligns an answer that is the original, token for token, once or several times,
// with marks as [AppendMarked] writes them. Most answers are like that, and most of the time is
// saved here. The original and the answer are read side by side, which tells a sign of the
// original from a mark.
func (o *Original) same(answer string) (Alignment, bool) {
	var out Alignment
	if o.Unit == Char {
		return o.sameChars(answer)
	}
	pos, token, open := 0, 0, -1 // open is the token at which an entity begins
	text := 0                    // where its text begins
	var found map[Span]bool      // in the copies before
	copied := 0                  // how many of out.Found these are
	for {
		for pos < len(answer) {
			if c := answer[pos]; c < utf8.RuneSelf && !asciiSpace[c] {
				break
			}
			size := spaceAt(answer, pos)
			if size == 0 {
				break
			}
			pos += size
		}
		if pos == len(answer) || len(o.Tokens) == 0 {
			break
		}
		if token == len(o.Tokens) {
			if open >= 0 {
				return out, false
			}
			if found == nil {
				found = map[Span]bool{}
			}
			for _, f := range out.Found[copied:] {
				found[f.Span] = true
			}
			out.Class, token, copied = Chatter, 0, len(out.Found)
		}
		want := o.Tokens[token]
		if answer[pos] == '@' && opens(answer[pos:], want) {
			if open >= 0 {
				return out, false
			}
			pos += len(Open)
			open, text = token, pos
		}
		if len(answer)-pos < len(want) || answer[pos:pos+len(want)] != want {
			return out, false
		}
		pos += len(want)
		token++
		if len(answer)-pos >= len(Close) && answer[pos:pos+len(Close)] == Close {
			if open < 0 {
				return out, false
			}
			if sp := (Span{open, token}); !found[sp] {
				out.Found = append(out.Found, Found{Span: sp, How: Exact, Text: answer[text:pos]})
			}
			pos += len(Close)
			open = -1
		}
		if pos < len(answer) && spaceAt(answer, pos) == 0 {
			return out, false
		}
	}
	if found != nil {
		sortFound(out.Found)
	}
	return out, pos == len(answer) && token == len(o.Tokens) && token > 0 && open < 0
}

// opens reports whether answer begins with a mark and not only with the signs that
// a token begins with.
func opens(answer, token string) bool {
	signs := count(answer, '@')
	return signs > 1 && signs == count(token, '@')+len(Open)
}

// count counts the signs at the start of s.
func count(s string, sign byte) (n int) {
	for n < len(s) && s[n] == sign {
		n++
	}
	return n
}
