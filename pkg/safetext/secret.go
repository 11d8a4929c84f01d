package safetext

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// hidden replaces a secret.
const hidden = "…"

// The secrets of this process. They are global because no part of the process may print
// them.
var (
	known  atomic.Pointer[secrets]
	adding sync.Mutex
)

type secrets struct {
	all    []string          // as given
	long   *strings.Replacer // those of at least longSecret characters, in several encodings
	short  []string          // the others
	random []string          // those that no text contains by chance
}

// A secret of at least longSecret characters is hidden wherever it occurs. A shorter one,
// such as the "none" or "x" that people pass to local servers, is hidden only in other
// programs' messages, and only as a separate word.
const longSecret = 8

// AddSecret registers s as a secret, which this package then removes from all text it
// makes safe.
func AddSecret(s string) {
	if s == "" {
		return
	}
	adding.Lock()
	defer adding.Unlock()
	next := new(secrets)
	if old := known.Load(); old != nil {
		if slices.Contains(old.all, s) {
			return
		}
		*next = *old
	}
	next.all = append(slices.Clip(next.all), s)
	if isRandom(s) {
		next.random = append(slices.Clip(next.random), s)
	}
	var pairs []string
	next.short = nil
	for _, s := range next.all {
		if len(s) < longSecret {
			next.short = append(next.short, s)
			continue
		}
		for _, form := range encodings(s) {
			pairs = append(pairs, form, hidden)
		}
	}
	next.long = strings.NewReplacer(pairs...)
	known.Store(next)
}

// isRandom reports whether s looks like a generated key rather than a placeholder word.
func isRandom(s string) bool {
	return len(s) >= 16 && strings.ContainsFunc(s, unicode.IsDigit) && strings.ContainsFunc(s, unicode.IsLetter)
}

// encodings returns the forms in which a secret may come back, longest first.
func encodings(s string) []string {
	forms := []string{s, url.QueryEscape(s), url.PathEscape(s)}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		// The encoded form depends on the secret's offset in the encoded text.
		for offset := range 3 {
			text := enc.EncodeToString([]byte(strings.Repeat("\x00", offset) + s))
			first, last := (offset*4+2)/3, len(text)
			if (offset+len(s))%3 != 0 {
				last-- // it also encodes part of what follows
			}
			forms = append(forms, text[first:last])
		}
	}
	slices.Sort(forms)
	forms = slices.Compact(forms)
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return forms
}

// Data removes this process's secrets from text that is otherwise stored exactly as it
// came, such as a model's answer. It removes only secrets that the text can't contain by
// chance.
func Data(s string) string {
	k := known.Load()
	if k == nil {
		return s
	}
	for _, secret := range k.random {
		if strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, hidden)
		}
	}
	return s
}

// Patterns of secrets that this process does not know. The looser ones are applied only
// to other programs' messages, since file names may look like them.
var (
	loose    = regexp.MustCompile(`\b(sk|sess|key|xai|pplx|nvapi)-[A-Za-z0-9_*.-]{4,}`)
	strict   = regexp.MustCompile(`\b((sk|sess|xai|pplx|nvapi)-|(sk|gsk|hf)_|AIza)[A-Za-z0-9_-]*[A-Za-z0-9]{16,}[A-Za-z0-9_-]*`)
	header   = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/*=-]{6,}`)
	userinfo = regexp.MustCompile(`://[^/\s@"']*@`)
	inQuery  = regexp.MustCompile(`(?i)([?&;][a-z0-9_.-]*(?:key|token|secret|sig|signature|password|passwd|pwd|code|auth|credential)=)[^&#\s"']+`)
)

// hide removes secrets from s. foreign means that s is another program's message.
func hide(s string, foreign bool) string {
	if k := known.Load(); k != nil {
		s = k.long.Replace(s)
		if foreign {
			for _, secret := range k.short {
				s = hideWord(s, secret)
			}
		}
	}
	if strings.Contains(s, "://") {
		s = userinfo.ReplaceAllString(s, "://"+hidden+"@")
	}
	if strings.Contains(s, "=") {
		s = inQuery.ReplaceAllString(s, "${1}"+hidden)
	}
	if foreign {
		s = header.ReplaceAllStringFunc(s, func(h string) string {
			name, value, _ := strings.Cut(h, " ")
			if !strings.ContainsFunc(value, unicode.IsDigit) {
				return h // "bearer authentication"
			}
			return name + " " + hidden
		})
		s = loose.ReplaceAllString(s, "$1-"+hidden)
	}
	return strict.ReplaceAllStringFunc(s, func(key string) string {
		if !isRandom(key) {
			return key
		}
		return key[:strings.IndexAny(key, "-_a")+1] + hidden
	})
}

// hideWord hides word where it occurs as a separate word.
func hideWord(s, word string) string {
	for from := 0; ; {
		i := strings.Index(s[from:], word)
		if i < 0 {
			return s
		}
		i += from
		end := i + len(word)
		if i > 0 && partOfWord(s[i-1]) || end < len(s) && partOfWord(s[end]) {
			from = i + 1
			continue
		}
		s = s[:i] + hidden + s[end:]
		from = i + len(hidden)
	}
}

func partOfWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= 0x80
}
