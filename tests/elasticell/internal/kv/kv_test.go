// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// memory is a Map for tests.
type memory map[string][]byte

func (m memory) Get(k []byte) []byte   { return m[string(k)] }
func (m memory) Put(k, v []byte) error { m[string(k)] = v; return nil }
func (m memory) Delete(k []byte) error { delete(m, string(k)); return nil }

func words(line string) (args [][]byte) {
	for _, s := range strings.Fields(line) {
		args = append(args, []byte(s))
	}
	return args
}

func TestCommands(t *testing.T) {
	m := memory{}
	for _, step := range []struct{ command, reply string }{
		{"PING", "+PONG"}, {"get a", "$-1"}, {"set a 1", "+OK"}, {"get a", "$1 1"}, {"set a 2 nx", "$-1"}, {"set b 2 xx", "$-1"},
		{"set a x foo", "-ERR syntax error"}, {"incr a", ":2"}, {"decr a", ":1"}, {"incrby a 10", ":11"}, {"decrby a 20", ":-9"},
		{"incr c", ":1"}, {"append c 5", ":2"}, {"get c", "$2 15"}, {"strlen c", ":2"}, {"setnx c 9", ":0"}, {"setnx d 9", ":1"},
		{"getset d 8", "$1 9"}, {"getset e 1", "$-1"}, {"set s text", "+OK"}, {"incr s", "-ERR value is not an integer or out of range"},
		{"set s 9223372036854775807", "+OK"}, {"incr s", "-ERR increment or decrement would overflow"},
		{"exists a c none", ":2"}, {"mget a none c", "*3 $2 -9 $-1 $2 15"}, {"mset x 1 y 2", "+OK"}, {"get y", "$1 2"},
		{"mset x", "-ERR wrong number of arguments for 'mset' command"}, {"get", "-ERR wrong number of arguments for 'get' command"},
		{"hset h f 1 g 2", ":2"}, {"hset h f 3", ":0"}, {"hget h f", "$1 3"}, {"hget h none", "$-1"}, {"hlen h", ":2"},
		{"hexists h g", ":1"}, {"hgetall h", "*4 $1 f $1 3 $1 g $1 2"}, {"hdel h g none", ":1"}, {"hset h f", "-ERR wrong number of arguments for 'hset' command"},
		{"get h", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"hget a f", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"hdel h f", ":1"}, {"exists h", ":0"}, {"del a c none", ":2"}, {"get a", "$-1"}, {"flushall", "-ERR unknown command"},
	} {
		got := strings.TrimSpace(strings.ReplaceAll(string(Apply(m, words(step.command))), "\r\n", " "))
		assert.Equal(t, step.reply, got, step.command)
	}
}

// A command for several keys is taken apart, as the keys may live in different cells, and its replies joined.
func TestSplit(t *testing.T) {
	m := memory{}
	for _, step := range []struct {
		command string
		parts   int
		reply   string
	}{
		{"mset a 1 b 2", 2, "+OK"}, {"mget a none b", 3, "*3 $1 1 $-1 $1 2"}, {"exists a b a", 3, ":3"}, {"del a b c", 3, ":2"},
		{"set a 1", 1, "+OK"}, {"del a", 1, ":1"}, {"ping", 1, "+PONG"},
	} {
		parts, join := Split(words(step.command))
		assert.Len(t, parts, step.parts, step.command)
		var replies [][]byte
		for _, part := range parts {
			replies = append(replies, Apply(m, part))
		}
		assert.Equal(t, step.reply, strings.TrimSpace(strings.ReplaceAll(string(join(replies)), "\r\n", " ")), step.command)
	}
}

func TestWritesGoThroughTheLog(t *testing.T) {
	for name, c := range commands {
		assert.Equal(t, !strings.Contains(" ping get strlen exists mget hget hexists hlen hgetall ", " "+name+" "), c.write, name)
		assert.True(t, Known(name))
	}
	assert.False(t, Known("info"))
}
