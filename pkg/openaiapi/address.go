package openaiapi

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"nertools/pkg/fault"
	"nertools/pkg/safetext"
)

// DefaultBaseURL is the base URL of OpenAI's own service.
const DefaultBaseURL = "https://api.openai.com/v1"

// ErrUnencrypted is the error of a base URL with plain http to another machine.
var ErrUnencrypted = errors.New("would receive the API key unencrypted")

// ParseBaseURL parses a base URL ("" for [DefaultBaseURL]) and normalizes it: it removes the
// user, a default port and a slash at the end, and puts the host in lower case. It keeps
// the query and escapes, which some services use for versions and deployments. From then
// on, secrets in the URL are removed from all messages.
func ParseBaseURL(base string) (*url.URL, error) {
	u, err := url.Parse(cmp.Or(strings.TrimSpace(base), DefaultBaseURL))
	if err != nil {
		return nil, fault.WithHint(errors.New("the base URL cannot be parsed"), "give it as https://HOST/v1") // err tells its password
	}
	hideSecrets(u)
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fault.WithHint(fmt.Errorf("base URL %q is not an http address", display(u)), "give it as https://HOST/v1")
	}
	port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	u.Host = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), port), ":")
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	u.User, u.Fragment, u.RawFragment, u.ForceQuery = nil, "", "", false
	return u, nil
}

// under is the address of a path under the base URL, which may have a query of
// its own.
func under(base *url.URL, path string) (*url.URL, error) {
	path, query, _ := strings.Cut(path, "?")
	to := *base
	to.RawPath = base.EscapedPath() + "/" + path
	var err error
	if to.Path, err = url.PathUnescape(to.RawPath); err != nil {
		return nil, fmt.Errorf("prepare the request: %w", err)
	}
	to.RawQuery = strings.Trim(base.RawQuery+"&"+query, "&")
	return &to, nil
}

// IsLoopback reports whether a host is this machine, whatever the network says.
func IsLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	if i := strings.IndexByte(host, '%'); i >= 0 {
		host = host[:i] // a zone
	}
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// A parameter whose value may be shown. Any other may be a secret.
var harmless = regexp.MustCompile(`(?i)^(api-?)?version$`)

var secretName = regexp.MustCompile(`(?i)key|token|secret|sig|pass|pwd|auth|cred|code`)

// hideSecrets makes sure that what is secret in an address shows in no message:
// the password, and what the query hands over. Other values are words that a message
// may hold by chance.
func hideSecrets(u *url.URL) {
	if u.User != nil {
		password, _ := u.User.Password()
		safetext.AddSecret(password)
	}
	for name, values := range u.Query() {
		for _, v := range values {
			if !harmless.MatchString(name) && (secretName.MatchString(name) || len(v) >= 16) {
				safetext.AddSecret(v)
			}
		}
	}
}

// hideOtherSecrets keeps out of messages the passwords of proxies and what is secret in
// headers.
func hideOtherSecrets(header http.Header) {
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"} {
		for _, v := range []string{os.Getenv(name), os.Getenv(strings.ToLower(name))} {
			if u, err := url.Parse(v); err == nil && u.User != nil {
				password, _ := u.User.Password()
				safetext.AddSecret(password)
			}
		}
	}
	for name, values := range header {
		if !secretName.MatchString(name) {
			continue
		}
		for _, value := range values {
			safetext.AddSecret(value)
			if _, token, ok := strings.Cut(value, " "); ok { // "Bearer ..."
				safetext.AddSecret(strings.TrimSpace(token))
			}
		}
	}
}

// display is an address as it may be shown.
func display(u *url.URL) string {
	shown := *u
	if u.User != nil {
		shown.User = url.User("…")
	}
	if query := shown.Query(); len(query) > 0 {
		var parts []string
		for pair := range strings.SplitSeq(shown.RawQuery, "&") {
			name, _, _ := strings.Cut(pair, "=")
			if !harmless.MatchString(name) {
				pair = name + "=…"
			}
			parts = append(parts, pair)
		}
		shown.RawQuery = strings.Join(parts, "&")
	}
	s := shown.String()
	return strings.ReplaceAll(s, url.User("…").String(), "…")
}
