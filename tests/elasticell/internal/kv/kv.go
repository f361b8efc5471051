// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kv is the stores' state machine: a few Redis commands over any ordered map of bytes. It is deterministic:
// every replica of a cell comes to the same answer.
package kv

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Map is where values live. A bbolt bucket is one.
type Map interface {
	Get(key []byte) []byte
	Put(key, value []byte) error
	Delete(key []byte) error
}

// A value is one byte of type and its content.
const (
	typeString = 's'
	typeHash   = 'h'
)

type command struct {
	write bool
	args  int // with the name; negative: at least as many
	keys  string
	run   func(m Map, args [][]byte) []byte
}

// Key positions: none, the first argument, all arguments, or every second.
const (
	keysNone  = ""
	keysFirst = "first"
	keysAll   = "all"
	keysPairs = "pairs"
)

var commands map[string]command

func init() {
	commands = map[string]command{
		"ping":    {false, -1, keysNone, func(Map, [][]byte) []byte { return []byte("+PONG\r\n") }},
		"get":     {false, 2, keysFirst, get},
		"set":     {true, -3, keysFirst, set},
		"setnx":   {true, 3, keysFirst, setnx},
		"getset":  {true, 3, keysFirst, getset},
		"append":  {true, 3, keysFirst, appendTo},
		"strlen":  {false, 2, keysFirst, strlen},
		"incr":    {true, 2, keysFirst, func(m Map, a [][]byte) []byte { return add(m, a[1], 1) }},
		"decr":    {true, 2, keysFirst, func(m Map, a [][]byte) []byte { return add(m, a[1], -1) }},
		"incrby":  {true, 3, keysFirst, func(m Map, a [][]byte) []byte { return addBy(m, a, 1) }},
		"decrby":  {true, 3, keysFirst, func(m Map, a [][]byte) []byte { return addBy(m, a, -1) }},
		"del":     {true, -2, keysAll, del},
		"exists":  {false, -2, keysAll, exists},
		"mget":    {false, -2, keysAll, mget},
		"mset":    {true, -3, keysPairs, mset},
		"hset":    {true, -4, keysFirst, hset},
		"hget":    {false, 3, keysFirst, hget},
		"hdel":    {true, -3, keysFirst, hdel},
		"hexists": {false, 3, keysFirst, hexists},
		"hlen":    {false, 2, keysFirst, hlen},
		"hgetall": {false, 2, keysFirst, hgetall},
	}
}

// Known says whether there is such a command; name is in lower case.
func Known(name string) bool {
	_, ok := commands[name]
	return ok
}

// IsWrite says whether the command must go through the log.
func IsWrite(args [][]byte) bool { return commands[name(args)].write }

// Check returns the RESP error for a wrong number of arguments, or nil.
func Check(args [][]byte) []byte {
	c := commands[name(args)]
	if c.args >= 0 && len(args) != c.args || len(args) < -c.args || c.keys == keysPairs && len(args)%2 == 0 {
		return fail("ERR wrong number of arguments for '" + name(args) + "' command")
	}
	return nil
}

// Split returns the commands, one a key, that together do the same, and how to join their replies. With fewer than two
// keys the command itself is returned.
func Split(args [][]byte) (parts [][][]byte, join func([][]byte) []byte) {
	n := name(args)
	switch commands[n].keys {
	case keysAll:
		for _, key := range args[1:] {
			parts = append(parts, [][]byte{args[0], key})
		}
		join = sum
		if n == "mget" {
			join = concat
		}
	case keysPairs:
		for i := 1; i+1 < len(args); i += 2 {
			parts = append(parts, [][]byte{args[0], args[i], args[i+1]})
		}
		join = func([][]byte) []byte { return ok }
	default:
		return [][][]byte{args}, first
	}
	if len(parts) == 1 {
		join = first
	}
	return parts, join
}

func first(replies [][]byte) []byte { return replies[0] }

func sum(replies [][]byte) []byte {
	total := 0
	for _, r := range replies {
		n, err := strconv.Atoi(strings.TrimSpace(string(r[1:])))
		if err != nil {
			return r // an error
		}
		total += n
	}
	return integer(int64(total))
}

// concat joins arrays of one element.
func concat(replies [][]byte) []byte {
	out := fmt.Appendf(nil, "*%d\r\n", len(replies))
	for _, r := range replies {
		if r[0] == '-' {
			return r
		}
		out = append(out, r[len("*1\r\n"):]...)
	}
	return out
}

// Apply carries out a command and returns its RESP reply.
func Apply(m Map, args [][]byte) []byte {
	c, known := commands[name(args)]
	if !known {
		return fail("ERR unknown command")
	}
	if bad := Check(args); bad != nil {
		return bad
	}
	return c.run(m, args)
}

func name(args [][]byte) string {
	if len(args) == 0 {
		return ""
	}
	return strings.ToLower(string(args[0]))
}

var (
	ok        = []byte("+OK\r\n")
	null      = []byte("$-1\r\n")
	wrongType = fail("WRONGTYPE Operation against a key holding the wrong kind of value")
	notNumber = fail("ERR value is not an integer or out of range")
)

func fail(msg string) []byte { return []byte("-" + msg + "\r\n") }

func integer(n int64) []byte { return fmt.Appendf(nil, ":%d\r\n", n) }

func boolean(b bool) []byte {
	if b {
		return integer(1)
	}
	return integer(0)
}

func bulk(b []byte) []byte {
	out := fmt.Appendf(nil, "$%d\r\n", len(b))
	return append(append(out, b...), "\r\n"...)
}

func isFail(reply []byte) bool { return len(reply) > 0 && reply[0] == '-' }

// encodeHash writes a hash in the order of its fields, so that all replicas hold the same bytes.
func encodeHash(h map[string][]byte) []byte {
	fields := make([]string, 0, len(h))
	for f := range h {
		fields = append(fields, f)
	}
	sort.Strings(fields)
	out := []byte{typeHash}
	for _, f := range fields {
		out = binary.AppendUvarint(out, uint64(len(f)))
		out = append(out, f...)
		out = binary.AppendUvarint(out, uint64(len(h[f])))
		out = append(out, h[f]...)
	}
	return out
}

func decodeHash(b []byte) map[string][]byte {
	h := map[string][]byte{}
	next := func() []byte {
		n, size := binary.Uvarint(b)
		part := b[size : size+int(n)]
		b = b[size+int(n):]
		return part
	}
	for len(b) > 0 {
		field := string(next())
		h[field] = append([]byte(nil), next()...)
	}
	return h
}
