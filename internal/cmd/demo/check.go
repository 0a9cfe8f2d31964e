package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/meter"
)

// check compares both views with the log, and says what was healed and what it cost.
func (p *play) check(ctx context.Context) error {
	log, err := p.operator.Log(ctx, p.id, chat.Public)
	if err != nil {
		return err
	}
	messages, err := p.checkLog(log)
	if err != nil {
		return err
	}
	s := p.screen
	p.mu.Lock()
	s.say("%s both views equal the log: %d events, seq 1 to %d, %d messages, each once and in its sender's order",
		s.paint(green, "✓"), len(log), len(log), messages)
	s.say("%s healed: %d reconnects, %d frames sent again with the same id and the same “after”, %d of them recognised as stored",
		s.paint(green, "✓"), p.counts[string(client.Disconnected)], p.counts[string(client.Resent)], p.counts["duplicate"])
	p.mu.Unlock()
	if err := p.world.Settled(ctx); err != nil {
		return err
	}
	after, err := p.world.Usage(ctx)
	if err != nil {
		return err
	}
	p.cost(after, messages)
	return nil
}

// checkLog returns the number of messages.
func (p *play) checkLog(log []protocol.Event) (messages int, err error) {
	ids := map[chat.EventID]bool{}
	for i, e := range log {
		if e.Seq != uint64(i+1) || ids[e.ID] {
			return 0, fmt.Errorf("event %d of the log has seq %d and id %s", i+1, e.Seq, e.ID)
		}
		ids[e.ID] = true
		if e.Type == chat.EventMessage {
			messages++
		}
	}
	if !reflect.DeepEqual(log, p.customer.Shown(p.id, chat.Public)) {
		return 0, errors.New("the customer shows another conversation than the log")
	}
	if !reflect.DeepEqual(log, p.operator.Shown(p.id, chat.Public)) {
		return 0, errors.New("the operator shows another conversation than the log")
	}
	return messages, nil
}

// cost prints what the meter counted since both sides were connected.
func (p *play) cost(after meter.Report, messages int) {
	before := map[string]meter.Line{}
	for _, l := range p.before.Lines {
		before[l.Price] = l
	}
	s := p.screen
	s.say("%s cost of it all at AWS's list prices, the faults and this program's look at the log included:", s.paint(green, "✓"))
	for _, l := range after.Lines {
		count, usd := l.Count-before[l.Price].Count, l.USD-before[l.Price].USD
		if usd >= 0.5e-8 {
			s.say("    %9.3g  %s  $%.8f", count, s.paint(dim, fmt.Sprintf("%-48.48s", l.Unit)), usd)
		}
	}
	usd := after.USD - p.before.USD
	s.say("    %s for %d messages: $%.2f per million messages of a conversation as unlucky as this", s.paint(bold, fmt.Sprintf("$%.8f", usd)), messages, usd/float64(messages)*1e6)
}
