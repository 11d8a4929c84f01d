package service

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Environ returns the environment for a command of the user, without the credentials that
// this program was given. It leaves out variables of the service that contain secrets by
// their name, any variable that contains the key or the value of a custom header, and a
// base URL with a password or a query. The key has to be read before.
func (o *Options) Environ() []string {
	const short = 8 // shorter words may occur in other variables by chance
	secrets := []string{o.key}
	for _, values := range []http.Header{customHeaders(), o.read} {
		for name := range values {
			secrets = append(secrets, slices.DeleteFunc(strings.Fields(values.Get(name)), func(word string) bool { return len(word) < short })...)
		}
	}
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, value, _ := strings.Cut(variable, "=")
		if name == "OPENAI_BASE_URL" {
			u, err := url.Parse(value)
			return err != nil || u.User != nil || u.RawQuery != ""
		}
		if strings.Contains(name, "OPENAI") && slices.ContainsFunc([]string{"KEY", "SECRET", "TOKEN", "HEADER", "PASSWORD"}, func(word string) bool { return strings.Contains(name, word) }) {
			return true
		}
		return slices.ContainsFunc(secrets, func(secret string) bool {
			return secret != "" && (value == secret || len(secret) >= short && strings.Contains(value, secret))
		})
	})
}

// Again returns the flags that another command needs to reach the same service with the same
// key, as far as the environment does not set them. A key file that was a pipe of the shell
// (/dev/fd/63) is left out, because it no longer exists, and so is the value of a header that
// is not in a file.
func (o *Options) Again() (flags []string) {
	if o.BaseURL != os.Getenv("OPENAI_BASE_URL") {
		flags = append(flags, "--base-url", o.BaseURL)
	}
	if o.KeyFile != "" && !strings.HasPrefix(o.KeyFile, "/dev/fd/") && !strings.HasPrefix(o.KeyFile, "/proc/") {
		flags = append(flags, "--api-key-file", o.KeyFile)
	}
	if o.AllowHTTP {
		flags = append(flags, "--allow-http")
	}
	for _, h := range o.headers {
		flags = append(flags, h.again()...)
	}
	return flags
}

// customHeaders returns the headers that OPENAI_CUSTOM_HEADERS contains, one a line.
func customHeaders() http.Header {
	all := http.Header{}
	for line := range strings.Lines(os.Getenv("OPENAI_CUSTOM_HEADERS")) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			all.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return all
}
