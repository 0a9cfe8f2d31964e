package dynamo

import (
	"encoding/json"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// detail is how chat.Detail is stored. Times are Unix milliseconds. Names are stored data.
type detail struct {
	Department chat.DepartmentID   `json:"d,omitempty"`
	Tags       []string            `json:"t,omitempty"`
	Untagged   []string            `json:"u,omitempty"`
	Priority   int                 `json:"p,omitempty"`
	Until      int64               `json:"e,omitempty"`
	Score      int                 `json:"s,omitempty"`
	Fields     map[string]string   `json:"f,omitempty"`
	Mentions   []chat.UserID       `json:"m,omitempty"`
	Link       chat.ConversationID `json:"l,omitempty"`
	Clock      string              `json:"c,omitempty"`
	Rule       string              `json:"r,omitempty"`
	Decision   *decision           `json:"w,omitempty"`
}

type decision struct {
	Policy     string         `json:"p"`
	Preferred  chat.UserID    `json:"f,omitempty"`
	Candidates []candidate    `json:"c,omitempty"`
	Eligible   int            `json:"n,omitempty"`
	Excluded   map[string]int `json:"x,omitempty"`
}

type candidate struct {
	User         chat.UserID `json:"u"`
	Load         int         `json:"l,omitempty"`
	Capacity     int         `json:"c,omitempty"`
	LastAssigned int64       `json:"a,omitempty"`
}

func packDetail(d *chat.Detail) []byte {
	s := detail{
		Department: d.Department, Tags: d.Tags, Untagged: d.Untagged, Priority: d.Priority, Until: millisOf(d.Until), Score: d.Score,
		Fields: d.Fields, Mentions: d.Mentions, Link: d.Link, Clock: d.Clock, Rule: d.Rule,
	}
	if w := d.Decision; w != nil {
		s.Decision = &decision{Policy: w.Policy, Preferred: w.Preferred, Eligible: w.Eligible, Excluded: w.Excluded}
		for _, c := range w.Candidates {
			s.Decision.Candidates = append(s.Decision.Candidates, candidate{c.User, c.Load, c.Capacity, millisOf(c.LastAssigned)})
		}
	}
	raw, _ := json.Marshal(s) // texts and numbers only
	return raw
}

func unpackDetail(raw []byte) (*chat.Detail, error) {
	var s detail
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	d := &chat.Detail{
		Department: s.Department, Tags: s.Tags, Untagged: s.Untagged, Priority: s.Priority, Until: timeOf(s.Until), Score: s.Score,
		Fields: s.Fields, Mentions: s.Mentions, Link: s.Link, Clock: s.Clock, Rule: s.Rule,
	}
	if w := s.Decision; w != nil {
		d.Decision = &chat.Decision{Policy: w.Policy, Preferred: w.Preferred, Eligible: w.Eligible, Excluded: w.Excluded}
		for _, c := range w.Candidates {
			d.Decision.Candidates = append(d.Decision.Candidates, chat.Candidate{User: c.User, Load: c.Load, Capacity: c.Capacity, LastAssigned: timeOf(c.LastAssigned)})
		}
	}
	return d, nil
}

// millisOf returns 0 for the zero time.
func millisOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
