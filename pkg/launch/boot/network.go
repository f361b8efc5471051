// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/launch/membership"
)

// maxAnswer limits what is read of an answer; a list of members is a few kB.
const maxAnswer = 1 << 20

// DNSAndHTTP is the real Network.
type DNSAndHTTP struct {
	// Timeout limits each question.
	Timeout time.Duration
	client  http.Client
}

// NewNetwork returns the real Network. It keeps no connection and no address:
// either would outlive the pod at its other end.
func NewNetwork(timeout time.Duration) *DNSAndHTTP {
	return &DNSAndHTTP{
		Timeout: timeout,
		client:  http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

// LookupHost resolves a name.
func (n *DNSAndHTTP) LookupHost(ctx context.Context, host string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, n.Timeout)
	defer cancel()
	return net.DefaultResolver.LookupHost(ctx, host)
}

// Dial opens and closes a TCP connection.
func (n *DNSAndHTTP) Dial(ctx context.Context, address string) error {
	dialer := net.Dialer{Timeout: n.Timeout}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Members asks for the list, then for the health, and, where that is good, for
// the list again: only a list asked for after a good /health is the cluster's.
// A member without a quorum takes a second or more to say that it is not well,
// hence the first question.
func (n *DNSAndHTTP) Members(ctx context.Context, from launch.JoinMember) membership.Answer {
	ctx, cancel := context.WithTimeout(ctx, n.Timeout)
	defer cancel()
	answer := membership.Answer{From: from}
	if answer.Members, answer.Err = n.list(ctx, from); answer.Err != nil {
		return answer
	}
	if !n.healthy(ctx, from) {
		return answer
	}
	if members, err := n.list(ctx, from); err == nil {
		answer.Members, answer.Quorum = members, true
	}
	return answer
}

func (n *DNSAndHTTP) healthy(ctx context.Context, from launch.JoinMember) bool {
	var health struct {
		Health string `json:"health"`
	}
	err := n.get(ctx, from, "/health", &health)
	return err == nil && health.Health == "true"
}

func (n *DNSAndHTTP) list(ctx context.Context, from launch.JoinMember) ([]membership.Member, error) {
	var list struct {
		Members []struct {
			ID         string   `json:"id"`
			Name       string   `json:"name"`
			PeerURLs   []string `json:"peerURLs"`
			ClientURLs []string `json:"clientURLs"`
		} `json:"members"`
	}
	if err := n.get(ctx, from, "/v2/members", &list); err != nil {
		return nil, err
	}
	if len(list.Members) == 0 {
		return nil, errors.New("read list of members: it is empty")
	}
	members := make([]membership.Member, 0, len(list.Members))
	for _, m := range list.Members {
		id, err := strconv.ParseUint(m.ID, 16, 64)
		if err != nil {
			return nil, fmt.Errorf("read list of members: id %q of member %q is not a hexadecimal number", m.ID, m.Name)
		}
		members = append(members, membership.Member{ID: id, Name: m.Name, PeerURLs: m.PeerURLs, ClientURLs: m.ClientURLs})
	}
	return members, nil
}

func (n *DNSAndHTTP) get(ctx context.Context, from launch.JoinMember, path string, into any) error {
	url := strings.TrimSuffix(from.ClientURL, "/") + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := n.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %.100q", url, response.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read answer of %s: %w", url, err)
	}
	return nil
}
