// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/scheduler/predicates"
)

// biggest request that is read: the names of 20,000 nodes and a pod are below 3 MiB.
const biggest = 16 << 20

// errNoNames is about a KubeSchedulerConfiguration that is not the chart's.
var errNoNames = errors.New("the request has nodes in place of their names, or no pod: set nodeCacheCapable to true in the extender's entry of the KubeSchedulerConfiguration")

// question is an extenderv1.ExtenderArgs.
type question struct {
	Pod       *corev1.Pod
	NodeNames *names
}

// names are decoded as parts of one string: there are thousands.
type names []string

// UnmarshalJSON implements json.Unmarshaler; text is valid JSON.
func (n *names) UnmarshalJSON(text []byte) error {
	if bytes.IndexByte(text, '\\') >= 0 || len(text) == 0 || text[0] != '[' {
		return json.Unmarshal(text, (*[]string)(n)) // no name of a node has escapes
	}
	rest := string(text)
	out := make([]string, 0, strings.Count(rest, ",")+1)
	for {
		_, after, found := strings.Cut(rest, `"`)
		if !found {
			break
		}
		name, after, _ := strings.Cut(after, `"`)
		out, rest = append(out, name), after
	}
	*n = out
	return nil
}

func readArgs(r *http.Request) (*corev1.Pod, []string, error) {
	var q question
	if err := decode(r, &q); err != nil {
		return nil, nil, err
	}
	if q.Pod == nil || q.NodeNames == nil {
		return nil, nil, errNoNames
	}
	return q.Pod, *q.NodeNames, nil
}

// buffers are for texts of requests and answers, which nobody keeps.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func buffer() *bytes.Buffer {
	b, ok := buffers.Get().(*bytes.Buffer)
	if !ok {
		b = new(bytes.Buffer) // the pool holds nothing else
	}
	b.Reset()
	return b
}

func decode(r *http.Request, into any) error {
	text := buffer()
	defer buffers.Put(text)
	if _, err := text.ReadFrom(io.LimitReader(r.Body, biggest)); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	if err := json.Unmarshal(text.Bytes(), into); err != nil {
		return fmt.Errorf("decode request: %w", err)
	}
	return nil
}

// filterResult writes an extenderv1.ExtenderFilterResult as JSON. It is put together by hand, since a
// reason that thousands of nodes share need not be encoded, and they not be sorted, each time.
func filterResult(into *bytes.Buffer, a predicates.Answer) {
	size := 256
	for _, n := range a.Nodes {
		size += len(n) + 3
	}
	reasons := make([][]byte, len(a.Reasons))
	for i, r := range a.Reasons {
		reasons[i] = quote(r)
	}
	for _, r := range a.Refused {
		size += len(r.Node) + len(reasons[r.Reason]) + 4
	}
	into.Grow(size)
	out := append(into.AvailableBuffer(), `{"NodeNames":[`...)
	for i, n := range a.Nodes {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendName(out, n)
	}
	// No eviction makes a domain less full, so kube-scheduler need not try any.
	out = append(out, `],"FailedAndUnresolvableNodes":{`...)
	for i, r := range a.Refused {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendName(out, r.Node), ':')
		out = append(out, reasons[r.Reason]...)
	}
	into.Write(append(out, `}}`...))
}

// appendName appends the name of a node, which in Kubernetes needs no escapes.
func appendName(out []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return append(out, quote(name)...)
		}
	}
	out = append(out, '"')
	out = append(out, name...)
	return append(out, '"')
}

func quote(text string) []byte {
	out, err := json.Marshal(text)
	if err != nil {
		return []byte(`""`) // no string fails to encode
	}
	return out
}
