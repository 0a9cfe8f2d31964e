package contact

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// ID names a contact. The first contact of a user has the user's id under another prefix, so that every user has one
// without anything being stored: a visitor who never says a word costs nothing.
type ID string

// Prefix begins the ids of contacts.
const Prefix = "ct_"

// Valid says whether the id is well-formed.
func (id ID) Valid() bool {
	_, ok := chat.IDBytes(Prefix, string(id))
	return ok
}

// OfUser is the contact that a user has before anything else is known of them.
func OfUser(u chat.UserID) ID {
	return ID(Prefix + strings.TrimPrefix(string(u), chat.UserPrefix))
}

// User is the user whose first contact this is, if there is such a user.
func (id ID) User() chat.UserID {
	return chat.UserID(chat.UserPrefix + strings.TrimPrefix(string(id), Prefix))
}

// Limits of a contact. A merge moves every row of a contact in one transaction, and DynamoDB takes 100 items in one
// (Amazon DynamoDB Developer Guide, "Service, account, and table quotas").
const (
	MaxIdentities = 10
	MaxAddresses  = 10
	// MaxUsers is how many devices and identities are remembered; beyond it the oldest anonymous device is forgotten.
	MaxUsers    = 12
	MaxFields   = 50
	MaxConsents = 20
	MaxGoals    = 50

	MaxName     = 200 // bytes, as all of the following
	MaxExternal = 128
	MaxChannel  = 32
	MaxField    = 64
	MaxValue    = 1024
	MaxLocale   = 35 // RFC 5646 section 4.4.1
	MaxZone     = 64
	MaxReason   = 256
)

// ChannelApp is the channel of customers whom the business's own site or app identifies.
const ChannelApp = "app"

// Identity is who the person is on a channel, by the business's word: for ChannelApp the business's own user id, for
// others what the channel calls them.
type Identity struct {
	Channel, External string
}

// User is the user that stands for the identity: the same at every device and every time.
func (i Identity) User(w chat.WorkspaceID) chat.UserID {
	sum := sha256.Sum256([]byte("customer\x00" + string(w) + "\x00" + i.Channel + "\x00" + i.External))
	return chat.UserID(chat.FormatID(chat.UserPrefix, [16]byte(sum[:16])))
}

// AddressKind says what an address is.
type AddressKind string

// The kinds of address.
const (
	Email AddressKind = "email"
	Phone AddressKind = "phone"
)

// AddressKinds lists every kind.
func AddressKinds() []AddressKind { return []AddressKind{Email, Phone} }

// Address is where the person can be reached.
type Address struct {
	Kind  AddressKind
	Value string
	// Verified says that the business vouches for it. What a customer typed is not verified, and finds nobody.
	Verified bool
}

// Consent is what the person agreed to, or not.
type Consent struct {
	Purpose string
	Given   bool
	At      time.Time
	// Source says how it is known: "form", "token", "api" or "staff".
	Source string
}

// Goal is something that the person did which the business counts.
type Goal struct {
	Name  string
	At    time.Time
	Value string
}

// Contact is one person's card.
type Contact struct {
	Workspace  chat.WorkspaceID
	ID         ID
	Name       string
	Identities []Identity
	Addresses  []Address
	Fields     map[string]string
	Locale     string // a language tag
	TimeZone   string // a name of the tz database
	// FirstSeen and LastSeen have millisecond precision; LastSeen is up to SeenEvery behind.
	FirstSeen, LastSeen time.Time
	Consents            []Consent
	Goals               []Goal
	// Users are the devices and identities that are this person, oldest first.
	Users []chat.UserID
	// Notes counts what colleagues have written on the card.
	Notes int
	// Ban, when set and not over, keeps all of the person's users out.
	Ban *Ban
	// MergedInto is set for a contact that is another one by now; nothing else of it is left.
	MergedInto ID
	// Version counts the changes, Events the entries of the contact's own log.
	Version, Events uint64
}

// SeenEvery is how often at most LastSeen is written.
const SeenEvery = time.Hour

// Verified says whether the business has said who this is.
func (c Contact) Verified() bool { return len(c.Identities) > 0 }

// clone copies a contact as deep as it is changed.
func (c Contact) clone() Contact {
	c.Identities, c.Addresses, c.Users = slices.Clone(c.Identities), slices.Clone(c.Addresses), slices.Clone(c.Users)
	c.Consents, c.Goals, c.Fields = slices.Clone(c.Consents), slices.Clone(c.Goals), maps.Clone(c.Fields)
	return c
}

// link adds a user. The oldest anonymous device gives way when there are too many.
func (c *Contact) link(u chat.UserID) {
	if slices.Contains(c.Users, u) {
		return
	}
	c.Users = append(c.Users, u)
	own := map[chat.UserID]bool{u: true}
	for _, i := range c.Identities {
		own[i.User(c.Workspace)] = true
	}
	for n, other := range c.Users {
		if len(c.Users) <= MaxUsers {
			return
		}
		if !own[other] {
			c.Users = slices.Delete(c.Users, n, n+1)
			return
		}
	}
}

// identify adds an identity and the user that stands for it.
func (c *Contact) identify(i Identity) {
	if !slices.Contains(c.Identities, i) {
		c.Identities = append(c.Identities, i)
	}
	c.link(i.User(c.Workspace))
}

// reach adds an address, or makes a known one verified: what is verified stays so.
func (c *Contact) reach(a Address) {
	for n, known := range c.Addresses {
		if known.Kind == a.Kind && known.Value == a.Value {
			c.Addresses[n].Verified = known.Verified || a.Verified
			return
		}
	}
	c.Addresses = append(c.Addresses, a)
}

// agreed says whether the same is known already: a form that is sent again renews nothing.
func (c *Contact) agreed(consent Consent) bool {
	return slices.ContainsFunc(c.Consents, func(known Consent) bool {
		return known.Purpose == consent.Purpose && known.Given == consent.Given && known.Source == consent.Source
	})
}

// agree notes a consent in place of an older one for the same purpose.
func (c *Contact) agree(consent Consent) {
	for n, known := range c.Consents {
		if known.Purpose == consent.Purpose {
			if !consent.At.Before(known.At) {
				c.Consents[n] = consent
			}
			return
		}
	}
	c.Consents = append(c.Consents, consent)
}
