// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"fmt"
	"sort"
)

func loadHash(m Map, key []byte) (h map[string][]byte, bad []byte) {
	raw := m.Get(key)
	if raw == nil {
		return map[string][]byte{}, nil
	}
	if raw[0] != typeHash {
		return nil, wrongType
	}
	return decodeHash(raw[1:]), nil
}

func storeHash(m Map, key []byte, h map[string][]byte) []byte {
	if len(key) == 0 {
		return fail("ERR the empty key is not supported")
	}
	var err error
	if len(h) == 0 {
		err = m.Delete(key)
	} else {
		err = m.Put(key, encodeHash(h))
	}
	if err != nil {
		return fail("ERR " + err.Error())
	}
	return ok
}

func hset(m Map, args [][]byte) []byte {
	if len(args)%2 != 0 {
		return fail("ERR wrong number of arguments for 'hset' command")
	}
	h, bad := loadHash(m, args[1])
	if bad != nil {
		return bad
	}
	before := len(h)
	for i := 2; i+1 < len(args); i += 2 {
		h[string(args[i])] = args[i+1]
	}
	if r := storeHash(m, args[1], h); isFail(r) {
		return r
	}
	return integer(int64(len(h) - before))
}

func hget(m Map, args [][]byte) []byte {
	h, bad := loadHash(m, args[1])
	if bad != nil {
		return bad
	}
	if value, there := h[string(args[2])]; there {
		return bulk(value)
	}
	return null
}

func hexists(m Map, args [][]byte) []byte {
	h, bad := loadHash(m, args[1])
	if bad != nil {
		return bad
	}
	_, there := h[string(args[2])]
	return boolean(there)
}

func hdel(m Map, args [][]byte) []byte {
	h, bad := loadHash(m, args[1])
	if bad != nil {
		return bad
	}
	before := len(h)
	for _, f := range args[2:] {
		delete(h, string(f))
	}
	if len(h) != before {
		if r := storeHash(m, args[1], h); isFail(r) {
			return r
		}
	}
	return integer(int64(before - len(h)))
}

func hlen(m Map, args [][]byte) []byte {
	h, bad := loadHash(m, args[1])
	if bad != nil {
		return bad
	}
	return integer(int64(len(h)))
}

func hgetall(m Map, args [][]byte) []byte {
	h, bad := loadHash(m, args[1])
	if bad != nil {
		return bad
	}
	fields := make([]string, 0, len(h))
	for f := range h {
		fields = append(fields, f)
	}
	sort.Strings(fields)
	out := fmt.Appendf(nil, "*%d\r\n", 2*len(fields))
	for _, f := range fields {
		out = append(out, bulk([]byte(f))...)
		out = append(out, bulk(h[f])...)
	}
	return out
}
