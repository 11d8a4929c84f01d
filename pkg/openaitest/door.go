package openaitest

import (
	"net"
	"net/http"
	"strings"
)

// Door says how services differ in the address and the headers that a call must have. The
// zero value is OpenAI's.
type Door struct {
	// BasePath is the path that the API is under. "": /v1.
	BasePath string

	// Query is the name of a parameter without which an address does not exist, such as
	// Azure's api-version. "": no parameter is needed.
	Query string

	// KeyHeader is the header that must contain the key, in a call without Authorization.
	// "": Authorization, as a bearer key. NoKey: no call may have a key.
	KeyHeader string

	// Wants are headers that a call must have, with these values.
	Wants map[string]string
}

// NoKey is the Door.KeyHeader of a service that knows no keys.
const NoKey = "none"

// enter refuses a call that comes to another address, or lacks a header. Otherwise
// it brings the call's path into OpenAI's own form.
func (s *Server) enter(r *http.Request) *apiError {
	d := &s.opt.Door
	if d.BasePath != "" {
		rest, ok := strings.CutPrefix(r.URL.Path, d.BasePath+"/")
		if !ok {
			return &apiError{status: http.StatusNotFound, code: "404", message: "Resource not found"} // Azure's words
		}
		r.URL.Path = "/v1/" + rest
	}
	if d.Query != "" && !r.URL.Query().Has(d.Query) {
		return &apiError{status: http.StatusNotFound, code: "404", message: "Resource not found"}
	}
	for name, value := range d.Wants {
		if r.Header.Get(name) != value {
			return badRequest("", "", "the header %s is missing", name)
		}
	}
	return nil
}

// keyOf returns the key that a call has where the service expects it, and whether
// another header has one.
func (s *Server) keyOf(r *http.Request) (key string, misplaced bool) {
	authorization := r.Header.Get("Authorization")
	switch header := s.opt.KeyHeader; header {
	case "":
		scheme, key, _ := strings.Cut(authorization, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", false
		}
		return strings.TrimSpace(key), false
	case NoKey:
		return "", authorization != ""
	default:
		return strings.TrimSpace(r.Header.Get(header)), authorization != ""
	}
}

// store is the host name of the store that downloads are redirected to.
const store = "localhost"

// redirect sends a download on to the store. ok is false for a call that the store
// itself has to answer.
func redirect(r *http.Request) (rep response, ok bool) {
	host, port, _ := net.SplitHostPort(r.Host)
	if host != store {
		to := "http://" + net.JoinHostPort(store, port) + r.URL.Path
		return response{status: http.StatusFound, header: http.Header{"Location": {to}}}, true
	}
	for name := range r.Header {
		switch name {
		case "Accept", "Accept-Encoding", "Range", "User-Agent":
		default:
			return badRequest("", "", "the store was sent the header %s", name).reply(), true
		}
	}
	return rep, false
}
