package service

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/safetext"
)

// header is a header that the user adds to every call. Its value is either text or in a
// file.
type header struct{ name, text, file string }

var (
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	// credential matches the names of headers whose values other users of this computer
	// must not see.
	credential = regexp.MustCompile(`(?i)key|token|secret|passw|credential|cookie|session|signature|(^|-)auth(orization)?($|-)`)
	// keyHeader matches the names of headers that stand in for the API key.
	keyHeader = regexp.MustCompile(`(?i)^(authorization|(x-)?api-key)$`)
	// fixed matches the names of headers that belong to the request itself.
	fixed = regexp.MustCompile(`(?i)^(host|connection|transfer-encoding|content-.*|accept-encoding|te|trailer|upgrade)$`)
)

// minHidden is the length, in bytes, from which on messages leave out a header's value
// that is no credential. Shorter ones are ordinary words.
const minHidden = 8

// parseHeader parses NAME: VALUE, or NAME: @FILE. Its errors do not contain the value.
func parseHeader(text string) (header, error) {
	name, value, ok := strings.Cut(text, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	file, isFile := strings.CutPrefix(value, "@")
	switch {
	case !ok || !headerName.MatchString(name):
		return header{}, cmdline.UsageError("--header must be NAME: VALUE or NAME: @FILE")
	case fixed.MatchString(name):
		return header{}, cmdline.UsageError("--header cannot set %s, which belongs to the request itself", name)
	case isFile && (file == "" || file == "-"):
		return header{}, cmdline.UsageError("--header %s must name a file after the @", name)
	case isFile:
		return header{name: name, file: file}, nil
	case credential.MatchString(name):
		return header{}, cmdline.UsageError("--header %s must name a file that contains the value: '%s: @FILE' (other users of this computer could see the value itself)", name, name)
	case value == "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return header{}, cmdline.UsageError("--header %s must have a value on one line", name)
	}
	return header{name: name, text: value}, nil
}

// setHeaders is the action of the flag --header.
func (o *Options) setHeaders(_ *cli.Context, given []string) error {
	o.headers = nil
	for _, text := range given {
		h, err := parseHeader(text)
		if err != nil {
			return err
		}
		o.headers = append(o.headers, h)
	}
	return nil
}

// header returns the headers for every call: those of OPENAI_CUSTOM_HEADERS and those of
// the flag, which win. From then on no message contains a value that was in a file.
func (o *Options) header(ctx context.Context) (http.Header, error) {
	if o.read != nil {
		return o.read, nil
	}
	all := customHeaders()
	for _, h := range o.headers {
		value := h.text
		if h.file != "" {
			content := secret{
				flag: "--header " + h.name, what: h.name, hint: "give the name of a file that contains the value of the header",
				holds: "the file must contain the value of the header, on one line", parse: parseValue,
			}
			var err error
			if value, err = content.read(ctx, h.file); err != nil {
				return nil, cmdline.Exit(cmdline.Key, err)
			}
		}
		if h.file != "" || len(value) >= minHidden {
			safetext.AddSecret(value)
		}
		if _, token, ok := strings.Cut(value, " "); ok && h.file != "" { // "Bearer ..."
			safetext.AddSecret(strings.TrimSpace(token))
		}
		all.Set(h.name, value)
	}
	o.read = all
	return all, nil
}

// parseValue returns the only line of a text, or "".
func parseValue(text string) string {
	text = strings.TrimSpace(text)
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return ""
	}
	return text
}

// standIn returns the name of the flag's header that stands in for the API key, or "".
func (o *Options) standIn() string {
	for _, h := range o.headers {
		if keyHeader.MatchString(h.name) {
			return h.name
		}
	}
	return ""
}

// again returns the flag for another command. A value that is not in a file is left out.
func (h *header) again() []string {
	if h.file != "" {
		return []string{"--header", h.name + ": @" + h.file}
	}
	return []string{"--header", h.name + ": …"}
}
