package server

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// KeyUse is one key of the ring, and what depends on it.
type KeyUse struct {
	Number  uint32
	Date    time.Time // zero: the ring lacks it
	Records int64     // sealed with it
	Events  int64     // of trails, chained with it
	Seals   bool
	// MayGo: nothing is sealed with it, nor will be.
	MayGo bool
}

// KeyUses lists the keys of the ring, and those that something needs and that are not there, by their number. Number 0
// stands for what is no sealed value at all.
func (s *Server) KeyUses(ctx context.Context) ([]KeyUse, error) {
	counts, err := s.Service.SealedBy(ctx)
	if err != nil {
		return nil, err
	}
	ring, uses := s.Service.Key(), map[uint32]*KeyUse{}
	for _, k := range ring.Keys() {
		uses[k.ID] = &KeyUse{Number: k.ID, Date: k.Date, Seals: k.ID == ring.Sealing()}
	}
	for _, c := range counts {
		u := uses[c.Key]
		if u == nil {
			u = &KeyUse{Number: c.Key}
			uses[c.Key] = u
		}
		if c.Table == "events" {
			u.Events += c.Records
		} else {
			u.Records += c.Records
		}
	}
	list := make([]KeyUse, 0, len(uses))
	for _, u := range uses {
		u.MayGo = !u.Date.IsZero() && u.Records == 0 && u.Number < ring.Sealing()
		list = append(list, *u)
	}
	slices.SortFunc(list, func(a, b KeyUse) int { return cmp.Compare(a.Number, b.Number) })
	return list, nil
}
