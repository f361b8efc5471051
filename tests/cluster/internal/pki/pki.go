// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pki makes the certificates by which the parts of a cluster know each other.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// validity is longer than any test cluster lives.
const validity = 10 * 365 * 24 * time.Hour

// CA signs certificates.
type CA struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// Request is what a certificate shall say.
type Request struct {
	Name   string   // common name: the user, to the apiserver
	Groups []string // organizations: the groups, to the apiserver
	Hosts  []string // names and addresses of a server; empty for a client
}

// NewCA makes a certificate authority and writes its certificate and key.
func NewCA(certFile, keyFile string) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate CA key: %w", err)
	}
	template := template(Request{Name: "cell-cluster"})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make CA certificate: %w", err)
	}
	if err := write(certFile, keyFile, der, key); err != nil {
		return nil, err
	}
	return LoadCA(certFile, keyFile)
}

// LoadCA reads what [NewCA] wrote.
func LoadCA(certFile, keyFile string) (*CA, error) {
	der, err := readPEM(certFile)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", certFile, err)
	}
	if der, err = readPEM(keyFile); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", keyFile, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("parse %s: a %T cannot sign", keyFile, key)
	}
	return &CA{cert: cert, key: signer}, nil
}

// Issue makes a certificate and its key and writes them.
func (ca *CA) Issue(req Request, certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generate key of %s: %w", req.Name, err)
	}
	template := template(req)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(req.Hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return fmt.Errorf("sign certificate of %s: %w", req.Name, err)
	}
	return write(certFile, keyFile, der, key)
}

// WriteKeyPair writes a key pair without a certificate: the apiserver signs the tokens of service
// accounts with it.
func WriteKeyPair(publicFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generate key pair: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encode public key: %w", err)
	}
	if err := writePEM(publicFile, "PUBLIC KEY", der, 0o644); err != nil {
		return err
	}
	return writeKey(keyFile, key)
}

func template(req Request) *x509.Certificate {
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte(rand.Text()[:16])),
		Subject:      pkix.Name{CommonName: req.Name, Organization: req.Groups},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(validity),
	}
	for _, host := range req.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	return t
}

func write(certFile, keyFile string, der []byte, key crypto.Signer) error {
	if err := writePEM(certFile, "CERTIFICATE", der, 0o644); err != nil {
		return err
	}
	return writeKey(keyFile, key)
}

func writeKey(file string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	return writePEM(file, "PRIVATE KEY", der, 0o600)
}

func writePEM(file, kind string, der []byte, mode os.FileMode) error {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(file, data, mode); err != nil {
		return fmt.Errorf("write key or certificate: %w", err)
	}
	return nil
}

func readPEM(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read key or certificate: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("read %s: %w", file, errors.New("no PEM block"))
	}
	return block.Bytes, nil
}
