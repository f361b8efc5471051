// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// Faults stands between an operator and the API server.
type Faults struct {
	mu    sync.Mutex
	write int // counts the writes
	names []string
	dead  bool
	rule  Rule
	// watches are the streams that are open; gone are the resources whose next watch is answered with 410.
	watches map[*stream]string
	gone    map[string]bool
}

// stream is the body of a watch's answer.
type stream struct {
	io.ReadCloser
	closed func()
}

func (s *stream) Close() error {
	s.closed()
	return s.ReadCloser.Close()
}

// CutWatches ends all watches, and lets none of them go on from where it was: each resource has to be listed again.
func (f *Faults) CutWatches() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.watches)
	f.gone = map[string]bool{}
	for s, resource := range f.watches {
		f.gone[resource] = true
		_ = s.ReadCloser.Close() // the reader sees the end of the stream
	}
	f.watches = nil
	return n
}

func (f *Faults) opened(resource string, response *http.Response) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watches == nil {
		f.watches = map[*stream]string{}
	}
	s := &stream{ReadCloser: response.Body}
	s.closed = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watches, s)
	}
	f.watches[s] = resource
	response.Body = s
}

// Request is one request, and where it stands among the writes, from 1; 0 for reads.
type Request struct {
	kube.Request
	Name  string
	Write int
}

// Verdict is what becomes of a request.
type Verdict struct {
	// Status is the answer, in place of the API server's; 0 lets the request through.
	Status int
	// Lost: there is no answer. After the write was done if Done is set, too.
	Lost bool
	// Done lets the API server carry a request out whose answer is lost or replaced.
	Done bool
	// Kill ends all requests of this operator from now on, as a crash does.
	Kill bool
}

// Rule decides on a request; it is called for one at a time.
type Rule func(Request) Verdict

// errLost is what a client sees of an answer that is lost.
var errLost = errors.New("the connection was lost (by the test)")

// SetRule replaces the rule; nil lets everything through.
func (f *Faults) SetRule(rule Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rule = rule
}

// Writes lists what was written so far, in order.
func (f *Faults) Writes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.names...)
}

// isWrite leaves out events: they are lost without harm, and written by nobody who waits for them.
func isWrite(r kube.Request) bool {
	return r.Verb != "get" && r.Verb != "list" && r.Verb != "watch" && r.Resource != "events"
}

func (f *Faults) judge(r *http.Request) (Request, Verdict) {
	q := Request{Request: kube.Classify(r), Name: nameOf(r)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return q, Verdict{Lost: true}
	}
	if q.Verb == "watch" && f.gone[q.Resource] && r.URL.Query().Get("sendInitialEvents") == "" {
		delete(f.gone, q.Resource)
		return q, Verdict{Status: http.StatusGone}
	}
	if isWrite(q.Request) {
		f.write++
		q.Write = f.write
		f.names = append(f.names, q.Request.String()+" "+q.Name)
	}
	if f.rule == nil {
		return q, Verdict{}
	}
	v := f.rule(q)
	f.dead = f.dead || v.Kill
	return q, v
}

// nameOf is the last element of the path that is not a subresource's.
func nameOf(r *http.Request) string {
	for _, resource := range []string{"/status", "/scale", "/binding"} {
		if p, ok := bytes.CutSuffix([]byte(r.URL.Path), []byte(resource)); ok {
			return base(string(p))
		}
	}
	return base(r.URL.Path)
}

func base(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}

// Wrap is for rest.Config.Wrap.
func (f *Faults) Wrap(next http.RoundTripper) http.RoundTripper {
	return trip(func(r *http.Request) (*http.Response, error) {
		q, v := f.judge(r)
		if !v.Lost && v.Status == 0 {
			response, err := next.RoundTrip(r)
			if err == nil && q.Verb == "watch" && response.StatusCode == http.StatusOK {
				f.opened(q.Resource, response)
			}
			return response, err
		}
		if v.Done {
			// The request reaches the API server whatever becomes of the one who sent it.
			done, err := next.RoundTrip(r.Clone(context.WithoutCancel(r.Context())))
			if err != nil {
				return nil, err
			}
			_, _ = io.Copy(io.Discard, done.Body)
			_ = done.Body.Close()
		}
		if v.Lost {
			return nil, errLost
		}
		return answer(r, q, v.Status), nil
	})
}

type trip func(*http.Request) (*http.Response, error)

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// answer is an error of the API server.
func answer(r *http.Request, q Request, code int) *http.Response {
	reasons := map[int]metav1.StatusReason{
		http.StatusConflict: metav1.StatusReasonConflict, http.StatusTooManyRequests: metav1.StatusReasonTooManyRequests,
		http.StatusInternalServerError: metav1.StatusReasonInternalError, http.StatusGone: metav1.StatusReasonExpired,
		http.StatusForbidden: metav1.StatusReasonForbidden, http.StatusGatewayTimeout: metav1.StatusReasonTimeout,
	}
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reasons[code],
		Message: fmt.Sprintf("%s %s: %d (by the test)", q.Request, q.Name, code), Details: &metav1.StatusDetails{Kind: q.Resource, Name: q.Name},
	}
	body, _ := json.Marshal(status) // of a Status it always can
	header := http.Header{"Content-Type": []string{"application/json"}}
	if code == http.StatusTooManyRequests {
		header.Set("Retry-After", "1")
	}
	return &http.Response{
		StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
