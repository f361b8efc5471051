// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// established is the state of an open connection in /proc/net/tcp.
const established = "01"

// Clients counts the open connections to a local port that come from outside of
// the pod, in the network namespace that procNet (/proc/net) shows. A table that
// does not exist, as tcp6 where the kernel has no IPv6, has none.
func Clients(procNet string, port uint16) (int, error) {
	total, tables := 0, 0
	for _, name := range []string{"tcp", "tcp6"} {
		table, err := os.ReadFile(filepath.Join(procNet, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		n, err := clients(string(table), port)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", filepath.Join(procNet, name), err)
		}
		total, tables = total+n, tables+1
	}
	if tables == 0 {
		return 0, fmt.Errorf("%s has neither tcp nor tcp6", procNet)
	}
	return total, nil
}

// clients counts in one table. A connection from loopback, or from the address
// it goes to, is the pod's own: a probe.
func clients(table string, port uint16) (int, error) {
	n := 0
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[0] == "sl" || fields[3] != established {
			continue
		}
		local, err := parseEndpoint(fields[1])
		if err != nil {
			return 0, err
		}
		remote, err := parseEndpoint(fields[2])
		if err != nil {
			return 0, err
		}
		if local.Port() == port && !remote.Addr().IsLoopback() && remote.Addr() != local.Addr() {
			n++
		}
	}
	return n, nil
}

// parseEndpoint reads an address as the kernel prints it: the IP in 32-bit words,
// each in the byte order of the machine, and the port, all in hexadecimal.
func parseEndpoint(text string) (netip.AddrPort, error) {
	host, service, _ := strings.Cut(text, ":")
	raw, errHost := hex.DecodeString(host)
	port, errPort := strconv.ParseUint(service, 16, 16)
	if errHost != nil || errPort != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", text)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", text)
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), nil
}
