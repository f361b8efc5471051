// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dnscheck asks a DNS server from within a network namespace. The standard library's resolver
// cannot: it asks from goroutines, hence threads, of its own.
package dnscheck

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
)

const (
	timeout = time.Second
	maxSize = 1232 // bytes of an answer by UDP
)

// Ask asks a server for a name's IPv4 address and fails unless the answer is the wanted one.
func Ask(netns, server, name, want string) error {
	return host.InNetNS(netns, func() error {
		got, err := ask(server, name)
		if err != nil {
			return fmt.Errorf("ask %s for %s in %s: %w", server, name, netns, err)
		}
		if got != want {
			return fmt.Errorf("ask %s for %s in %s: got %s, want %s", server, name, netns, got, want)
		}
		return nil
	})
}

func ask(server, name string) (string, error) {
	question, err := dnsmessage.NewName(name)
	if err != nil {
		return "", err
	}
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: uint16(time.Now().UnixNano()), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: question, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	packet, err := query.Pack()
	if err != nil {
		return "", err
	}
	conn, err := net.DialTimeout("udp4", server, timeout)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return "", err
	}
	if _, err := conn.Write(packet); err != nil {
		return "", err
	}
	buffer := make([]byte, maxSize)
	n, err := conn.Read(buffer)
	if err != nil {
		return "", err
	}
	var answer dnsmessage.Message
	if err := answer.Unpack(buffer[:n]); err != nil {
		return "", err
	}
	for _, resource := range answer.Answers {
		if a, ok := resource.Body.(*dnsmessage.AResource); ok && answer.ID == query.ID {
			return net.IP(a.A[:]).String(), nil
		}
	}
	return "", errors.New("answer without an address: " + answer.RCode.String())
}
