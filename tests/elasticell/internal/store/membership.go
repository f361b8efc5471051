// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// obey does what PD answered to the cell's heartbeat. An order for an older state of the cell is stale.
func (s *Store) obey(p *peer, order pdOrder, now time.Time) {
	if !p.leads() || order.epoch != p.Cell.Epoch {
		return
	}
	switch {
	case order.AddPeer != nil:
		s.proposeChange(p, raftpb.ConfChangeAddNode, *order.AddPeer, now)
	case order.RemovePeer != nil:
		s.proposeChange(p, raftpb.ConfChangeRemoveNode, *order.RemovePeer, now)
	case order.Transfer != nil:
		s.handOver(p, *order.Transfer, now)
	}
	s.dirty[p] = true
}

// proposeChange proposes a change of members unless it is unsafe: after it, those that have the data and answer must
// be a majority. (So a cell of three with one dead takes no fourth: "needs 3 healthy of 4".)
func (s *Store) proposeChange(p *peer, kind raftpb.ConfChangeType, member meta.Peer, now time.Time) {
	_, there := p.Cell.Peer(member.ID)
	if there == (kind == raftpb.ConfChangeAddNode) {
		return
	}
	if kind == raftpb.ConfChangeRemoveNode && member.ID == p.Peer {
		slog.Warn("a leader does not remove itself", "cell", p.Cell.ID)
		return
	}
	if kind == raftpb.ConfChangeRemoveNode && !p.informed(member.ID, now, s.soundLimit()) {
		slog.Info("the leaving member is to hear of the present leader first", "cell", p.Cell.ID, "peer", member.ID)
		return // PD repeats the order
	}
	if sound, needed := countSound(len(p.Cell.Peers), kind, member, p.soundPeers(now, s.soundLimit())); sound < needed {
		slog.Warn("rejects unsafe conf change", "cell", p.Cell.ID, "change", kind.String(), "peer", member.ID, "healthy", sound, "needed", needed)
		return
	}
	context, err := json.Marshal(member)
	if err != nil {
		panic(err) // two numbers
	}
	cc := raftpb.ConfChange{Type: kind.Enum(), NodeId: &member.ID, Context: context}
	if err := p.rn.ProposeConfChange(&cc); err != nil {
		slog.Info("change of members not proposed", "cell", p.Cell.ID, "error", err)
	}
}

// informed says whether a member that is about to be removed has followed this leader so far, unless it is silent. It
// may have led until a moment ago, and clients wait for writes of that time: it answers them when it hears that they
// are committed, which nobody tells it once it is no member any more.
func (p *peer) informed(id uint64, now time.Time, limit time.Duration) bool {
	follows := now.Sub(p.lastHeard(id)) > limit
	p.rn.WithProgress(func(member uint64, _ raft.ProgressType, pr tracker.Progress) {
		if member == id && pr.State == tracker.StateReplicate && pr.Match >= p.leaderIndex {
			follows = true
		}
	})
	return follows
}

// countSound counts, for the members as they will be, who is sound and how many must be.
func countSound(members int, kind raftpb.ConfChangeType, member meta.Peer, soundNow []uint64) (sound, needed int) {
	if members == 1 {
		return 1, 1 // one replica alone may always take a second
	}
	if kind == raftpb.ConfChangeAddNode {
		members++
	} else {
		members--
	}
	for _, id := range soundNow {
		if kind == raftpb.ConfChangeAddNode || id != member.ID {
			sound++
		}
	}
	return sound, members/2 + 1
}

// soundLimit is the silence after which a member counts as ill: two election time-outs.
func (s *Store) soundLimit() time.Duration {
	return 2 * time.Duration(s.cfg.ElectionTicks) * s.cfg.RaftTick
}

// maxTransferLag is how many entries an heir may be behind; it is upstream's number.
const maxTransferLag = 10

// handOver passes the lead to a member that is alive and nearly up to date, unless some member is just being filled;
// otherwise the order is not carried out, and stays with PD until it times out.
func (s *Store) handOver(p *peer, to meta.Peer, now time.Time) {
	if to.ID == p.Peer || !slices.Contains(p.soundPeers(now, s.soundLimit()), to.ID) {
		return
	}
	behind, filling := uint64(0), false
	p.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		if id == to.ID {
			behind = p.log.lastIndex() - min(p.log.lastIndex(), pr.Match)
		}
		filling = filling || pr.State == tracker.StateSnapshot
	})
	if behind <= maxTransferLag && !filling {
		slog.Info("hand the cell over", "cell", p.Cell.ID, "to", to.StoreID)
		p.rn.TransferLeader(to.ID)
	}
}

// applyConfChange makes a committed change of members.
func (s *Store) applyConfChange(st *step, e *raftpb.Entry, now time.Time) error {
	p := st.p
	cc := &raftpb.ConfChange{}
	if err := proto.Unmarshal(e.GetData(), cc); err != nil {
		return fmt.Errorf("decode change of members: %w", err)
	}
	if cc.GetNodeId() == 0 {
		p.rn.ApplyConfChange(cc)
		return nil
	}
	var member meta.Peer
	if err := json.Unmarshal(cc.GetContext(), &member); err != nil {
		return fmt.Errorf("decode changed member: %w", err)
	}
	p.storeOf[member.ID] = member.StoreID
	state := p.rn.ApplyConfChange(cc)
	p.Voters = state.GetVoters()
	p.Cell.Epoch.ConfVer++
	p.Cell.Peers = slices.DeleteFunc(slices.Clone(p.Cell.Peers), func(m meta.Peer) bool { return m.ID == member.ID })
	st.changed, p.snap = true, snapshotJob{}
	if cc.GetType() == raftpb.ConfChangeAddNode {
		p.Cell.Peers = append(p.Cell.Peers, member)
		p.heard[member.ID] = now
	} else {
		delete(p.heard, member.ID)
		// The member itself may never see the entry that removes it.
		st.removed = append(st.removed, wire.Envelope{
			Cell: p.Cell.ID, FromPeer: p.Peer, ToPeer: member.ID, ConfVer: p.Cell.Epoch.ConfVer, Remove: true,
		})
		if member.ID == p.Peer {
			p.destroyed = true
		}
	}
	slog.Info("members changed", "cell", p.Cell.ID, "change", cc.GetType().String(), "peer", member.ID, "store", member.StoreID)
	return nil
}

// pdOrder is PD's answer and the state of the cell it was given for.
type pdOrder struct {
	pdrpc.CellHeartbeatResponse
	epoch meta.Epoch
}
