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
	const holds = "the file must contain the key alone, or OPENAI_API_KEY=KEY"
	if path != "-" {
		info, err := os.Stat(path)
		if err != nil {
			if inner, ok := errors.AsType[*fs.PathError](err); ok {
				err = inner.Err
			}
			return "", fault.WithHint(fmt.Errorf("--api-key-file: %w", err), "give the name of a file that contains the key; other users of this computer could see the key itself")
		}
		if info.IsDir() {
			return "", &fault.Error{File: path, Err: errors.New("is a directory"), Hint: "name a file that contains the key"}
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
		return "", &fault.Error{File: path, Err: fmt.Errorf("no API key came within %v", keyWait), Hint: holds}
	}
	key := parseKey(string(bytes.TrimPrefix(got.data, []byte(record.ByteOrderMark))))
	switch {
	case got.err != nil:
		return "", fmt.Errorf("read the API key: %w", got.err)
	case len(got.data) > maxKey:
		return "", &fault.Error{File: got.name, Err: fmt.Errorf("more than %s: not an API key", english.Count(maxKey, "byte")), Hint: holds}
	case key == "":
		return "", &fault.Error{File: got.name, Err: errors.New("it contains no API key"), Hint: holds}
	}
	return key, nil
}

// assignment is a line that a shell or systemd's EnvironmentFile reads a variable from.
var assignment = regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?([A-Z_][A-Z0-9_]*)=[ \t]*("[^"\n]*"|'[^'\n]*'|[^\s#]*)`)

// parseKey returns the key in a text that contains only the key, or assigns it to
// OPENAI_API_KEY, or to any variable if there is only one. It returns "" if there is none.
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
