package queue

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/parley-chat/parley/internal/chat"
)

// taken records what was sent.
type taken struct{ batches []*sqs.SendMessageBatchInput }

func (t *taken) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	t.batches = append(t.batches, in)
	return &sqs.SendMessageBatchOutput{}, nil
}

func aTimer(now time.Time) chat.Timer {
	return chat.Timer{
		Ref:  chat.Ref{Workspace: "w_01kaw3v4x00123456789abcdef", Conversation: "c_01kaw3v4x0c0nversat10n0001"},
		Kind: chat.TimerSLA, Version: 7, User: "u_01kaw3v4x0fedcba9876543210", Department: "d_01kaw3v4x0fedcba9876543210", Clock: chat.ClockResolution,
		Due: now, Until: now.Add(time.Minute), After: 12, Desk: 3, Round: 4,
	}
}

// What is sent is what comes back, delayed by whole seconds, never early, and never longer than SQS allows.
func TestTimersRoundTrip(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_790_000_000_123)
	for _, c := range []struct {
		in   time.Duration
		want int32
	}{{-time.Hour, 0}, {0, 0}, {time.Millisecond, 1}, {10 * time.Second, 10}, {10*time.Second + 1, 11}, {chat.MaxDelay, 900}, {chat.MaxDelay + 900*time.Millisecond, 900}} {
		api := &taken{}
		want := aTimer(time.UnixMilli(now.Add(c.in).UnixMilli()))
		if err := (&Timers{API: api, URL: "q"}).Delay(t.Context(), now, want); err != nil {
			t.Fatal(err)
		}
		e := api.batches[0].Entries[0]
		if e.DelaySeconds != c.want && c.in%time.Millisecond == 0 {
			t.Errorf("due in %s: delayed %d s, want %d", c.in, e.DelaySeconds, c.want)
		}
		got, err := DecodeTimer(*e.MessageBody)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v (%v)", got, want, err)
		}
	}
}

// Ten timers take one request.
func TestTimersGoInBatches(t *testing.T) {
	t.Parallel()
	api := &taken{}
	now := time.UnixMilli(1_790_000_000_123)
	timers := make([]chat.Timer, 21)
	for i := range timers {
		timers[i] = aTimer(now)
	}
	if err := (&Timers{API: api, URL: "q"}).Delay(t.Context(), now, timers...); err != nil || len(api.batches) != 3 {
		t.Errorf("%d batches, %v", len(api.batches), err)
	}
}

func FuzzDecodeTimer(f *testing.F) {
	f.Add(`{"v":1,"kind":"idle","workspace":"w_01kaw3v4x00123456789abcdef","conversation":"c_01kaw3v4x0c0nversat10n0001","version":2,"due":1790000000123}`)
	f.Add(`{"v":1,"kind":"sweep","workspace":"w_01kaw3v4x00123456789abcdef","due":1}`)
	f.Add(`{"v":2,"kind":"idle","workspace":"w_01kaw3v4x00123456789abcdef","due":1}`)
	f.Add(`{"v":1,"kind":"tomorrow","workspace":"w_01kaw3v4x00123456789abcdef","due":1}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := DecodeTimer(body)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		if !got.Workspace.Valid() || got.Conversation != "" && !got.Conversation.Valid() || got.Due.IsZero() || got.Round < 0 {
			t.Errorf("%+v", got)
		}
	})
}
