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

// hidden stands in the place of a secret.
const hidden = "…"

// known are the secrets of this process. They belong to it as a whole: whatever
// it prints must not show them, whichever part of it says something.
var (
	known  atomic.Pointer[secrets]
	adding sync.Mutex
)

type secrets struct {
	all    []string          // as given
	long   *strings.Replacer // of those of at least 8 characters, in several encodings
	short  []string          // the others
	random []string          // those that no text can hold by chance
}

// A secret of so many characters is hidden wherever it is found. A shorter one,
// such as the "none" or "x" that local servers are given, is hidden in messages of
// other programs only, and where it is a word of its own.
const longSecret = 8

// AddSecret makes sure that s shows in nothing that this package has made safe.
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

// isRandom tells a generated key from a word that stands in place of one.
func isRandom(s string) bool {
	return len(s) >= 16 && strings.ContainsFunc(s, unicode.IsDigit) && strings.ContainsFunc(s, unicode.IsLetter)
}

// encodings are the forms in which a secret may come back, the longest first.
func encodings(s string) []string {
	forms := []string{s, url.QueryEscape(s), url.PathEscape(s)}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		// What the secret looks like depends on where it begins in what was encoded.
		for offset := range 3 {
			text := enc.EncodeToString([]byte(strings.Repeat("\x00", offset) + s))
			first, last := (offset*4+2)/3, len(text)
			if (offset+len(s))%3 != 0 {
				last-- // shared with what follows
			}
			forms = append(forms, text[first:last])
		}
	}
	slices.Sort(forms)
	forms = slices.Compact(forms)
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return forms
}

// Data takes the secrets of this process out of text that is kept exactly as it
// came, such as a model's answer: only those that it can't hold by chance.
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

// Patterns of secrets that this process does not know. Only messages of other
// programs are searched for the looser ones, since file names may look like them.
var (
	loose    = regexp.MustCompile(`\b(sk|sess|key|xai|pplx|nvapi)-[A-Za-z0-9_*.-]{4,}`)
	strict   = regexp.MustCompile(`\b((sk|sess|xai|pplx|nvapi)-|(sk|gsk|hf)_|AIza)[A-Za-z0-9_-]*[A-Za-z0-9]{16,}[A-Za-z0-9_-]*`)
	header   = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/*=-]{6,}`)
	userinfo = regexp.MustCompile(`://[^/\s@"']*@`)
	inQuery  = regexp.MustCompile(`(?i)([?&;][a-z0-9_.-]*(?:key|token|secret|sig|signature|password|passwd|pwd|code|auth|credential)=)[^&#\s"']+`)
)

// hide takes secrets out of s. foreign says that s is a message of another
// program.
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

// hideWord takes out the word where it is not part of a longer one.
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
