package dynamo

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// A contact's card:
//
//	v version   n events of its log   mi merged into   nm name   lo locale   tz time zone   fs, ls first and last seen (ms)
//	ids identities (list of {c channel, e external id})   ad addresses (list of {k kind, a address, v 1 if verified})
//	fd fields (map)   us users (list)   nn notes
//	co consents (list of {p purpose, g 1 if given, at (ms), s source})   go goals (list of {n name, at (ms), v value})
//	k  a if the last write appended to its log, else absent; the stream is filtered by it
//	bn ban {id, c contact, h hash of an address, un until (ms), w reason, by, at (ms)}
func contactItem(c contact.Contact) item {
	it := item{"v": num(c.Version)}
	for name, n := range map[string]int64{"n": int64(c.Events), "nn": int64(c.Notes), "fs": millisOf(c.FirstSeen), "ls": millisOf(c.LastSeen)} {
		if n != 0 {
			it[name] = num(n)
		}
	}
	setText(it, "mi", string(c.MergedInto))
	setText(it, "nm", c.Name)
	setText(it, "lo", c.Locale)
	setText(it, "tz", c.TimeZone)
	setMaps(it, "ids", c.Identities, func(i contact.Identity) item { return item{"c": str(i.Channel), "e": str(i.External)} })
	setMaps(it, "ad", c.Addresses, func(a contact.Address) item {
		return item{"k": str(string(a.Kind)), "a": str(a.Value), "v": bit(a.Verified)}
	})
	setMaps(it, "co", c.Consents, func(o contact.Consent) item {
		return item{"p": str(o.Purpose), "g": bit(o.Given), "at": millis(o.At), "s": str(o.Source)}
	})
	setMaps(it, "go", c.Goals, func(g contact.Goal) item { return item{"n": str(g.Name), "at": millis(g.At), "v": str(g.Value)} })
	if len(c.Fields) > 0 {
		it["fd"] = textMap(c.Fields)
	}
	if len(c.Users) > 0 {
		users := make([]string, len(c.Users))
		for i, u := range c.Users {
			users[i] = string(u)
		}
		it["us"] = texts(users)
	}
	if c.Ban != nil {
		it["bn"] = &types.AttributeValueMemberM{Value: banItem(*c.Ban)}
	}
	return it
}

func bit(b bool) types.AttributeValue {
	if b {
		return num(1)
	}
	return num(0)
}

// setMaps sets a list of maps, which is absent where it is empty.
func setMaps[T any](it item, name string, list []T, one func(T) item) {
	if len(list) == 0 {
		return
	}
	out := make([]types.AttributeValue, len(list))
	for i, v := range list {
		out[i] = &types.AttributeValueMemberM{Value: one(v)}
	}
	it[name] = &types.AttributeValueMemberL{Value: out}
}

func getMaps[T any](it item, name string, one func(item) T) []T {
	var out []T
	for _, v := range getL(it, name) {
		if m, ok := v.(*types.AttributeValueMemberM); ok {
			out = append(out, one(m.Value))
		}
	}
	return out
}

func readContact(w chat.WorkspaceID, it item) contact.Contact {
	_, id := splitPair(getS(it, "pk"))
	c := contact.Contact{
		Workspace: w, ID: contact.ID(id), Version: getN(it, "v"), Events: getN(it, "n"), MergedInto: contact.ID(getS(it, "mi")),
		Name: getS(it, "nm"), Locale: getS(it, "lo"), TimeZone: getS(it, "tz"), FirstSeen: getTime(it, "fs"), LastSeen: getTime(it, "ls"), Notes: getInt(it, "nn"),
	}
	c.Identities = getMaps(it, "ids", func(m item) contact.Identity {
		return contact.Identity{Channel: getS(m, "c"), External: getS(m, "e")}
	})
	c.Addresses = getMaps(it, "ad", func(m item) contact.Address {
		return contact.Address{Kind: contact.AddressKind(getS(m, "k")), Value: getS(m, "a"), Verified: getN(m, "v") != 0}
	})
	c.Consents = getMaps(it, "co", func(m item) contact.Consent {
		return contact.Consent{Purpose: getS(m, "p"), Given: getN(m, "g") != 0, At: getTime(m, "at"), Source: getS(m, "s")}
	})
	c.Goals = getMaps(it, "go", func(m item) contact.Goal {
		return contact.Goal{Name: getS(m, "n"), At: getTime(m, "at"), Value: getS(m, "v")}
	})
	for name := range getM(it, "fd") {
		if c.Fields == nil {
			c.Fields = map[string]string{}
		}
		c.Fields[name] = getS(getM(it, "fd"), name)
	}
	for _, u := range getTexts(it, "us") {
		c.Users = append(c.Users, chat.UserID(u))
	}
	if m := getM(it, "bn"); m != nil {
		ban := readBan(m)
		c.Ban = &ban
	}
	return c
}

// splitPair splits a partition of two parts.
func splitPair(pk string) (w, second string) {
	at := slices.Index([]byte(pk), '#')
	if at < 0 {
		return pk, ""
	}
	return pk[:at], pk[at+1:]
}

// banItem holds a ban; x is when DynamoDB deletes the row of one that ends.
func banItem(b contact.Ban) item {
	it := item{"id": str(b.ID), "at": millis(b.At), "by": str(string(b.By))}
	setText(it, "c", string(b.Contact))
	setText(it, "h", b.Address)
	setText(it, "w", b.Reason)
	if !b.Until.IsZero() {
		it["un"], it[idTTL] = millis(b.Until), num(b.Until.Add(banSlack).Unix())
	}
	return it
}

// banSlack is how long a ban stays in the list after its end.
const banSlack = 30 * 24 * time.Hour

func readBan(it item) contact.Ban {
	return contact.Ban{
		ID: getS(it, "id"), Contact: contact.ID(getS(it, "c")), Address: getS(it, "h"), Until: getTime(it, "un"), Reason: getS(it, "w"),
		By: chat.UserID(getS(it, "by")), At: getTime(it, "at"),
	}
}
