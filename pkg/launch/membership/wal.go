// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// HeadSize is how much of a log segment's beginning WALMember wants to see.
const HeadSize = 512

// Record types of etcd's write-ahead log, the same from 3.0 to 3.7.
const (
	recordMetadata = 1
	recordCRC      = 4
)

var errTruncated = errors.New("it ends too early")

// WALMember reads, from the first bytes of any segment of etcd's write-ahead log,
// the id of the member whose log it is. Each segment begins with two records: the
// checksum so far, and the metadata with the ids of node and cluster. A record is
// preceded by its length in 8 bytes, little-endian, of which the highest byte
// tells the padding.
func WALMember(head []byte) (uint64, error) {
	crc, head, err := nextRecord(head)
	if err != nil {
		return 0, fmt.Errorf("read the checksum record of etcd's log: %w", err)
	}
	metadata, _, err := nextRecord(head)
	if err != nil {
		return 0, fmt.Errorf("read the metadata record of etcd's log: %w", err)
	}
	if crc.kind != recordCRC || metadata.kind != recordMetadata {
		return 0, fmt.Errorf("read etcd's log: it begins with records of types %d and %d, want %d and %d",
			crc.kind, metadata.kind, recordCRC, recordMetadata)
	}
	sum := crc32.Update(crc.crc, crc32.MakeTable(crc32.Castagnoli), metadata.data)
	if sum != metadata.crc {
		return 0, fmt.Errorf("read etcd's log: the metadata's checksum is %x, want %x", metadata.crc, sum)
	}
	fields, err := protobuf(metadata.data)
	if err != nil {
		return 0, fmt.Errorf("read the metadata of etcd's log: %w", err)
	}
	id := fields[1].number
	if id == 0 {
		return 0, errors.New("read the metadata of etcd's log: it names no member")
	}
	return id, nil
}

// record is etcd's walpb.Record.
type record struct {
	kind uint64
	crc  uint32
	data []byte
}

func nextRecord(in []byte) (record, []byte, error) {
	if len(in) < 8 {
		return record{}, nil, errTruncated
	}
	field := binary.LittleEndian.Uint64(in)
	in = in[8:]
	length := field &^ (0xff << 56)
	padding := uint64(0)
	if field>>63 == 1 {
		padding = field >> 56 & 0x7
	}
	if length+padding > uint64(len(in)) {
		return record{}, nil, errTruncated
	}
	fields, err := protobuf(in[:length])
	if err != nil {
		return record{}, nil, err
	}
	r := record{kind: fields[1].number, crc: uint32(fields[2].number), data: fields[3].bytes}
	return r, in[length+padding:], nil
}

// field is one field of a protobuf message: a varint or bytes.
type field struct {
	number uint64
	bytes  []byte
}

// protobuf reads a message that has only varints and bytes, by field number.
// Two small messages do not deserve the protobuf library, half the size of the
// launcher.
func protobuf(in []byte) (map[uint64]field, error) {
	fields := map[uint64]field{}
	for len(in) > 0 {
		tag, n := binary.Uvarint(in)
		if n <= 0 {
			return nil, errTruncated
		}
		in = in[n:]
		value, n := binary.Uvarint(in)
		if n <= 0 {
			return nil, errTruncated
		}
		in = in[n:]
		switch tag & 7 {
		case 0:
			fields[tag>>3] = field{number: value}
		case 2:
			if value > uint64(len(in)) {
				return nil, errTruncated
			}
			fields[tag>>3] = field{bytes: in[:value]}
			in = in[value:]
		default:
			return nil, fmt.Errorf("field %d has wire type %d, want a varint or bytes", tag>>3, tag&7)
		}
	}
	return fields, nil
}
