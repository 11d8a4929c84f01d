package cmd_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"nertools/pkg/openaitest"
)

// first returns the first n lines.
func first(lines []byte, n int) []byte {
	return bytes.Join(bytes.SplitAfterN(lines, []byte("\n"), n+1)[:n], nil)
}

func TestUntrustedCertificateStopsEveryProgramAtOnce(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("SSL_CERT_FILE is read elsewhere only")
	}
	t.Parallel()
	api := openaitest.New(openaitest.Options{})
	defer api.Close()
	srv := httptest.NewUnstartedServer(api)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	var connections atomic.Int64
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	srv.StartTLS()
	defer srv.Close()
	dir := t.TempDir()
	authority := filepath.Join(dir, "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	in := first(prompts(t), 4)
	for _, args := range [][]string{
		{"ner-run", "-j", "1"},
		{"ner-batch", "submit", "--batch-file", filepath.Join(dir, "b.jsonl")},
		{"ner-batch", "list"},
		{"ner-prompt", "knn", "--source-dir", "../examples/news", "--method", "embedding", "--cache", filepath.Join(dir, "cache"), "-j", "1"},
	} {
		for _, trusted := range []bool{false, true} {
			connections.Store(0)
			cmd := program(t, srv.URL+"/v1", args[0], args[1:]...)
			cmd.Stdin = bytes.NewReader(in)
			if trusted {
				cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+authority)
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			_, err := cmd.Output()
			if trusted {
				if err != nil {
					t.Errorf("%s, trusted: %v: %s", args, err, stderr.String())
				}
				continue
			}
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.ExitCode() != 1 || !strings.Contains(stderr.String(), "certificate") || !strings.Contains(stderr.String(), "SSL_CERT_FILE") {
				t.Errorf("%s: %v: %s", args, err, stderr.String())
			}
			if n := connections.Load(); n > 2 {
				t.Errorf("%s: %d connections", args, n)
			}
		}
	}
}

func TestSwitchOfProtocolsDoesNotOutliveTheTimeout(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { conn.Close() }) // and so it stays open
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	}))
	defer srv.Close()
	cmd := program(t, srv.URL+"/v1", "ner-run", "-j", "1", "--timeout", "0")
	cmd.Stdin = bytes.NewReader(first(prompts(t), 4))
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.Contains(string(out), "another protocol") || !strings.Contains(string(out), "--base-url") {
		t.Errorf("%v: %s", err, out)
	}
}

// What net/http logs by itself comes through the program, made safe.
func TestWhatTheLibraryLogsIsSaidByTheProgram(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, 64<<10)
				if _, err := conn.Read(buf); err != nil {
					return
				}
				answer := `{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}`
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(answer))+"\r\n\r\n"+answer+"HTTP/1.1 400 \x1b[31mevil\r\n\r\n")
				_, _ = conn.Read(buf)
			}()
		}
	}()
	cmd := program(t, "http://"+l.Addr().String()+"/v1", "ner-run", "-j", "1", "--max-retries", "9")
	cmd.Stdin = bytes.NewReader(first(prompts(t), 40))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	// What came unasked may be taken for the answer to the next call: then a row fails.
	if _, err := cmd.Output(); err != nil && cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("%v: %s", err, stderr.String())
	}
	if !strings.Contains(stderr.String(), "Unsolicited") {
		t.Skip("the library logged nothing")
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "ner-run: ") || strings.ContainsAny(line, "\x1b") {
			t.Errorf("got %q", line)
		}
	}
}
