package week

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// The departments of the shop.
const (
	Orders   = "Orders"
	Sizes    = "Sizes and advice"
	Returns  = "Returns"
	Invoices = "Invoices"
)

// DepartmentID is that of a department of the label's workspace.
func DepartmentID(label, name string) chat.DepartmentID {
	return chat.DepartmentID(derive(chat.DepartmentPrefix, label, "department "+name))
}

// derive makes an id of a label, the same every time.
func derive(prefix, label, what string) string {
	sum := sha256.Sum256([]byte("parley week\x00" + label + "\x00" + what))
	return chat.FormatID(prefix, [16]byte(sum[:16]))
}

// number is a seed of chance.
func number(label, what string) uint64 {
	sum := sha256.Sum256([]byte("parley week\x00" + label + "\x00" + what))
	return binary.BigEndian.Uint64(sum[:])
}

// script is what is fixed before the week begins.
type script struct {
	label                            string
	orders, sizes, returns, invoices chat.DepartmentID
	admin                            chat.Principal
	bot                              chat.Principal
	customers                        map[int]*customer
}

func newScript(o Options) *script {
	s := &script{
		label:  o.Label,
		orders: DepartmentID(o.Label, Orders), sizes: DepartmentID(o.Label, Sizes), returns: DepartmentID(o.Label, Returns), invoices: DepartmentID(o.Label, Invoices),
		bot: chat.Principal{
			Workspace: o.Workspace, User: chat.UserID(derive(chat.UserPrefix, o.Label, "bot")), Role: chat.RoleBot, Grants: chat.JoinGrants(chat.GrantWriteConversations),
		},
		customers: map[int]*customer{},
	}
	if i := slices.IndexFunc(o.Staff, func(p Person) bool { return p.Role == chat.RoleAdmin }); i >= 0 {
		s.admin = chat.Principal{Workspace: o.Workspace, User: o.Staff[i].User, Role: chat.RoleAdmin}
	}
	return s
}

func (s *script) departments() []chat.DepartmentID {
	return []chat.DepartmentID{s.orders, s.sizes, s.returns, s.invoices}
}

// id makes an id that sorts by its time, as clients make them.
func (s *script) id(prefix string, at time.Time, what string) string {
	sum := sha256.Sum256([]byte("parley week\x00" + s.label + "\x00" + what))
	var b [16]byte
	copy(b[:], sum[:])
	binary.BigEndian.PutUint16(b[0:], uint16(at.UnixMilli()>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(at.UnixMilli()))
	return chat.FormatID(prefix, b)
}

// customer is somebody who writes: some are known to the shop, some have left an address, some are anonymous.
type customer struct {
	user     chat.UserID
	name     string
	language string
	mail     string
	external string
}

// customer of the n-th conversation, which begins at a time: every fourth conversation is of somebody who was here before.
func (s *stage) customer(n int, at time.Time) *customer {
	who := n
	if n%4 == 0 && n > 40 {
		who = n - 37
		for who%4 == 0 {
			who++
		}
	}
	if c := s.customers[who]; c != nil {
		return c
	}
	given := people[who%len(people)]
	family := families[given.language][(who/len(people)+who)%len(families[given.language])]
	came := at.Add(-time.Minute) // onto the page: a visitor's id says when
	c := &customer{
		user: chat.UserID(s.id(chat.UserPrefix, came, fmt.Sprint("customer ", who))), name: given.name + " " + family, language: given.language,
	}
	switch who % 5 {
	case 0, 1: // has an account in the shop
		c.external = fmt.Sprintf("shop-%05d", 10_000+who)
		c.user = contact.Identity{Channel: contact.ChannelApp, External: c.external}.User(s.Workspace)
		fallthrough
	case 2:
		c.mail = fmt.Sprintf("%s%d@example.net", mailName(c.name), who)
	}
	s.customers[who] = c
	if c.mail != "" {
		s.at(came, "contact", func(ctx context.Context) error { return s.card(ctx, c) })
	}
	return c
}

// mailName is a name as people write it in addresses: in ASCII.
func mailName(name string) string {
	plain := strings.NewReplacer(" ", ".", "'", "", "ü", "ue", "ö", "oe", "ß", "ss", "é", "e", "è", "e", "ç", "c", "ñ", "n", "í", "i", "ú", "u", "ı", "i")
	return plain.Replace(strings.ToLower(name))
}

// card writes the contact of a customer.
func (s *stage) card(ctx context.Context, c *customer) error {
	contacts := s.contacts()
	s.summary.Contacts++
	locale := c.language
	edit := contact.Edit{Name: &c.name, Locale: &locale, Addresses: &[]contact.Address{{Kind: contact.Email, Value: c.mail, Verified: c.external != ""}}}
	if c.external == "" {
		_, err := contacts.Capture(ctx, s.as(c), edit)
		return err
	}
	edit.Identities = &[]contact.Identity{{Channel: contact.ChannelApp, External: c.external}}
	edit.Fields = map[string]string{"customer-since": fmt.Sprint(2019 + len(c.name)%7), "orders": fmt.Sprint(1 + len(c.mail)%9)}
	_, err := contacts.Create(ctx, s.admin, contact.OfUser(c.user), edit)
	return err
}

// words replaces what differs between two conversations about the same.
func (s *stage) words(n int, c *customer) *strings.Replacer {
	given, _, _ := strings.Cut(c.name, " ")
	return strings.NewReplacer(
		"{order}", fmt.Sprintf("B-%d", 48_000+n*7), "{name}", given, "{item}", items[c.language][n%len(items[c.language])],
		"{size}", []string{"S", "M", "L", "XL", "38", "40", "42"}[n%7], "{city}", []string{"Hamburg", "Lyon", "Leeds", "Sevilla", "Graz", "Gent"}[n%6],
	)
}

// dialoguesOf lists what customers of a language ask a department.
func (s *stage) dialoguesOf(d chat.DepartmentID, language string) []dialogue {
	name := map[chat.DepartmentID]string{s.orders: Orders, s.sizes: Sizes, s.returns: Returns, s.invoices: Invoices}[d]
	var out []dialogue
	for _, wanted := range []string{language, "en"} {
		for _, x := range dialogues {
			if x.department == name && x.language == wanted {
				out = append(out, x)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return out
}

// rota brings the operators on duty, a week ago, and lets them stay connected for a working day after its end: until
// somebody signs in as them, the demo has them at their desks.
func (s *stage) rota() {
	for i, p := range s.Staff {
		if p.Capacity == 0 {
			continue
		}
		s.at(s.now.Add(time.Hour+time.Duration(i)*time.Minute), "duty", func(ctx context.Context) error {
			by := p.principal(s.Workspace)
			if _, err := s.chat.Duty(ctx, by, chat.DutyAccepting); err != nil {
				return err
			}
			if _, err := s.chat.Supervise(ctx, s.admin, p.User, chat.Supervision{Capacity: &p.Capacity, Skills: &p.Skills}); err != nil {
				return err
			}
			_, err := s.store.RenewLease(ctx, s.Workspace, p.User, s.Now.Add(10*time.Hour))
			return err
		})
	}
	s.at(s.Now.Add(-3*time.Minute), "break", func(ctx context.Context) error { // one has a break at the end of the week
		_, err := s.chat.Duty(ctx, s.Staff[4].principal(s.Workspace), chat.DutyAway)
		return cmp.Or(err, s.renew(ctx, s.Staff[4].User))
	})
}

func (s *stage) renew(ctx context.Context, u chat.UserID) error {
	_, err := s.store.RenewLease(ctx, s.Workspace, u, s.Now.Add(10*time.Hour))
	return err
}

// ongoing is how many conversations are under way at the end of the week, of a hundred.
const ongoing = 22

// history is the days before: what began has ended.
func (s *stage) history() {
	n := s.Conversations * (100 - ongoing) / 100
	for i := range n {
		day := s.Now.Add(-time.Duration(6-i*7/n) * 24 * time.Hour)
		at := day.Add(-s.between(3*time.Hour, 8*time.Hour))
		f := ends
		switch {
		case i%11 == 5:
			f = leaves
		case i%23 == 7:
			f = leftNote
		}
		s.talk(at, s.somewhere(f), f)
	}
}

// somewhere is a department by chance, as customers choose them.
func (s *stage) somewhere(f fate) chat.DepartmentID {
	if f == leftNote {
		return s.invoices
	}
	switch n := s.rng.IntN(100); {
	case n < 48:
		return s.orders
	case n < 72:
		return s.sizes
	}
	return s.returns
}

// present is the last two hours: the same shop, live.
func (s *stage) present() {
	part := func(percent int) int { return max(1, s.Conversations*percent/100) }
	begin := func(n int, f fate, low, high time.Duration) {
		for range n {
			d := s.somewhere(f)
			if f == lasts && d == s.returns { // there is room for the offers at the end
				d = s.sizes
			}
			s.talk(s.Now.Add(-s.between(low, high)), d, f)
		}
	}
	begin(part(2), sleeps, 70*time.Minute, 110*time.Minute)
	begin(part(2), putOff, 50*time.Minute, 100*time.Minute)
	begin(part(1), leaves, 10*time.Minute, 90*time.Minute)
	begin(part(1), leftNote, 10*time.Minute, 100*time.Minute)
	begin(part(1), withBot, 10*time.Second, 3*time.Minute)
	begin(part(13), lasts, time.Minute, 45*time.Minute)
	for range max(2, part(1)) { // manual acceptance: these are being looked at
		s.talk(s.Now.Add(-s.between(3*time.Second, 8*time.Second)), s.returns, lasts).begin = chat.StatusQueued
	}
}
