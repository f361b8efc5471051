// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIssue(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	_, err := NewCA(in("ca.crt"), in("ca.key"))
	require.NoError(t, err)
	ca, err := LoadCA(in("ca.crt"), in("ca.key")) // as `node add` does
	require.NoError(t, err)
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(in("ca.crt"))
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(pem))

	request := Request{Name: "system:node:node-1", Groups: []string{"system:nodes"}, Hosts: []string{"node-1", "172.30.1.1"}}
	server := issue(t, ca, request, in("node"))
	assert.Equal(t, "system:node:node-1", server.Subject.CommonName)
	assert.Equal(t, []string{"system:nodes"}, server.Subject.Organization)
	for _, host := range request.Hosts {
		_, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		assert.NoError(t, err, host)
	}
	_, err = server.Verify(x509.VerifyOptions{Roots: roots, DNSName: "node-2"})
	assert.Error(t, err)

	client := issue(t, ca, Request{Name: "admin"}, in("admin"))
	_, err = client.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	assert.NoError(t, err)
	_, err = client.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	assert.Error(t, err, "a client's certificate serves nobody")
	assert.NotEqual(t, server.SerialNumber, client.SerialNumber)
}

func issue(t *testing.T, ca *CA, request Request, name string) *x509.Certificate {
	t.Helper()
	require.NoError(t, ca.Issue(request, name+".crt", name+".key"))
	pair, err := tls.LoadX509KeyPair(name+".crt", name+".key")
	require.NoError(t, err)
	info, err := os.Stat(name + ".key")
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	return pair.Leaf
}

func TestLoadCAThatIsBroken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.crt")
	_, err := LoadCA(file, file)
	assert.ErrorContains(t, err, "no such file")
	require.NoError(t, os.WriteFile(file, []byte("no PEM"), 0o600))
	_, err = LoadCA(file, file)
	assert.ErrorContains(t, err, "no PEM block")
}

func TestWriteKeyPair(t *testing.T) {
	dir := t.TempDir()
	public, key := filepath.Join(dir, "sa.crt"), filepath.Join(dir, "sa.key")
	require.NoError(t, WriteKeyPair(public, key))
	der, err := readPEM(public)
	require.NoError(t, err)
	_, err = x509.ParsePKIXPublicKey(der)
	assert.NoError(t, err)
}
