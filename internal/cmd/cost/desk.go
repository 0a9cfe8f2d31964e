package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

const (
	// onPage is the mean time between two pages of a visitor; stillThere is when a client that shows the same page says so,
	// within chat.VisitLease.
	onPage, stillThere = 30 * time.Second, 150 * time.Second
	// newEvery is the time between two conversations that begin.
	newEvery = 30 * time.Second
	// arriving is the time between two visitors who come: the stack's CPU is other people's too.
	arriving = 40 * time.Millisecond
	// workMonth is 21 days of eight hours, in hours.
	workMonth = 21 * 8
)

// desk is a workspace whose operators look at the live desk, and the visitors of its site.
type desk struct {
	play
	visitors []*world.Party
	sent     atomic.Int64 // visits
	tasks    sync.WaitGroup
}

// measureDesk measures the desk with half of its operators and visitors, then with all operators, then with all visitors
// too.
func measureDesk(ctx context.Context, w *world.World, o options) error {
	d := &desk{play: play{World: w, options: o}}
	d.options.operators = o.deskOperators
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		d.tasks.Wait()
		for _, v := range d.visitors {
			v.Close()
		}
		d.close()
	}()
	if err := d.open(ctx); err != nil {
		return err
	}
	for _, size := range []struct{ operators, visitors int }{
		{o.deskOperators / 2, o.deskVisitors / 2}, {o.deskOperators, o.deskVisitors / 2}, {o.deskOperators, o.deskVisitors},
	} {
		fmt.Fprintf(os.Stderr, "cost: the live desk with %d operators and %d visitors\n", size.operators, size.visitors)
		if err := d.grow(ctx, size.operators, size.visitors); err != nil {
			return err
		}
		if err := d.watched(ctx); err != nil {
			return err
		}
	}
	return nil
}

// open seeds the workspace, which wants to know who is on its site.
func (d *desk) open(ctx context.Context) (err error) {
	if d.space, err = d.Seed(ctx, d.options.operators); err != nil {
		return err
	}
	boss, err := d.AddAdmin(ctx, d.space)
	if err != nil {
		return err
	}
	api := d.API(d.space)
	session, err := api.SignIn(ctx, boss.Email, boss.Password)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, d.HTTP+"/v1/settings", bytes.NewReader([]byte(`{"widget":{"tellVisits":true}}`)))
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + session.Token, "Origin": api.Origin, "Content-Type": "application/json", "If-Match": "*"} {
		req.Header.Set(name, value)
	}
	res, err := d.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("settings: %d %s", res.StatusCode, answer)
	}
	return err
}

// grow lets operators come on duty and visitors come to the site until there are as many.
func (d *desk) grow(ctx context.Context, operators, visitors int) error {
	if err := d.arrive(ctx, operators); err != nil {
		return err
	}
	for _, o := range d.operators {
		o.Do(func(m *client.Machine) {
			m.Watch([]chat.DeskView{chat.ViewQueue, chat.ViewColleagues, chat.ViewVisitors})
		})
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	var mu sync.Mutex
	for range visitors - len(d.visitors) {
		if err := pause(groupCtx, arriving); err != nil {
			break // the group says why
		}
		group.Go(func() error {
			v, err := d.Customer(groupCtx, d.space, client.Options{})
			if err != nil {
				return err
			}
			mu.Lock()
			d.visitors = append(d.visitors, v)
			mu.Unlock()
			d.tasks.Go(func() { d.browse(ctx, v) })
			return nil
		})
	}
	return group.Wait()
}

// browse goes from page to page; on one that is looked at for long, the client says that the visitor is still there.
func (d *desk) browse(ctx context.Context, p *world.Party) {
	left := time.Duration(0) // on the page
	for page := 0; ctx.Err() == nil; {
		v := protocol.Visit{Consent: true}
		if left <= 0 {
			page++
			v.Page, v.Title = fmt.Sprintf("https://shop.example/shoes/winter/%d", page), fmt.Sprintf("Winter shoes, page %d of the catalogue", page)
			left = chat.VisitGap + time.Duration(rand.ExpFloat64()*float64(onPage-chat.VisitGap))
		}
		p.Do(func(m *client.Machine) {
			if m.Ready() {
				m.Visit(v)
				d.sent.Add(1)
			}
		})
		quiet := min(left, stillThere)
		left -= quiet
		_ = pause(ctx, quiet) // the loop ends with ctx
	}
}

// watched prints what the meter counts while conversations come and visitors move.
func (d *desk) watched(ctx context.Context) error {
	talk, stop := context.WithCancel(ctx)
	var talks sync.WaitGroup
	defer talks.Wait()
	defer stop()
	talks.Go(func() {
		for talk.Err() == nil {
			talks.Go(func() {
				if err := d.conversation(talk); err != nil && talk.Err() == nil {
					fmt.Fprintln(os.Stderr, "cost: a conversation:", err)
				}
			})
			_ = pause(talk, newEvery) // ends with talk
		}
	})
	if err := pause(ctx, newEvery/3); err != nil { // the first is under way
		return err
	}
	sent := d.sent.Load()
	before, err := d.Usage(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, d.deskTime); err != nil {
		return err
	}
	after, err := d.Usage(ctx)
	if err != nil {
		return err
	}
	visits := int(d.sent.Load() - sent)
	b := deskBill(before, after, visits)
	hour := b.scaled(60 / b.minutes)
	hour.change(lineMinutes, func(x *row) { x.minutes = 60 * float64(len(d.operators)+len(d.visitors)) })
	hour.price()
	fmt.Printf("\nThe live desk: %d operators with three views open, %d visitors, 2 new conversations a minute; an hour, from %.2f minutes with %d visits\n\n",
		len(d.operators), len(d.visitors), b.minutes, visits)
	hour.printLines(os.Stdout, deskLines(), 1, "$ an hour")
	fmt.Printf("\n21 days of 8 hours: $%.2f\n", hour.sum()*workMonth)
	return nil
}
