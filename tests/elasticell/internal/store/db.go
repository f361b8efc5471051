// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
)

// The file's buckets. In bucketRaft a key is the cell's id, a letter and, for log entries, the index; bucketData holds
// a bucket of its own for each cell.
var (
	bucketStore = []byte("store")
	bucketCells = []byte("cells")
	bucketRaft  = []byte("raft")
	bucketData  = []byte("data")
	keyIdent    = []byte("ident")
)

const (
	letterApplied = 'a'
	letterHard    = 'h'
	letterLog     = 'l'
)

// ident says whose data this is. It is written before the store registers with PD.
type ident struct {
	ClusterID uint64
	StoreID   uint64
}

// record is what is kept of one cell's replica, or, as a tombstone, of one that is gone.
type record struct {
	Cell       meta.Cell
	Peer       uint64
	SeenConf   uint64   // confVer of whoever called this replica into being
	Voters     []uint64 // raft's members as of the applied index
	TruncIndex uint64
	TruncTerm  uint64
	Tombstone  bool
	Broken     bool // a snapshot spoilt it: the next start fails
}

// openDB opens the data file. Its map is reserved large, so that a long read never has to be waited for.
func openDB(dir string, syncLog bool) (*bbolt.DB, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make data dir: %w", err)
	}
	db, err := bbolt.Open(filepath.Join(dir, "cell.db"), 0o644, &bbolt.Options{
		Timeout: 5 * time.Second, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, InitialMmapSize: 1 << 30,
	})
	if err != nil {
		return nil, fmt.Errorf("open data file in %s: %w", dir, err)
	}
	db.NoSync, db.NoGrowSync = !syncLog, !syncLog
	return db, db.Update(func(tx *bbolt.Tx) error {
		for _, b := range [][]byte{bucketStore, bucketCells, bucketRaft, bucketData} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		return nil
	})
}

func readIdent(db *bbolt.DB) (id ident, there bool, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketStore).Get(keyIdent)
		if b == nil {
			return nil
		}
		there = true
		return json.Unmarshal(b, &id)
	})
	return id, there, err
}

func writeIdent(db *bbolt.DB, id ident) error {
	return db.Update(func(tx *bbolt.Tx) error { return putJSON(tx.Bucket(bucketStore), keyIdent, id) })
}

func putJSON(b *bbolt.Bucket, key []byte, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}

func cellKey(cell uint64) []byte { return binary.BigEndian.AppendUint64(nil, cell) }

func raftKey(cell uint64, letter byte) []byte { return append(cellKey(cell), letter) }

func logKey(cell, index uint64) []byte {
	return binary.BigEndian.AppendUint64(raftKey(cell, letterLog), index)
}

// putRecord writes what is kept of a replica.
func putRecord(tx *bbolt.Tx, r record) error {
	return putJSON(tx.Bucket(bucketCells), cellKey(r.Cell.ID), r)
}

func putApplied(tx *bbolt.Tx, cell, index uint64) error {
	return tx.Bucket(bucketRaft).Put(raftKey(cell, letterApplied), binary.BigEndian.AppendUint64(nil, index))
}

func putHardState(tx *bbolt.Tx, cell uint64, hs *raftpb.HardState) error {
	b, err := proto.Marshal(hs)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketRaft).Put(raftKey(cell, letterHard), b)
}

// putEntries appends to the log; what stood there from the first new index on is gone.
func putEntries(tx *bbolt.Tx, cell uint64, entries []*raftpb.Entry) error {
	bucket := tx.Bucket(bucketRaft)
	for _, e := range entries {
		b, err := proto.Marshal(e)
		if err != nil {
			return err
		}
		if err := bucket.Put(logKey(cell, e.GetIndex()), b); err != nil {
			return err
		}
	}
	last := entries[len(entries)-1].GetIndex()
	return deleteLog(tx, cell, last+1, ^uint64(0))
}

// deleteLog removes the entries of [from, to).
func deleteLog(tx *bbolt.Tx, cell, from, to uint64) error {
	c := tx.Bucket(bucketRaft).Cursor()
	prefix, end := raftKey(cell, letterLog), logKey(cell, to)
	var keys [][]byte // collected first: deleting under a cursor may skip
	for k, _ := c.Seek(logKey(cell, from)); hasPrefix(k, prefix) && string(k) < string(end); k, _ = c.Next() {
		keys = append(keys, k)
	}
	for _, k := range keys {
		if err := tx.Bucket(bucketRaft).Delete(k); err != nil {
			return err
		}
	}
	return nil
}

func hasPrefix(k, prefix []byte) bool {
	return len(k) >= len(prefix) && string(k[:len(prefix)]) == string(prefix)
}

// resetData empties, or makes, the cell's data bucket.
func resetData(tx *bbolt.Tx, cell uint64) (*bbolt.Bucket, error) {
	if err := deleteData(tx, cell); err != nil {
		return nil, err
	}
	return tx.Bucket(bucketData).CreateBucket(cellKey(cell))
}

func deleteData(tx *bbolt.Tx, cell uint64) error {
	data := tx.Bucket(bucketData)
	if data.Bucket(cellKey(cell)) == nil {
		return nil
	}
	return data.DeleteBucket(cellKey(cell))
}

// bury removes everything of a replica but its tombstone, which keeps late messages from reviving it.
func bury(tx *bbolt.Tx, r record) error {
	raft := tx.Bucket(bucketRaft)
	return errors.Join(
		deleteLog(tx, r.Cell.ID, 0, ^uint64(0)),
		raft.Delete(raftKey(r.Cell.ID, letterApplied)),
		raft.Delete(raftKey(r.Cell.ID, letterHard)),
		deleteData(tx, r.Cell.ID),
		putRecord(tx, record{Cell: r.Cell, Peer: r.Peer, Tombstone: true}),
	)
}

// saved is a replica as it was found on disk.
type saved struct {
	record
	applied uint64
	hard    *raftpb.HardState
	entries []*raftpb.Entry
}

func readSaved(tx *bbolt.Tx) ([]saved, error) {
	var all []saved
	err := tx.Bucket(bucketCells).ForEach(func(_, v []byte) error {
		var s saved
		if err := json.Unmarshal(v, &s.record); err != nil {
			return err
		}
		raft := tx.Bucket(bucketRaft)
		if b := raft.Get(raftKey(s.Cell.ID, letterApplied)); len(b) == 8 {
			s.applied = binary.BigEndian.Uint64(b)
		}
		s.hard = &raftpb.HardState{}
		if err := proto.Unmarshal(raft.Get(raftKey(s.Cell.ID, letterHard)), s.hard); err != nil {
			return err
		}
		c, prefix := raft.Cursor(), raftKey(s.Cell.ID, letterLog)
		for k, v := c.Seek(prefix); hasPrefix(k, prefix); k, v = c.Next() {
			e := &raftpb.Entry{}
			if err := proto.Unmarshal(v, e); err != nil {
				return err
			}
			s.entries = append(s.entries, e)
		}
		all = append(all, s)
		return nil
	})
	return all, err
}
