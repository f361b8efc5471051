// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kubeapi talks to an apiserver with the few plain requests that bringing up a cluster needs.
// client-go would do it too, and take longer to compile than everything else here together.
package kubeapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// fieldManager owns the fields that we set.
const fieldManager = "cell-cluster"

// Object is a Kubernetes object as JSON would show it.
type Object = map[string]any

// Client is an administrator's connection to an apiserver.
type Client struct {
	server string
	http   *http.Client
}

// New makes a client from PEM files.
func New(server, caFile, certFile, keyFile string) (*Client, error) {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("read CA: %s has no certificate", caFile)
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("read client certificate: %w", err)
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
	}
	return &Client{server: server, http: &http.Client{Transport: transport, Timeout: 30 * time.Second}}, nil
}

// StatusError is an answer other than 2xx.
type StatusError struct {
	Code int
	Text string
}

func (e *StatusError) Error() string { return fmt.Sprintf("apiserver answered %d: %s", e.Code, e.Text) }

// IsNotFound tells whether the apiserver does not know the object.
func IsNotFound(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Code == http.StatusNotFound
}

// Healthy asks whether the apiserver takes requests.
func (c *Client) Healthy(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodGet, "/readyz", nil, "")
	return err
}

// Get reads the object or list at a path into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	data, err := c.do(ctx, http.MethodGet, path, nil, "")
	if err != nil {
		return fmt.Errorf("get %s: %w", path, err)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("get %s: parse answer: %w", path, err)
	}
	return nil
}

// Apply creates the object at a path or makes it like this one (server-side apply).
func (c *Client) Apply(ctx context.Context, path string, object Object) error {
	body, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("apply %s: %w", path, err)
	}
	path += "?fieldManager=" + fieldManager + "&force=true"
	if _, err := c.do(ctx, http.MethodPatch, path, body, "application/apply-patch+yaml"); err != nil {
		return fmt.Errorf("apply %s: %w", path, err)
	}
	return nil
}

// Delete removes the object at a path; one that is gone already is no error.
func (c *Client) Delete(ctx context.Context, path string) error {
	if _, err := c.do(ctx, http.MethodDelete, path, nil, ""); err != nil && !IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", path, err)
	}
	return nil
}

func (c *Client) do(ctx context.Context, method, path string, body []byte, contentType string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, &StatusError{Code: resp.StatusCode, Text: message(data)}
	}
	return data, nil
}

// message takes the sentence out of a Kubernetes Status; other answers are given whole.
func message(data []byte) string {
	var status struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(data, &status); err == nil && status.Message != "" {
		return status.Message
	}
	return strings.TrimSpace(string(data))
}
