package openaiapi_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nertools/pkg/wire"
)

func TestADownloadIsRedirectedWithoutTheKey(t *testing.T) {
	const content = "line one\nline two\n"
	var told http.Header
	store := func(w http.ResponseWriter, r *http.Request) {
		told = r.Header
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}
	other := httptest.NewServer(http.HandlerFunc(store))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, at := range []int64{0, 9} {
			for _, elsewhere := range []bool{true, false} {
				c := serve(t, func(w http.ResponseWriter, r *http.Request) {
					switch to := "/store?sig=secret"; {
					case r.URL.Path == "/store":
						store(w, r)
					case elsewhere:
						http.Redirect(w, r, other.URL+to, status)
					default:
						http.Redirect(w, r, to, status)
					}
				})
				var got bytes.Buffer
				n, err := c.Download(t.Context(), "file-1", at, &got)
				if err != nil || got.String() != content[at:] || n != int64(got.Len()) {
					t.Errorf("%d at %d: %q, %v", status, at, &got, err)
				}
				if key := told.Get("Authorization"); (key == "") != elsewhere {
					t.Errorf("%d, to another server %v: it was told %q", status, elsewhere, key)
				}
				for name := range told {
					if elsewhere && name != "Range" && name != "User-Agent" && name != "Accept-Encoding" {
						t.Errorf("the store was told %s", name)
					}
				}
			}
		}
	}
}

func TestADownloadIsNotRedirectedForEverNorWithoutEncryption(t *testing.T) {
	for _, to := range []string{"/again", "http://example.com/file", "ftp://example.com/file", ""} {
		calls := 0
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		})
		_, err := c.Download(t.Context(), "file-1", 0, io.Discard)
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Status != http.StatusFound || calls > 6 {
			t.Errorf("%q: %v after %d calls", to, err, calls)
		}
	}
}

func TestADownloadComesAsTheBytesThatRangesCount(t *testing.T) {
	content := strings.Repeat("a line\n", 1000)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, content)
			z.Close()
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	})
	var got bytes.Buffer
	if _, err := c.Download(t.Context(), "file-1", 0, &got); err != nil || got.String() != content {
		t.Errorf("%d bytes, %v", got.Len(), err)
	}
	got.Reset()
	if _, err := c.Download(t.Context(), "file-1", 6993, &got); err != nil || got.String() != "a line\n" {
		t.Errorf("%q, %v", &got, err)
	}
}
