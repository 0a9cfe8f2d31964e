package protocol

import "github.com/parley-chat/parley/internal/chat"

// Actions of the live desk.
const (
	ActionDesk  = "desk"
	ActionVisit = "visit"
)

// Types of frames of the live desk.
const (
	TypeDesk  = "desk"
	TypeVisit = "visit"
)

// Desk sets which views of the live desk the socket has open, and is answered with what they show. Repeat it after
// every hello, which closes them, and with every ping of an operator: that heals whatever was lost.
type Desk struct {
	Action string `json:"action"`
	Ref    string `json:"ref,omitempty"`
	// Views to open: queue, colleagues, visitors, supervision. None closes them.
	Views []chat.DeskView `json:"views"`
	// Departments to look at, at most 50 of one's own; none means all of one's own.
	Departments []chat.DepartmentID `json:"departments,omitempty"`
}

// Visit tells the page that the customer is on. Without page they are still where they were: tell so within 3 minutes.
type Visit struct {
	Action string `json:"action"`
	Ref    string `json:"ref,omitempty"`
	// Page is an http or https address, or a path, of at most 2,048 bytes. Its query is dropped unless the workspace
	// keeps it, its fragment always.
	Page string `json:"page,omitempty"`
	// Title of the page, at most 200 bytes.
	Title string `json:"title,omitempty"`
	// Referrer is where the visitor came from, at most 500 bytes.
	Referrer string `json:"referrer,omitempty"`
	// Conversation that the visitor is in.
	Conversation chat.ConversationID `json:"conversation,omitempty"`
	// Consent says that the visitor has agreed, where the workspace demands it.
	Consent bool `json:"consent,omitempty"`
}

// VisitReply answers visit.
type VisitReply struct {
	Type string `json:"type"`
	Ref  string `json:"ref,omitempty"`
	// Until is when the visitor counts as gone, unless the client tells more: Unix milliseconds.
	Until int64 `json:"until"`
}

// DeskPush shows views of the live desk, each as a whole: as the answer to desk all that were opened, later those that
// have changed, in at most one frame in 2 s. A view that is absent is as it was. Drop a frame whose revision is lower than
// one that was seen since the last welcome.
type DeskPush struct {
	Type string `json:"type"`
	Ref  string `json:"ref,omitempty"`
	// Revision grows.
	Revision uint64 `json:"revision"`
	// At is when this was so: Unix milliseconds, as all times here.
	At int64 `json:"at"`
	// Queue is the view queue.
	Queue *DeskQueue `json:"queue,omitempty"`
	// Colleagues is the view colleagues.
	Colleagues *DeskColleagues `json:"colleagues,omitempty"`
	// Visitors is the view visitors.
	Visitors *DeskVisitors `json:"visitors,omitempty"`
	// Supervision is the view supervision.
	Supervision *DeskSupervision `json:"supervision,omitempty"`
}

// DeskQueue is what waits, in the order of the queues: at most the first 50.
type DeskQueue struct {
	// Departments that one sees.
	Departments []QueueCount `json:"departments"`
	// Entries of all of them, first the one to be served first.
	Entries []WaitingEntry `json:"entries"`
	// More says that more wait than are here.
	More bool `json:"more,omitempty"`
}

// QueueCount is how long a department's queue is.
type QueueCount struct {
	// Department is absent for what belongs to none.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Waiting counts the conversations that wait, up to 1,000.
	Waiting int `json:"waiting"`
	// AtLeast says that counting ended at Waiting.
	AtLeast bool `json:"atLeast,omitempty"`
	// Oldest is since when the first has waited.
	Oldest int64 `json:"oldest,omitempty"`
}

// DeskColleagues is who is at work, the most loaded first: at most 100.
type DeskColleagues struct {
	// Operators who are on duty, or have conversations left.
	Operators []DeskOperator `json:"operators"`
	// More says that there are more than are here.
	More bool `json:"more,omitempty"`
}

// DeskOperator is how a colleague stands.
type DeskOperator struct {
	User chat.UserID `json:"user"`
	// Name that colleagues see.
	Name string `json:"name,omitempty"`
	// Status is whether they take conversations.
	Status chat.Duty `json:"status"`
	// Connected says that they are there, or were a moment ago.
	Connected bool `json:"connected"`
	// Load is how many conversations they have.
	Load int `json:"load"`
	// Capacity is how many they may be given.
	Capacity int `json:"capacity"`
	// Departments that they work in; none means all.
	Departments []chat.DepartmentID `json:"departments,omitempty"`
}

// DeskVisitors is who is on the site, the newest first: at most 100.
type DeskVisitors struct {
	// Total counts them, up to 10,000.
	Total int `json:"total"`
	// AtLeast says that counting ended at Total.
	AtLeast bool `json:"atLeast,omitempty"`
	// Visitors are the newest.
	Visitors []Visitor `json:"visitors"`
	// More says that there are more than are here.
	More bool `json:"more,omitempty"`
}

// Visitor is somebody who is on the site.
type Visitor struct {
	User chat.UserID `json:"user"`
	// Page is its address.
	Page string `json:"page"`
	// Title of the page.
	Title string `json:"title,omitempty"`
	// Referrer is where they came from.
	Referrer string `json:"referrer,omitempty"`
	// First is when they came to the site.
	First int64 `json:"first"`
	// Since is when they came to the page.
	Since int64 `json:"since"`
	// Conversation that they are in.
	Conversation chat.ConversationID `json:"conversation,omitempty"`
}

// DeskSupervision is how the departments do that one runs.
type DeskSupervision struct {
	// Departments that one runs.
	Departments []DepartmentLoad `json:"departments"`
	// Conversations that are not over, newest first: at most 50.
	Conversations []DeskConversation `json:"conversations"`
	// More says that there are more than are here.
	More bool `json:"more,omitempty"`
}

// DepartmentLoad sums up a department's queue and operators. Who works in several counts in each.
type DepartmentLoad struct {
	QueueCount
	// Accepting counts those who are connected and take conversations.
	Accepting int `json:"accepting"`
	// Away counts those who are connected and take none.
	Away int `json:"away"`
	// Load is how many conversations its operators have.
	Load int `json:"load"`
	// Capacity is how many those who accept may have.
	Capacity int `json:"capacity"`
}

// DeskConversation is how a conversation stands.
type DeskConversation struct {
	Conversation chat.ConversationID `json:"conversation"`
	Customer     chat.UserID         `json:"customer"`
	Status       chat.Status         `json:"status"`
	Assignee     chat.UserID         `json:"assignee,omitempty"`
	Department   chat.DepartmentID   `json:"department,omitempty"`
	// Priority is -2 (lowest) to 3 (urgent), absent for 0.
	Priority int `json:"priority,omitempty"`
	// Started is when it began.
	Started int64 `json:"started"`
	// Changed is when it came to its status.
	Changed int64 `json:"changed"`
	// SnoozedUntil is until when it is put off, while it is.
	SnoozedUntil int64 `json:"snoozedUntil,omitempty"`
}

// deskRoom is what a frame of the desk takes besides its views' lists: names, numbers, counts of ten departments.
const deskRoom = 1 << 10

// DeskOf turns a frame of the desk into its form for clients. The lists are cut so that the frame fits.
func DeskOf(f chat.DeskFrame) DeskPush {
	out := DeskPush{Type: TypeDesk, Revision: f.Revision, At: millis(f.At)}
	share := (chat.MaxFrame - deskRoom) / max(f.Open, 1)
	if f.Queue != nil {
		out.Queue = QueueOf(*f.Queue)
		room := share - sizeOf(out.Queue.Departments)
		fit(&out.Queue.Entries, room, &out.Queue.More)
	}
	if f.Colleagues != nil {
		out.Colleagues = ColleaguesOf(*f.Colleagues)
		fit(&out.Colleagues.Operators, share, &out.Colleagues.More)
	}
	if f.Visitors != nil {
		v := f.Visitors
		out.Visitors = &DeskVisitors{Total: v.Total, AtLeast: v.AtLeast, More: v.More, Visitors: VisitorsOf(v.Visitors)}
		fit(&out.Visitors.Visitors, share, &out.Visitors.More)
	}
	if f.Supervision != nil {
		out.Supervision = supervisionOf(*f.Supervision)
		room := share - sizeOf(out.Supervision.Departments)
		fit(&out.Supervision.Conversations, room, &out.Supervision.More)
	}
	return out
}

// Desk implements chat.DeskEncoder.
func (Encoder) Desk(f chat.DeskFrame) []byte { return Encode(DeskOf(f)) }

func sizeOf(v any) int { return len(Encode(v)) }

// fit cuts the list to what takes at most room bytes.
func fit[T any](list *[]T, room int, more *bool) {
	for i, e := range *list {
		if room -= sizeOf(e) + 1; room < 0 {
			*list, *more = (*list)[:i], true
			return
		}
	}
}

// QueueOf turns what waits into its form for clients.
func QueueOf(q chat.QueueView) *DeskQueue {
	out := &DeskQueue{Departments: []QueueCount{}, Entries: WaitingOf(q.Entries), More: q.More}
	if out.Entries == nil {
		out.Entries = []WaitingEntry{}
	}
	for _, d := range q.Departments {
		out.Departments = append(out.Departments, countOf(d))
	}
	return out
}

func countOf(c chat.QueueCount) QueueCount {
	return QueueCount{Department: c.Department, Waiting: c.Waiting, AtLeast: c.AtLeast, Oldest: millis(c.Oldest)}
}

// ColleaguesOf turns colleagues into their form for clients.
func ColleaguesOf(v chat.ColleaguesView) *DeskColleagues {
	out := &DeskColleagues{Operators: []DeskOperator{}, More: v.More}
	for _, o := range v.Colleagues {
		status := o.Duty
		if status == "" {
			status = chat.DutyOff
		}
		out.Operators = append(out.Operators, DeskOperator{
			User: o.User, Name: o.Name, Status: status, Connected: o.Connected, Load: o.Load, Capacity: o.Capacity, Departments: o.Departments.All(),
		})
	}
	return out
}

// VisitorsOf turns visitors into their form for clients.
func VisitorsOf(list []chat.Visitor) []Visitor {
	out := make([]Visitor, len(list))
	for i, v := range list {
		out[i] = Visitor{
			User: v.User, Page: v.Page, Title: v.Title, Referrer: v.Referrer, First: millis(v.First), Since: millis(v.Since), Conversation: v.Conversation,
		}
	}
	return out
}

func supervisionOf(v chat.SupervisionView) *DeskSupervision {
	out := &DeskSupervision{Departments: []DepartmentLoad{}, Conversations: []DeskConversation{}, More: v.More}
	for _, d := range v.Departments {
		out.Departments = append(out.Departments, DepartmentLoad{countOf(d.QueueCount), d.Accepting, d.Away, d.Load, d.Capacity})
	}
	for _, c := range v.Conversations {
		out.Conversations = append(out.Conversations, DeskConversation{
			Conversation: c.Conversation, Customer: c.Customer, Status: c.Status, Assignee: c.Assignee, Department: c.Department, Priority: c.Priority,
			Started: millis(c.Started), Changed: millis(c.Changed), SnoozedUntil: millis(c.Until),
		})
	}
	return out
}
