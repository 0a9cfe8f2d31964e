package protocol

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Detail is what only some types of event have.
type Detail struct {
	// Department where the conversation goes.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Tags that were added, and those that were taken off.
	Tags     []string `json:"tags,omitempty"`
	Untagged []string `json:"untagged,omitempty"`
	// Priority that the conversation has now, -2 (lowest) to 3 (urgent); absent for 0, which is normal.
	Priority int `json:"priority,omitempty"`
	// Until is when a snooze, a mute or a clock ends: Unix milliseconds.
	Until int64 `json:"until,omitempty"`
	// Score of a rating, 1 to 5.
	Score int `json:"score,omitempty"`
	// Fields are the answers of a form, or the conversation's fields that were set; "" takes one off.
	Fields map[string]string `json:"fields,omitempty"`
	// Mentions lists the colleagues whom a note mentions.
	Mentions []chat.UserID `json:"mentions,omitempty"`
	// Link is the other conversation of a merge by link.
	Link chat.ConversationID `json:"link,omitempty"`
	// Clock is the SLA clock: first_response, next_response or resolution.
	Clock string `json:"clock,omitempty"`
	// Rule names the automation rule or macro that acted, by its id.
	Rule string `json:"rule,omitempty"`
	// Decision says why routing chose as it did.
	Decision *Decision `json:"decision,omitempty"`
}

// Decision is a routing decision, complete enough to be made again.
type Decision struct {
	// Policy names the rule that decided: last_operator, spare_capacity, manual, wait or none.
	Policy string `json:"policy"`
	// Preferred is the operator whom the conversation was to go to, if eligible.
	Preferred chat.UserID `json:"preferred,omitempty"`
	// Candidates lists the eligible operators in order, the chosen one first, at most five.
	Candidates []Candidate `json:"candidates,omitempty"`
	// Eligible is how many were eligible in all.
	Eligible int `json:"eligible,omitempty"`
	// Excluded counts the operators of the department who were not, by reason: off, away, disconnected, skills, tried, full.
	Excluded map[string]int `json:"excluded,omitempty"`
}

// Candidate is an eligible operator as the decision saw them.
type Candidate struct {
	User     chat.UserID `json:"user"`
	Load     int         `json:"load"`
	Capacity int         `json:"capacity"`
	// LastAssigned is when they last got a conversation: Unix milliseconds, absent for never.
	LastAssigned int64 `json:"lastAssigned,omitempty"`
}

// DetailOf turns a detail into its form for clients.
func DetailOf(d *chat.Detail) *Detail {
	if d == nil {
		return nil
	}
	out := &Detail{
		Department: d.Department, Tags: d.Tags, Untagged: d.Untagged, Priority: d.Priority, Until: millis(d.Until), Score: d.Score,
		Fields: d.Fields, Mentions: d.Mentions, Link: d.Link, Clock: d.Clock, Rule: d.Rule,
	}
	if w := d.Decision; w != nil {
		out.Decision = &Decision{Policy: w.Policy, Preferred: w.Preferred, Eligible: w.Eligible, Excluded: w.Excluded}
		for _, c := range w.Candidates {
			out.Decision.Candidates = append(out.Decision.Candidates, Candidate{c.User, c.Load, c.Capacity, millis(c.LastAssigned)})
		}
	}
	return out
}

// millis returns 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// What a detail takes at most in a frame, besides the texts in it.
const (
	detailFixed    = 320 // every name, number and id of the fixed fields
	listed         = 32  // an id with quotes and comma, or the marks around a text
	candidateSize  = 140
	excludedFactor = 40
)

// detailSize returns an upper bound of the bytes that a detail takes in a frame.
func detailSize(d *chat.Detail) int {
	if d == nil {
		return 0
	}
	n := detailFixed + listed*len(d.Mentions) + stringSize(d.Rule) + stringSize(d.Clock)
	for _, list := range [][]string{d.Tags, d.Untagged} {
		for _, t := range list {
			n += stringSize(t) + 3
		}
	}
	for k, v := range d.Fields {
		n += stringSize(k) + stringSize(v) + 6
	}
	if w := d.Decision; w != nil {
		n += listed + subjectSize + candidateSize*len(w.Candidates)
		for k := range w.Excluded {
			n += stringSize(k) + excludedFactor
		}
	}
	return n
}
