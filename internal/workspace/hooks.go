package workspace

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Serve lets the use cases of conversations go by the workspace's settings.
func (c *Cache) Serve(s *chat.Service) {
	s.Departments, s.DefaultDepartment, s.Policies, s.RateOf = c.Departments, c.DefaultDepartment, c.Policy, c.RateOf
	s.Required, s.Availability, s.Bot, s.Forms = c.Required, c.Availability, c.Bot, c.Accepts
	s.NewDepartment, s.Fields = c.NewDepartment, c.FieldsFit
}

// Arm lets the relay arm timers by the workspace's settings.
func (c *Cache) Arm(a *chat.Arming) {
	a.Policies, a.SLA, a.Hours = c.Policy, c.SLA, c.Hours
}

// Keep lets timers be carried out by the workspace's settings.
func (c *Cache) Keep(k *chat.Timekeeper) {
	k.SLA, k.Hours = c.SLA, c.Hours
}

// DefaultDepartment is where conversations begin whose customers chose none.
func (c *Cache) DefaultDepartment(ctx context.Context, w chat.WorkspaceID) (chat.DepartmentID, error) {
	config, err := c.Config(ctx, w)
	if err != nil {
		return "", err
	}
	return config.DefaultDepartment(), nil
}

// Departments lists the workspace's departments, oldest first.
func (c *Cache) Departments(ctx context.Context, w chat.WorkspaceID) ([]chat.DepartmentID, error) {
	config, err := c.Config(ctx, w)
	if err != nil {
		return nil, err
	}
	var out []chat.DepartmentID
	for _, d := range config.Departments {
		out = append(out, chat.DepartmentID(d.ID))
	}
	return out, nil
}

// NewDepartment reads consistently whether there is a department that what is remembered does not hold: one that was made
// within the last Staleness can be named at once, wherever it was made.
func (c *Cache) NewDepartment(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID) (bool, error) {
	if !KindDepartment.ValidID(string(d)) {
		return false, nil
	}
	e, err := c.Store.Entry(ctx, Place{Workspace: w, Kind: KindDepartment}, string(d))
	return e != nil, err
}

// FieldsFit checks what fields of a conversation are to hold, from memory.
func (c *Cache) FieldsFit(ctx context.Context, w chat.WorkspaceID, values map[string]string) error {
	config, err := c.Config(ctx, w)
	if err != nil {
		return err
	}
	return FieldsFit(config.Fields, OfConversation, values)
}

// ContactFieldsFit checks what fields of a contact are to hold, from memory.
func (c *Cache) ContactFieldsFit(ctx context.Context, w chat.WorkspaceID, values map[string]string) error {
	config, err := c.Config(ctx, w)
	if err != nil {
		return err
	}
	return FieldsFit(config.Fields, OfContact, values)
}

// Policy is how the department routes.
func (c *Cache) Policy(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID) (chat.RoutingPolicy, error) {
	config, err := c.Config(ctx, w)
	if err != nil {
		return chat.RoutingPolicy{}, err
	}
	return config.Policy(d), nil
}

// SLA is what the department promises.
func (c *Cache) SLA(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID) (chat.SLAPolicy, error) {
	config, err := c.Config(ctx, w)
	if err != nil {
		return chat.SLAPolicy{}, err
	}
	return config.SLA(d), nil
}

// Hours are the department's business hours.
func (c *Cache) Hours(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID) (chat.Hours, error) {
	config, err := c.Config(ctx, w)
	if err != nil {
		return nil, err
	}
	return config.Calendar(d), nil
}

// RateOf is the workspace's own rate of messages. Settings that cannot be read are none.
func (c *Cache) RateOf(ctx context.Context, w chat.WorkspaceID) (chat.Rate, bool) {
	config, err := c.Config(ctx, w)
	if err != nil || config.Settings.Rate == nil {
		return chat.Rate{}, false
	}
	r := config.Settings.Rate
	return chat.Rate{
		Messages: r.Messages, Window: time.Duration(r.WindowSeconds) * time.Second, Pause: time.Duration(r.PauseSeconds) * time.Second,
	}, true
}

// Required lists the fields that a conversation must have before it closes.
func (c *Cache) Required(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID) ([]string, error) {
	config, err := c.Config(ctx, w)
	if err != nil {
		return nil, err
	}
	return config.Required(d), nil
}

// Bot is the bot that greets; "" for none. One that was disabled or removed greets nobody any more within Staleness: what
// it would lead goes into the queue.
func (c *Cache) Bot(ctx context.Context, w chat.WorkspaceID, _ chat.DepartmentID) (chat.UserID, error) {
	config, err := c.Config(ctx, w)
	if err != nil {
		return "", err
	}
	bot := config.Settings.Bot
	if bot == "" || c.Bots == nil {
		return bot, nil
	}
	is, err := c.bots.Get(w, c.now(), func() (bool, error) { return c.Bots(ctx, w, bot) })
	if err != nil || !is {
		return "", unavailable(err)
	}
	return bot, nil
}

// Availability is how a conversation begins: offline outside hours, if the workspace wants it so.
func (c *Cache) Availability(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID) (chat.Status, error) {
	config, err := c.Config(ctx, w)
	if err != nil {
		return "", err
	}
	if config.Settings.OfflineOutsideHours && !config.Calendar(d).Open(c.now()) {
		return chat.StatusOffline, nil
	}
	return chat.StatusQueued, nil
}
