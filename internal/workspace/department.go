package workspace

import (
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// Department is a team of a workspace: where conversations go, and what customers may choose.
type Department struct {
	Meta
	// Name as customers see it, 1 to 100 bytes.
	Name string `json:"name"`
	// Default departments get the conversations of customers who chose none. One at most; without any, the oldest.
	Default bool `json:"default,omitempty"`
	// Hidden departments are not for customers to choose.
	Hidden bool `json:"hidden,omitempty"`
	// Skills that its conversations may ask for: at most 32 of 64 bytes.
	Skills []string `json:"skills,omitempty"`
	// Greeting is shown when a customer chooses the department, at most 2000 bytes.
	Greeting string `json:"greeting,omitempty"`
	// Offline is shown while it is closed, at most 2000 bytes.
	Offline string `json:"offline,omitempty"`
	// Hours of its own; without them the workspace's hold.
	Hours *Hours `json:"hours,omitempty"`
	// Routing holds what differs from the workspace's.
	Routing Routing `json:"routing,omitzero"`
	// SLA of its own; without it the workspace's holds.
	SLA *SLA `json:"sla,omitempty"`
}

// Check implements Entity.
func (d *Department) Check() error {
	if err := checkName(d.Name); err != nil {
		return err
	}
	if len(d.Skills) > chat.MaxSkills || slices.ContainsFunc(d.Skills, func(s string) bool { return s == "" || len(s) > chat.MaxSkill }) {
		return chat.Errorf(chat.CodeInvalid, "skills: at most %d, 1 to %d bytes each", chat.MaxSkills, chat.MaxSkill)
	}
	if err := checkTexts(map[string]string{"greeting": d.Greeting, "offline": d.Offline}); err != nil {
		return err
	}
	if d.Hours != nil {
		if _, err := NewCalendar(*d.Hours); err != nil {
			return err
		}
	}
	if err := d.Routing.check(); err != nil {
		return err
	}
	if d.SLA == nil {
		return nil
	}
	return d.SLA.check()
}
