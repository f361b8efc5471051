// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// serve answers every question with one address, or with a refusal if it is empty.
func serve(t *testing.T, address string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buffer := make([]byte, maxSize)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil {
				return
			}
			m.Response, m.RCode = true, dnsmessage.RCodeNameError
			if ip := net.ParseIP(address).To4(); ip != nil {
				m.RCode = dnsmessage.RCodeSuccess
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: [4]byte(ip)},
				}}
			}
			answer, err := m.Pack()
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(answer, from)
		}
	}()
	return conn.LocalAddr().String()
}

func TestAsk(t *testing.T) {
	got, err := ask(serve(t, "10.96.0.1"), "kubernetes.default.svc.cluster.local.")
	require.NoError(t, err)
	assert.Equal(t, "10.96.0.1", got)

	_, err = ask(serve(t, ""), "none.default.svc.cluster.local.")
	assert.ErrorContains(t, err, "RCodeNameError")
	_, err = ask("127.0.0.1:1", "x.")
	assert.Error(t, err, "nobody there")
	_, err = ask("127.0.0.1:1", string(make([]byte, 300)))
	assert.Error(t, err, "a name that is too long")
}
