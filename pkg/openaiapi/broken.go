package openaiapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"nertools/pkg/record"
	"nertools/pkg/safetext"
	"nertools/pkg/wire"
)

// errTooLong is the error of an answer that is too long to be read.
var errTooLong = fmt.Errorf("an answer of more than %d MiB", maxAnswer>>20)

// broken tells a call that the caller gave up from one that ran out of time, one
// whose connection broke, and one that can't be made at all. limit is the time that
// the call had.
func broken(ctx, call context.Context, limit time.Duration, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &wire.Error{Failure: record.Failure{Class: record.Network, Message: safetext.Message(reason(err))}}
	timeout, isTimeout := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	switch {
	case call.Err() != nil:
		e.Class, e.Message = record.Timeout, fmt.Sprintf("no answer within %v", limit)
	case errors.Is(err, errTooLong):
		e.Class, e.Lasting = record.Malformed, true
	case isTimeout && timeout.Timeout():
		e.Class = record.Timeout
	case errors.Is(err, errSwitched):
		e.Class, e.Status, e.WrongAddress = record.Invalid, http.StatusSwitchingProtocols, true
	default:
		e.Lasting, e.Suspect, e.Hint = lasting(err)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" || is[*net.DNSError](err) || is[*tls.CertificateVerificationError](err) {
		e.Unsent = true
	}
	return e
}

// reason is what went wrong with a connection.
func reason(err error) string {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed in the middle of the answer"
	case speaksTLS(err):
		return "the server expects https, not http"
	case errors.Is(err, http.ErrSchemeMismatch), is[tls.RecordHeaderError](err):
		return "the server does not speak https"
	}
	return err.Error()
}

// lasting reports whether what is wrong with a connection will be wrong with every
// other one, for certain, or unless one was made before; and what to do about it.
func lasting(err error) (certain, suspect bool, hint string) {
	const authority = "if its certificate, or that of a proxy in between, is of an authority of your own, name the file of that authority's certificate in SSL_CERT_FILE"
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case is[x509.HostnameError](err):
		return true, false, "use the host name that its certificate is for; " + authority
	case isInvalid && invalid.Reason == x509.Expired:
		return true, false, "is the clock of this computer right? if so, the server needs a new certificate; " + authority
	case isInvalid, is[*tls.CertificateVerificationError](err), is[x509.UnknownAuthorityError](err), is[x509.SystemRootsError](err):
		return true, false, authority
	case speaksTLS(err):
		return true, false, "give the address as https://"
	case errors.Is(err, http.ErrSchemeMismatch), is[tls.RecordHeaderError](err):
		return true, false, "give the address as http://, if the network in between is yours"
	case isOp && (op.Op == "remote error" || op.Op == "local error"), strings.HasPrefix(err.Error(), "tls: "): // as crypto/tls tells of alerts
		return false, true, "the server refuses an encrypted connection from here: is the address right, and does it ask for a certificate?"
	case isDNS && dns.IsNotFound:
		return false, true, "check the host in the address, and the network"
	case is[*net.AddrError](err):
		return true, false, "check the address"
	case err.Error() == http.StatusText(http.StatusProxyAuthRequired), strings.HasPrefix(err.Error(), "invalid proxy"):
		return true, false, "check the proxy that HTTPS_PROXY or HTTP_PROXY names: http://USER:PASSWORD@HOST:PORT"
	}
	return false, false, ""
}

// is reports whether an error of type E is in err's tree.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// speaksTLS reports whether the server answered plain http with a TLS alert.
func speaksTLS(err error) bool {
	return strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`)
}
