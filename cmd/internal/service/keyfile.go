package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
)

const (
	// maxKey bounds a file with a key, in bytes.
	maxKey = 16 << 10
	// keyWait is how long a pipe has for the key: a program that asks people for a
	// password may be at its other end.
	keyWait = time.Minute
)

// keyFile reads the key from a file, a pipe, or stdin ("-"). If the file does not exist,
// the error does not contain its name, which may be the key itself.
func keyFile(ctx context.Context, path string) (string, error) {
	key := secret{
		flag: "--api-key-file", what: "API key", hint: "give the name of a file that contains the key; other users of this computer could see the key itself",
		holds: "the file must contain the key alone, or OPENAI_API_KEY=KEY", parse: parseKey,
	}
	return key.read(ctx, path)
}

// secret describes what is read from a file that a flag names.
type secret struct {
	flag, what string
	hint       string              // if there is no such file
	holds      string              // what must be in it
	parse      func(string) string // returns "" if it is not
}

// read reads the secret from a file, a pipe, or stdin ("-").
func (s *secret) read(ctx context.Context, path string) (string, error) {
	if path != "-" {
		info, err := os.Stat(path)
		if err != nil {
			if inner, ok := errors.AsType[*fs.PathError](err); ok {
				err = inner.Err
			}
			return "", fault.WithHint(fmt.Errorf("%s: %w", s.flag, err), s.hint)
		}
		if info.IsDir() {
			return "", &fault.Error{File: path, Err: errors.New("is a directory"), Hint: "name a file that contains the " + strings.TrimPrefix(s.what, "API ")}
		}
	}
	type result struct {
		data []byte
		name string
		err  error
	}
	done := make(chan result, 1)
	go func() { // to open a pipe that nobody writes to takes forever
		r, name, err := cmdline.Open(path)
		if err != nil {
			done <- result{nil, name, err}
			return
		}
		defer r.Close()
		data, err := io.ReadAll(io.LimitReader(r, maxKey+1))
		done <- result{data, name, err}
	}()
	timeout := time.NewTimer(keyWait)
	defer timeout.Stop()
	var got result
	select {
	case got = <-done:
	case <-ctx.Done():
		return "", ctx.Err()
	case <-timeout.C:
		return "", &fault.Error{File: path, Err: fmt.Errorf("no %s came within %v", s.what, keyWait), Hint: s.holds}
	}
	value := s.parse(string(bytes.TrimPrefix(got.data, []byte(record.ByteOrderMark))))
	switch {
	case got.err != nil:
		return "", fmt.Errorf("read the %s: %w", s.what, got.err)
	case len(got.data) > maxKey:
		return "", &fault.Error{File: got.name, Err: fmt.Errorf("more than %s: not an %s", english.Count(maxKey, "byte"), s.what), Hint: s.holds}
	case value == "":
		return "", &fault.Error{File: got.name, Err: fmt.Errorf("it contains no %s", s.what), Hint: s.holds}
	}
	return value, nil
}

// assignment is a line that a shell or systemd's EnvironmentFile reads a variable from.
var assignment = regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?([A-Z_][A-Z0-9_]*)=[ \t]*("[^"\n]*"|'[^'\n]*'|[^\s#]*)`)

// parseKey returns the key in a text that contains only the key, or assigns it to
// OPENAI_API_KEY, or to any variable if there is only one. It returns "" if the text
// contains no key.
func parseKey(text string) string {
	values := map[string]string{}
	for _, m := range assignment.FindAllStringSubmatch(text, -1) {
		if value := strings.Trim(m[2], `"'`); m[1] == "OPENAI_API_KEY" || strings.Trim(value, "=") != "" { // "Zm9v==" is a key
			values[m[1]] = value
		}
	}
	if key, ok := values["OPENAI_API_KEY"]; ok || len(values) > 1 {
		return key
	}
	for _, key := range values {
		return key
	}
	return strings.TrimSpace(text)
}
