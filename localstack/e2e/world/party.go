package world

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
)

// Party is somebody with a session and a client.
type Party struct {
	*client.Client
	API     *client.API
	Session client.Session
}

// API calls the HTTP API from an origin of the workspace.
func (w *World) API(ws Workspace) *client.API {
	return &client.API{Base: w.HTTP, Origin: ws.Origin, HTTP: w.Client}
}

// Customer makes a new customer and connects.
func (w *World) Customer(ctx context.Context, ws Workspace, opts client.Options) (*Party, error) {
	api := w.API(ws)
	s, err := api.StartCustomer(ctx, ws.WidgetKey, "")
	if err != nil {
		return nil, fmt.Errorf("customer session: %w", err)
	}
	return w.Join(ctx, api, s, opts)
}

// Operator signs a member of staff in and connects.
func (w *World) Operator(ctx context.Context, ws Workspace, m Member, opts client.Options) (*Party, error) {
	api := w.API(ws)
	s, err := api.SignIn(ctx, m.Email, m.Password)
	if err != nil {
		return nil, fmt.Errorf("staff session: %w", err)
	}
	return w.Join(ctx, api, s, opts)
}

// Join connects a client of a session and waits for its welcome.
func (w *World) Join(ctx context.Context, api *client.API, s client.Session, opts client.Options) (*Party, error) {
	opts.API, opts.Token = api, s.Token
	c, err := client.New(opts)
	if err != nil {
		return nil, err
	}
	c.Connect()
	if err := c.Until(ctx, func(m *client.Machine) bool { return m.Ready() || m.Stopped() != "" }); err != nil {
		c.Close()
		return nil, fmt.Errorf("no welcome: %w", err)
	}
	return &Party{c, api, s}, nil
}

// Start begins a conversation and waits for its acknowledgement.
func (p *Party) Start(ctx context.Context, texts ...string) (id chat.ConversationID, err error) {
	p.Do(func(m *client.Machine) { id, _, err = m.Start("https://shop.example/cart", texts...) })
	if err != nil {
		return "", err
	}
	return id, p.Acked(ctx)
}

// Say queues messages on the public track.
func (p *Party) Say(id chat.ConversationID, texts ...string) (err error) {
	p.Do(func(m *client.Machine) { _, err = m.Send(id, chat.Public, texts...) })
	return err
}

// Note queues a note for colleagues.
func (p *Party) Note(id chat.ConversationID, text string) (err error) {
	p.Do(func(m *client.Machine) { _, err = m.Send(id, chat.Desk, text) })
	return err
}

// Take takes a waiting conversation and waits for the acknowledgement.
func (p *Party) Take(ctx context.Context, id chat.ConversationID) (err error) {
	p.Do(func(m *client.Machine) { _, err = m.Join(id) })
	if err != nil {
		return err
	}
	return p.Acked(ctx)
}

// Acked waits until everything queued is acknowledged. It fails when something was refused.
func (p *Party) Acked(ctx context.Context) error {
	var refused []client.Entry
	err := p.Until(ctx, func(m *client.Machine) bool {
		refused = refused[:0]
		for _, e := range m.Outbox() {
			if e.Failed != "" {
				refused = append(refused, e)
			}
		}
		return len(refused) > 0 || m.Pending() == 0
	})
	switch {
	case err != nil:
		return fmt.Errorf("not acknowledged: %w", err)
	case len(refused) > 0:
		return fmt.Errorf("refused: %s %s: %s", refused[0].Action, refused[0].ID, refused[0].Failed)
	}
	return nil
}

// Sees waits until the view of a track has reached a seq without a hole.
func (p *Party) Sees(ctx context.Context, id chat.ConversationID, t chat.Track, seq uint64) error {
	var have uint64
	err := p.Until(ctx, func(m *client.Machine) bool {
		if v := m.View(id); v != nil {
			have = v.Applied(t)
		}
		return have >= seq
	})
	if err != nil {
		return fmt.Errorf("sees %s up to %d of %d: %w", t, have, seq, err)
	}
	return nil
}

// Shown returns the events that the party's view has applied, in that order.
func (p *Party) Shown(id chat.ConversationID, t chat.Track) (events []protocol.Event) {
	p.Do(func(m *client.Machine) {
		if v := m.View(id); v != nil {
			events = append(events, v.Events(t)...)
		}
	})
	return events
}

// Log reads a whole track over HTTP: what views must be equal to.
func (p *Party) Log(ctx context.Context, id chat.ConversationID, t chat.Track) ([]protocol.Event, error) {
	return p.API.Log(ctx, p.Session.Token, id, t)
}
