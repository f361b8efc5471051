// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Request is what one request to the API server was about.
type Request struct {
	// Verb is Kubernetes' own: get, list, watch, create, update, patch, delete.
	Verb string
	// Resource is the plural, with the subresource after a slash.
	Resource string
}

// String is "verb resource".
func (r Request) String() string { return r.Verb + " " + r.Resource }

// Counter counts requests to the API server. Its Wrap is for rest.Config.Wrap.
type Counter struct {
	mu     sync.Mutex
	counts map[Request]int
}

// Wrap counts what goes through a transport.
func (c *Counter) Wrap(next http.RoundTripper) http.RoundTripper {
	return counting(func(r *http.Request) (*http.Response, error) {
		c.Note(r)
		return next.RoundTrip(r)
	})
}

type counting func(*http.Request) (*http.Response, error)

func (f counting) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Note counts one request.
func (c *Counter) Note(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[Request]int{}
	}
	c.counts[Classify(r)]++
}

// Counts is a copy of all counts.
func (c *Counter) Counts() map[Request]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[Request]int, len(c.counts))
	for k, n := range c.counts {
		out[k] = n
	}
	return out
}

// Reset forgets all counts.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = nil
}

// Print lists counts, the greatest first.
func Print(counts map[Request]int) string {
	lines := make([]string, 0, len(counts))
	keys := make([]Request, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Request) int {
		if d := counts[b] - counts[a]; d != 0 {
			return d
		}
		return strings.Compare(a.String(), b.String())
	})
	for _, k := range keys {
		lines = append(lines, fmt.Sprintf("%d %s", counts[k], k))
	}
	return strings.Join(lines, ", ")
}

// Sum adds up the counts that a function picks; nil picks all.
func Sum(counts map[Request]int, pick func(Request) bool) int {
	sum := 0
	for k, n := range counts {
		if pick == nil || pick(k) {
			sum += n
		}
	}
	return sum
}

// Classify reads the verb and the resource off a request, by Kubernetes' layout of paths.
func Classify(r *http.Request) Request {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return Request{Verb: strings.ToLower(r.Method), Resource: r.URL.Path}
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	resource := parts[0]
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	verb := map[string]string{
		http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update",
		http.MethodPatch: "patch", http.MethodDelete: "delete",
	}[r.Method]
	if verb == "get" && len(parts) == 1 {
		verb = "list"
		if watch := r.URL.Query().Get("watch"); watch == "true" || watch == "1" {
			verb = "watch"
		}
	}
	return Request{Verb: verb, Resource: resource}
}
