package dynamo

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// expression collects the clauses of one write with their placeholders.
type expression struct {
	set, remove, require []string
	names                map[string]string
	values               item
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, values: item{}}
}

// value adds a placeholder and returns it.
func (x *expression) value(name string, v types.AttributeValue) string {
	x.values[":"+name] = v
	return ":" + name
}

func (x *expression) name(placeholder, attribute string) string {
	x.names["#"+placeholder] = attribute
	return "#" + placeholder
}

func (x *expression) update() *string {
	var parts []string
	if len(x.set) > 0 {
		parts = append(parts, "SET "+strings.Join(x.set, ", "))
	}
	if len(x.remove) > 0 {
		parts = append(parts, "REMOVE "+strings.Join(x.remove, ", "))
	}
	s := strings.Join(parts, " ")
	return &s
}

func (x *expression) condition() *string {
	s := strings.Join(x.require, " AND ")
	return &s
}

// placeholders returns the names, or nil when there are none: DynamoDB refuses an empty map.
func (x *expression) placeholders() map[string]string {
	if len(x.names) == 0 {
		return nil
	}
	return x.names
}

// write marks the kind of the write, for the stream's filter.
func (x *expression) kind(k string) { x.set = append(x.set, "k = "+x.value("k", str(k))) }

// appendOther adds the events of a transition's other track, which must be as the image shows it.
func (x *expression) appendOther(h *chat.Head, t chat.Track, events []chat.Event, still bool) {
	n, last := namesOf(t), h.Track(t).Last
	if len(events) == 0 {
		if still {
			x.require = append(x.require, n.last+" = "+x.value("oa", num(last)))
		}
		return
	}
	x.set = append(x.set,
		n.last+" = "+x.value("on", num(last+uint64(len(events)))),
		n.tail+" = list_append("+n.tail+", "+x.value("oe", packList(events))+")")
	x.require = append(x.require, n.last+" = "+x.value("oa", num(last)))
	if t == chat.Public {
		x.wait(events)
	}
	if t == chat.Desk {
		x.set = append(x.set, "F."+x.name("of", strconv.FormatUint(last+1, 10))+" = "+x.value("n", x.values[":n"]))
	}
}

// appendEvents adds the append itself: the seq, the tail, and the condition that nothing came between.
func (x *expression) appendEvents(a chat.Append) {
	n := namesOf(a.Track)
	first := a.After + 1
	x.set = append(x.set,
		n.last+" = "+x.value("n", num(a.After+uint64(len(a.Events)))),
		n.tail+" = list_append("+n.tail+", "+x.value("e", packList(a.Events))+")")
	x.require = append(x.require, n.last+" = "+x.value("a", num(a.After)))
	if a.Track == chat.Desk {
		x.set = append(x.set, "F."+x.name("f", strconv.FormatUint(first, 10))+" = n")
	}
	if a.Cursor > 0 {
		x.set = append(x.set, "P."+x.name("u", mapKey(a.Rule.Actor))+".c = "+x.value("c", num(a.Cursor)))
	}
	if a.Mute != nil {
		until := "P." + x.name("mu", mapKey(a.Mute.User)) + ".m"
		if a.Mute.Until.IsZero() {
			x.remove = append(x.remove, until)
		} else {
			x.set = append(x.set, until+" = "+x.value("mu", num(a.Mute.Until.UnixMilli())))
		}
	}
	if a.Track == chat.Public {
		x.wait(a.Events)
	}
	x.kind(kindAppend)
}

// wait keeps what HEAD says of the customer's wait, for the events of the public track that the write appends. The count of
// those that were accounted for lags behind the track's last seq for ever once a version has appended that does not count.
func (x *expression) wait(public []chat.Event) {
	if len(public) == 0 {
		return
	}
	x.set = append(x.set, "wn = if_not_exists(wn, "+x.value("w0", num(0))+") + "+x.value("wn", num(len(public))))
	switch c := chat.WaitChanges(public); {
	case !c.Asked.IsZero() && c.Answered:
		x.set = append(x.set, "w = "+x.value("w", num(c.Asked.UnixMilli())))
	case !c.Asked.IsZero():
		x.set = append(x.set, "w = if_not_exists(w, "+x.value("w", num(c.Asked.UnixMilli()))+")")
	case c.Answered:
		x.remove = append(x.remove, "w")
	}
}

// rule adds the conditions that chat.Rule.Check describes.
func (x *expression) rule(r chat.Rule) {
	user := "P." + x.name("u", mapKey(r.Actor))
	used := false
	if r.Participant {
		x.require = append(x.require, "attribute_exists("+user+")")
		used = true
	}
	if r.Departments != "" {
		var in []string
		for i, d := range r.Departments.All() {
			in = append(in, x.value("dp"+strconv.Itoa(i), str(string(d))))
		}
		x.require = append(x.require, "(attribute_exists("+user+") OR dp IN ("+strings.Join(in, ", ")+"))")
		used = true
	}
	if r.Customer != "" {
		role := slices.Index(chat.Roles(), chat.RoleCustomer)
		x.require = append(x.require, "P."+x.name("mu", mapKey(r.Customer))+".r = "+x.value("mr", num(role)))
	}
	if r.Epoch != nil {
		x.require = append(x.require, "ep = "+x.value("ep", num(*r.Epoch)))
	}
	if !r.UnmutedAt.IsZero() {
		x.require = append(x.require, "(attribute_not_exists("+user+".m) OR "+user+".m <= "+x.value("t", num(r.UnmutedAt.UnixMilli()))+")")
		used = true
	}
	if !used && !strings.Contains(strings.Join(x.set, ","), "#u") {
		delete(x.names, "#u") // DynamoDB refuses names that are not used
	}
	if len(r.Statuses) > 0 {
		in := make([]string, len(r.Statuses))
		for i, s := range r.Statuses {
			in[i] = x.value("s"+strconv.Itoa(i), str(statusCodes[s]))
		}
		x.require = append(x.require, "st IN ("+strings.Join(in, ", ")+")")
	}
	if r.Unassigned {
		x.require = append(x.require, "attribute_not_exists("+x.name("as", "as")+")")
	}
	if r.Version != nil {
		x.require = append(x.require, "v = "+x.value("v", num(*r.Version)))
	}
}
