// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// leaderKey holds the PD leader's record, under a lease.
const leaderKey = "/pd/meta/leader"

// leaderRecord names the PD leader. ListenURLs is -urls-client, not the advertised one: followers forward to it.
type leaderRecord struct {
	ID         uint64
	Name       string
	AddrRPC    string
	ListenURLs string
}

// The record's protobuf fields.
const (
	fieldID protowire.Number = iota + 1
	fieldName
	fieldRPC
	fieldURLs
)

func (r leaderRecord) marshal() []byte {
	b := protowire.AppendTag(nil, fieldID, protowire.VarintType)
	b = protowire.AppendVarint(b, r.ID)
	for _, f := range []struct {
		n protowire.Number
		s string
	}{{fieldName, r.Name}, {fieldRPC, r.AddrRPC}, {fieldURLs, r.ListenURLs}} {
		b = protowire.AppendTag(b, f.n, protowire.BytesType)
		b = protowire.AppendString(b, f.s)
	}
	return b
}

var errBadRecord = errors.New("leader record is not understood")

func unmarshalLeader(b []byte) (leaderRecord, error) {
	var r leaderRecord
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return r, fmt.Errorf("%w: %w", errBadRecord, protowire.ParseError(n))
		}
		b = b[n:]
		switch {
		case num == fieldID && typ == protowire.VarintType:
			r.ID, n = protowire.ConsumeVarint(b)
		case num <= fieldURLs && typ == protowire.BytesType:
			var s string
			s, n = protowire.ConsumeString(b)
			*map[protowire.Number]*string{fieldName: &r.Name, fieldRPC: &r.AddrRPC, fieldURLs: &r.ListenURLs, fieldID: new(string)}[num] = s
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return r, fmt.Errorf("%w: %w", errBadRecord, protowire.ParseError(n))
		}
		b = b[n:]
	}
	return r, nil
}
