package chattest

import (
	"cmp"
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// PutMention implements chat.MentionStore.
func (m *Memory) PutMention(_ context.Context, w chat.WorkspaceID, mention chat.Mention) error {
	return m.do("PutMention", func() error {
		k := operatorKey{w, mention.User}
		mention.At = mention.At.Truncate(1e6)
		if !slices.Contains(m.mentions[k], mention) {
			m.mentions[k] = append(m.mentions[k], mention)
			slices.SortFunc(m.mentions[k], newerMention)
		}
		return nil
	})
}

// Mentions implements chat.MentionStore.
func (m *Memory) Mentions(_ context.Context, w chat.WorkspaceID, u chat.UserID, last *chat.Mention, limit int) (list []chat.Mention, err error) {
	err = m.do("Mentions", func() error {
		for _, mention := range m.mentions[operatorKey{w, u}] {
			if len(list) < limit && (last == nil || newerMention(*last, mention) < 0) {
				list = append(list, mention)
			}
		}
		return nil
	})
	return list, err
}

func newerMention(a, b chat.Mention) int {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Conversation, a.Conversation), cmp.Compare(b.Seq, a.Seq))
}
