// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The heads were written by etcd itself: by 3.7.3's server; by 3.3.27's package
// wal, one the first segment and one a later one, whose checksum goes on from
// the segment before.
var heads = map[string]uint64{
	"etcd-3.7.wal":   0x0bd377aac2f8c1bc,
	"etcd-3.3-0.wal": 0xa8d266ad6d4e1f3c,
	"etcd-3.3-1.wal": 0xa8d266ad6d4e1f3c,
}

func readHead(t testing.TB, name string) []byte {
	head, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return head
}

func TestWALMember(t *testing.T) {
	for name, want := range heads {
		t.Run(name, func(t *testing.T) {
			id, err := WALMember(readHead(t, name))
			require.NoError(t, err)
			assert.Equal(t, want, id)
		})
	}
}

func TestWALMemberRefusesDamage(t *testing.T) {
	for name := range heads {
		// The two records that count end before the third one, of type 5 or 3.
		whole := readHead(t, name)[:56]
		for i := range whole {
			damaged := append([]byte(nil), whole...)
			damaged[i] ^= 0x55
			if id, err := WALMember(damaged); err == nil {
				// Padding and the unused bits of a length carry no meaning.
				assert.Equal(t, heads[name], id, "%s, byte %d", name, i)
			}
		}
		for i := range 48 {
			_, err := WALMember(whole[:i])
			assert.Error(t, err, "%s cut to %d bytes", name, i)
		}
	}
	_, err := WALMember(make([]byte, HeadSize))
	assert.ErrorContains(t, err, "types 0 and 0")
}

func FuzzWALMember(f *testing.F) {
	for name := range heads {
		f.Add(readHead(f, name))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		if id, err := WALMember(head); err == nil {
			assert.NotZero(t, id)
		}
	})
}
