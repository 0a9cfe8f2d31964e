package chat

import (
	"maps"
	"slices"
	"time"
)

// Detail is what only some types of event have. Every field is optional.
type Detail struct {
	// Department where the conversation goes.
	Department DepartmentID
	// Tags that were added, Untagged those that were taken off.
	Tags, Untagged []string
	// Priority that the conversation has now; EventPriority only.
	Priority int
	// Until is when a snooze, a mute or a clock ends, with millisecond precision.
	Until time.Time
	// Score of a rating, 1 to 5.
	Score int
	// Fields are the answers of a form, or the conversation's fields that were set; "" takes one off.
	Fields map[string]string
	// Mentions lists the colleagues whom a note mentions.
	Mentions []UserID
	// Link is the other conversation of a merge by link.
	Link ConversationID
	// Clock is the SLA clock: "first_response", "next_response" or "resolution".
	Clock string
	// Rule names the automation rule or macro that acted, by its id.
	Rule string
	// Decision says why routing chose as it did.
	Decision *Decision
}

// Decision is a routing decision, complete enough to be made again.
type Decision struct {
	// Policy names the rule that decided: "last_operator", "spare_capacity", "manual", "wait" (for the preferred
	// operator, who is full), "none".
	Policy string
	// Preferred is the operator whom the conversation was to go to, if eligible.
	Preferred UserID
	// Candidates lists the eligible operators in order, the chosen one first, at most MaxCandidates.
	Candidates []Candidate
	// Eligible is how many were eligible in all.
	Eligible int
	// Excluded counts the operators of the department who were not, by reason: "off", "away", "disconnected",
	// "skills", "tried", "full".
	Excluded map[string]int
}

// MaxCandidates is how many eligible operators a decision records.
const MaxCandidates = 5

// Candidate is an eligible operator as the decision saw them.
type Candidate struct {
	User           UserID
	Load, Capacity int
	// LastAssigned is when they last got a conversation; zero for never.
	LastAssigned time.Time
}

// Equal says whether two details are the same. Both may be nil.
func (d *Detail) Equal(o *Detail) bool {
	if d == nil || o == nil {
		return d == o
	}
	return d.Department == o.Department && slices.Equal(d.Tags, o.Tags) && slices.Equal(d.Untagged, o.Untagged) &&
		d.Priority == o.Priority && d.Until.Equal(o.Until) && d.Score == o.Score && maps.Equal(d.Fields, o.Fields) &&
		slices.Equal(d.Mentions, o.Mentions) && d.Link == o.Link && d.Clock == o.Clock && d.Rule == o.Rule &&
		d.Decision.equal(o.Decision)
}

func (d *Decision) equal(o *Decision) bool {
	if d == nil || o == nil {
		return d == o
	}
	same := func(a, b Candidate) bool {
		return a.User == b.User && a.Load == b.Load && a.Capacity == b.Capacity && a.LastAssigned.Equal(b.LastAssigned)
	}
	return d.Policy == o.Policy && d.Preferred == o.Preferred && d.Eligible == o.Eligible && maps.Equal(d.Excluded, o.Excluded) &&
		slices.EqualFunc(d.Candidates, o.Candidates, same)
}
