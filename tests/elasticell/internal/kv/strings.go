// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"math"
	"strconv"
	"strings"
)

// load returns a string's content; bad is the reply if the key holds something else.
func load(m Map, key []byte) (value []byte, there bool, bad []byte) {
	raw := m.Get(key)
	if raw == nil {
		return nil, false, nil
	}
	if raw[0] != typeString {
		return nil, true, wrongType
	}
	return raw[1:], true, nil
}

func store(m Map, key, value []byte) []byte {
	if len(key) == 0 {
		return fail("ERR the empty key is not supported")
	}
	if err := m.Put(key, append([]byte{typeString}, value...)); err != nil {
		return fail("ERR " + err.Error())
	}
	return ok
}

func get(m Map, args [][]byte) []byte {
	value, there, bad := load(m, args[1])
	switch {
	case bad != nil:
		return bad
	case !there:
		return null
	}
	return bulk(value)
}

func set(m Map, args [][]byte) []byte {
	there := m.Get(args[1]) != nil
	for _, option := range args[3:] {
		switch strings.ToLower(string(option)) {
		case "nx":
			if there {
				return null
			}
		case "xx":
			if !there {
				return null
			}
		default:
			return fail("ERR syntax error")
		}
	}
	return store(m, args[1], args[2])
}

func setnx(m Map, args [][]byte) []byte {
	if m.Get(args[1]) != nil {
		return integer(0)
	}
	if r := store(m, args[1], args[2]); isFail(r) {
		return r
	}
	return integer(1)
}

func getset(m Map, args [][]byte) []byte {
	old := get(m, args)
	if isFail(old) {
		return old
	}
	if r := store(m, args[1], args[2]); isFail(r) {
		return r
	}
	return old
}

func appendTo(m Map, args [][]byte) []byte {
	value, _, bad := load(m, args[1])
	if bad != nil {
		return bad
	}
	joined := append(append([]byte(nil), value...), args[2]...)
	if r := store(m, args[1], joined); isFail(r) {
		return r
	}
	return integer(int64(len(joined)))
}

func strlen(m Map, args [][]byte) []byte {
	value, _, bad := load(m, args[1])
	if bad != nil {
		return bad
	}
	return integer(int64(len(value)))
}

func addBy(m Map, args [][]byte, sign int64) []byte {
	by, err := strconv.ParseInt(string(args[2]), 10, 64)
	if err != nil || by == math.MinInt64 {
		return notNumber
	}
	return add(m, args[1], sign*by)
}

func add(m Map, key []byte, by int64) []byte {
	value, there, bad := load(m, key)
	if bad != nil {
		return bad
	}
	var n int64
	if there {
		var err error
		if n, err = strconv.ParseInt(string(value), 10, 64); err != nil {
			return notNumber
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return fail("ERR increment or decrement would overflow")
	}
	n += by
	if r := store(m, key, strconv.AppendInt(nil, n, 10)); isFail(r) {
		return r
	}
	return integer(n)
}

func del(m Map, args [][]byte) []byte {
	n := int64(0)
	for _, key := range args[1:] {
		if m.Get(key) != nil {
			n++
			if err := m.Delete(key); err != nil {
				return fail("ERR " + err.Error())
			}
		}
	}
	return integer(n)
}

func exists(m Map, args [][]byte) []byte {
	n := int64(0)
	for _, key := range args[1:] {
		if m.Get(key) != nil {
			n++
		}
	}
	return integer(n)
}

func mget(m Map, args [][]byte) []byte {
	replies := make([][]byte, 0, len(args))
	for _, key := range args[1:] {
		value, there, bad := load(m, key)
		one := null
		if there && bad == nil {
			one = bulk(value)
		}
		replies = append(replies, append([]byte("*1\r\n"), one...))
	}
	return concat(replies)
}

func mset(m Map, args [][]byte) []byte {
	for i := 1; i+1 < len(args); i += 2 {
		if r := store(m, args[i], args[i+1]); isFail(r) {
			return r
		}
	}
	return ok
}
