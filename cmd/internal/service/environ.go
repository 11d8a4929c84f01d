package service

import (
	"net/url"
	"os"
	"slices"
	"strings"
)

// Environ returns the environment for a command that the user wants to be run, without
// the credentials that this program was given: without the variables of the service
// whose names say that they hold secrets, without those that hold the key or the value
// of a custom header under another name, and without an address that holds a password
// or a query.
func (o *Options) Environ() []string {
	const short = 8 // words of headers that may well stand in other variables
	secrets := []string{o.key}
	for line := range strings.Lines(os.Getenv("OPENAI_CUSTOM_HEADERS")) {
		_, value, _ := strings.Cut(line, ":")
		secrets = append(secrets, slices.DeleteFunc(strings.Fields(value), func(word string) bool { return len(word) < short })...)
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

// Again returns the flags with which another command reaches the same service with the
// same key: those that were given on the command line, and that the environment does not
// set. A key that came through a pipe of the shell has no flag.
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
	return flags
}
