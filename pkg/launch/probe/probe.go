// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package probe asks one program of Elasticell whether it is well, for the
// kubelet. Each probe ends with its context and returns why it failed, in one
// line.
package probe

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxHealth limits what is read of a /health answer.
const maxHealth = 4096

// TCP passes when the address accepts a connection. It is right for stores,
// whose port opens when PD has accepted them, and which never answer a Redis
// client.
func TCP(ctx context.Context, address string) error {
	conn, err := dial(ctx, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// PD passes when /health at the base URL, like http://10.0.0.1:2379, says that
// etcd is healthy. It says so of etcd alone: there may yet be no PD leader.
func PD(ctx context.Context, baseURL string) error {
	url := strings.TrimSuffix(baseURL, "/") + "/health"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask PD for its health: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxHealth))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", url, err)
	}
	var health struct {
		Health string `json:"health"`
	}
	if err := json.Unmarshal(body, &health); response.StatusCode != http.StatusOK || err != nil || health.Health != "true" {
		return fmt.Errorf("%s answers %s: %.100q, want 200 and {\"health\":\"true\"}", url, response.Status, body)
	}
	return nil
}

// Ping passes when a proxy answers the Redis command PING. The proxy passes it on
// to a store, and without a route to one it does not answer at all, so the context
// needs a deadline.
func Ping(ctx context.Context, address string) error {
	conn, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Closing the connection ends a read that waits.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, "*1\r\n$4\r\nPING\r\n"); err != nil {
		return fmt.Errorf("send PING to %s: %w", address, err)
	}
	reply, err := bufio.NewReader(io.LimitReader(conn, maxHealth)).ReadString('\n')
	if ctx.Err() != nil {
		return fmt.Errorf("no answer of %s to PING in time: it accepts connections, but has no route to a store, or the store hangs", address)
	}
	if err != nil {
		return fmt.Errorf("read answer of %s to PING: %w", address, err)
	}
	if reply = strings.TrimSpace(reply); reply != "+PONG" {
		return fmt.Errorf("%s answers PING with %.100q, want +PONG", address, reply)
	}
	return nil
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}
