package chattest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

// ConformMentions runs the conformance suite of chat.MentionStore.
func ConformMentions(t *testing.T, s chat.MentionStore) {
	now := time.Now().Truncate(time.Millisecond).UTC()
	w, other := chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, now)), chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, now))
	ada, alan := chat.UserID(chat.NewID(chat.UserPrefix, now)), chat.UserID(chat.NewID(chat.UserPrefix, now))
	c := newConversation()
	var newest []chat.Mention
	for i := range 7 { // two at a time, and never two of the same place
		m := chat.Mention{User: ada, Conversation: c, Seq: uint64(i + 1), By: alan, At: now.Add(time.Duration(i/2) * time.Millisecond)}
		newest = append([]chat.Mention{m}, newest...)
		for range 2 { // the same again changes nothing
			must(t, s.PutMention(t.Context(), w, m))
		}
	}
	must(t, s.PutMention(t.Context(), w, chat.Mention{User: alan, Conversation: c, Seq: 1, By: ada, At: now}))
	must(t, s.PutMention(t.Context(), other, chat.Mention{User: ada, Conversation: c, Seq: 9, By: alan, At: now}))
	var all []chat.Mention
	var last *chat.Mention
	for {
		page, err := s.Mentions(t.Context(), w, ada, last, 3)
		must(t, err)
		if len(page) > 3 {
			t.Fatalf("%d in a page of 3", len(page))
		}
		if len(page) == 0 {
			break
		}
		all, last = append(all, page...), &page[len(page)-1]
	}
	for i := range all {
		all[i].At = all[i].At.UTC()
	}
	if diff := cmp.Diff(newest, all); diff != "" {
		t.Error(diff)
	}
}
