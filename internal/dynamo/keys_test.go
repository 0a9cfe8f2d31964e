package dynamo

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/workspace"
)

const (
	goldenWorkspace    = chat.WorkspaceID("w_01kaw3v4x00123456789abcdef")
	goldenUser         = chat.UserID("u_01kaw3v4x0fedcba9876543210")
	goldenConversation = chat.ConversationID("c_01kaw3v4x0c0nversat10n0001")
	goldenSession      = chat.SessionID("s_01kaw3v4x0aaaabbbbccccdddd")
	goldenConnection   = chat.ConnectionID("TXzPWdnOjoECGjA=")
	goldenContact      = contact.ID("ct_01kaw3v4x0fedcba9876543210")
)

// Keys are stored data: whoever has to change this table has to migrate two tables.
func TestKeysAreStoredData(t *testing.T) {
	t.Parallel()
	ref := chat.Ref{Workspace: goldenWorkspace, Conversation: goldenConversation}
	const w = "w_01kaw3v4x00123456789abcdef"
	for _, c := range []struct{ got, want key }{
		{headKey(ref), key{w + "#c_01kaw3v4x0c0nversat10n0001", "H"}},
		{stateKey(ref), key{w + "#c_01kaw3v4x0c0nversat10n0001", "S"}},
		{chunkKey(ref, chat.Public, 1), key{w + "#c_01kaw3v4x0c0nversat10n0001", "P000000000001"}},
		{chunkKey(ref, chat.Desk, 123456789012), key{w + "#c_01kaw3v4x0c0nversat10n0001", "D123456789012"}},
		{openKey(goldenWorkspace, goldenUser, goldenConversation), key{w + "#u_01kaw3v4x0fedcba9876543210", "Oc_01kaw3v4x0c0nversat10n0001"}},
		{closedKey(goldenWorkspace, goldenUser, goldenConversation), key{w + "#u_01kaw3v4x0fedcba9876543210", "Cc_01kaw3v4x0c0nversat10n0001"}},
		{sessionKey(goldenWorkspace, goldenUser, goldenSession), key{w + "#u_01kaw3v4x0fedcba9876543210", "Ss_01kaw3v4x0aaaabbbbccccdddd"}},
		{accountKey(goldenWorkspace, goldenUser), key{w + "#staff", "u_01kaw3v4x0fedcba9876543210"}},
		{rosterKey(goldenWorkspace), key{w + "#staff", "V"}},
		{invitationKey(goldenWorkspace, "i_01kaw3v4x0fedcba9876543210"), key{w + "#invitations", "i_01kaw3v4x0fedcba9876543210"}},
		{providerKey(goldenWorkspace), key{w, "I"}},
		{linkKey(goldenWorkspace, "h4sh"), key{w + "#oidc#h4sh", "L"}},
		{flowKey(goldenWorkspace, "h4sh"), key{w + "#signon#h4sh", "F"}},
		{handoverKey(goldenWorkspace, "h4sh"), key{w + "#signon#h4sh", "H"}},
		{principalKey(goldenWorkspace, chat.RoleAPIKey, goldenUser), key{w + "#keys", "u_01kaw3v4x0fedcba9876543210"}},
		{principalKey(goldenWorkspace, chat.RoleBot, goldenUser), key{w + "#bots", "u_01kaw3v4x0fedcba9876543210"}},
		{auditKey(goldenWorkspace, time.UnixMilli(1_793_611_800_123), "a_01kaw3v4x0fedcba9876543210"), key{w + "#audit#2026-11", "a_01kaw3v4x0fedcba9876543210"}},
		{waitingKey(ref, chat.Waiting{Since: time.UnixMilli(1_790_000_000_123)}), key{w + "#waiting#", "1790000000123#c_01kaw3v4x0c0nversat10n0001"}},
		{waitingKey(ref, chat.Waiting{Since: time.UnixMilli(600_005), Priority: 2, Department: "d_01kaw3v4x0fedcba9876543210"}), key{w + "#waiting#d_01kaw3v4x0fedcba9876543210", "0000000000005#c_01kaw3v4x0c0nversat10n0001"}},
		{key{shelfPartition(chat.Shelf{Workspace: goldenWorkspace, Kind: chat.ShelfDepartment, Name: "d_1"}), listedKey(chat.Listed{Started: time.UnixMilli(600_005), Conversation: goldenConversation})}, key{w + "#department#O#d_1", "0000000600005#c_01kaw3v4x0c0nversat10n0001"}},
		{key{shelfPartition(chat.Shelf{Workspace: goldenWorkspace, Kind: chat.ShelfOperator, Name: string(goldenUser), Over: true}), ""}, key{w + "#operator#C#u_01kaw3v4x0fedcba9876543210", ""}},
		{key{shelfPartition(chat.Shelf{Workspace: goldenWorkspace, Kind: chat.ShelfCustomer, Name: string(goldenUser)}), ""}, key{w + "#customer#O#u_01kaw3v4x0fedcba9876543210", ""}},
		{tagKey(ref, "v.i.p.#1", time.UnixMilli(600_005)), key{w + "#tag#v.i.p.#1", "0000000600005#c_01kaw3v4x0c0nversat10n0001"}},
		{operatorKey(goldenWorkspace, goldenUser), key{w + "#operators", "u_01kaw3v4x0fedcba9876543210"}},
		{operatorEventKey(goldenWorkspace, goldenUser, 12), key{w + "#u_01kaw3v4x0fedcba9876543210", "E000000000012"}},
		{assignmentsKey(goldenWorkspace, ""), key{w + "#routing", "D"}},
		{entryKey(workspace.Place{Workspace: goldenWorkspace, Kind: workspace.KindSettings}, "settings"), key{w + "#config", "settings#settings"}},
		{entryKey(workspace.Place{Workspace: goldenWorkspace, Kind: workspace.KindMacro}, "x_1"), key{w + "#library", "macro#x_1"}},
		{entryKey(workspace.Place{Workspace: goldenWorkspace, Kind: workspace.KindCanned, Owner: goldenUser}, "n_1"), key{w + "#own#u_01kaw3v4x0fedcba9876543210", "canned#n_1"}},
		{cardKey(goldenWorkspace, "h_1"), key{w + "#articles", "h_1"}},
		{articleKey(goldenWorkspace, "h_1"), key{w + "#article#h_1", "T"}},
		{runKey(goldenWorkspace, workspace.Run{ID: "m_1", Rule: "r_1", At: 600_005}), key{w + "#runs#r_1", "0000000600005#m_1"}},
		{mentionKey(goldenWorkspace, chat.Mention{User: goldenUser, Conversation: ref.Conversation, Seq: 7, At: time.UnixMilli(600_005)}), key{w + "#mentions#u_01kaw3v4x0fedcba9876543210", "0000000600005#c_01kaw3v4x0c0nversat10n0001#000000000007"}},
		{subscriptionKey(goldenWorkspace, "crm"), key{w + "#subscriptions", "crm"}},
		{workspaceKey(goldenWorkspace), key{w, "W"}},
		{widgetKey("k1"), key{"widget#k1", "W"}},
		{widgetRowKey(goldenWorkspace, "wk_1"), key{w + "#widgets", "wk_1"}},
		{preferencesKey(goldenWorkspace, goldenUser), key{w + "#u_01kaw3v4x0fedcba9876543210", "P"}},
		{emailKey("ada@shop.example"), key{"email#ada@shop.example", "A"}},
		{connectionKey(goldenWorkspace, goldenUser, goldenConnection), key{w + "#u_01kaw3v4x0fedcba9876543210", "TXzPWdnOjoECGjA="}},
		{deskKey(goldenWorkspace, goldenConnection), key{w + "#desk", "TXzPWdnOjoECGjA="}},
		{liveKey(goldenWorkspace), key{w + "#live", "V"}},
		{visitorKey(goldenWorkspace, goldenUser), key{w + "#visitors#2", "u_01kaw3v4x0fedcba9876543210"}},
		{listenerKey(ref, 7, goldenConnection), key{w + "#c_01kaw3v4x0c0nversat10n0001#7", "TXzPWdnOjoECGjA="}},
		{contactKey(goldenWorkspace, goldenContact), key{w + "#ct_01kaw3v4x0fedcba9876543210", "C"}},
		{contactEventKey(goldenWorkspace, goldenContact, 7), key{w + "#ct_01kaw3v4x0fedcba9876543210", "E000000000007"}},
		{userContactKey(goldenWorkspace, goldenUser), key{w + "#u_01kaw3v4x0fedcba9876543210", "K"}},
		{externalKey(goldenWorkspace, contact.Identity{Channel: "app", External: "a#b"}), key{w + "#external#app#a#b", "X"}},
		{addressKey(goldenWorkspace, contact.Email, "ada@shop.example", string(goldenContact)), key{w + "#address#email#ada@shop.example", "ct_01kaw3v4x0fedcba9876543210"}},
		{nameKey(goldenWorkspace, "éva #1", goldenContact), key{w + "#names#é", "éva #1#ct_01kaw3v4x0fedcba9876543210"}},
		{banKey(goldenWorkspace, "b_1"), key{w + "#bans", "b_1"}},
		{bannedKey(goldenWorkspace, "h4sh"), key{w + "#banned#h4sh", "B"}},
		{identityKeyKey(goldenWorkspace, "ik_1"), key{w + "#identity", "ik_1"}},
		{tokenKey(goldenWorkspace, "h4sh"), key{w + "#token#h4sh", "J"}},
		{ticketKey(goldenWorkspace, "h4sh"), key{w + "#ticket#h4sh", "T"}},
		{requestKey(chat.RequestKey{Workspace: goldenWorkspace, User: goldenUser, Key: "h4sh"}), key{w + "#once#u_01kaw3v4x0fedcba9876543210#h4sh", "K"}},
		{attemptKey("address.123.h4sh"), key{"signin#address.123.h4sh", "N"}},
		{dueKey(time.UnixMilli(1_790_000_000_123), chat.Timer{Ref: ref, Kind: chat.TimerSnooze, Version: 7, After: 12}), key{"due#29833333#0", "snooze#" + w + "#c_01kaw3v4x0c0nversat10n0001####7#12"}},
		{sweptKey(), key{"due", "C"}},
		{activeKey(goldenWorkspace), key{"active#0", w}},
		{positionKey(goldenWorkspace, ""), key{w + "#positions", "D"}},
	} {
		if c.got != c.want {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
	if got := shardOf(goldenConnection); got != 7 {
		t.Errorf("the connection's listener row is in shard %d: where it was written it would not be found", got)
	}
}

// Chunks are read by ranges: text order must be number order.
func TestChunkKeysSortBySeq(t *testing.T) {
	t.Parallel()
	ref := chat.Ref{Workspace: goldenWorkspace, Conversation: goldenConversation}
	var keys []string
	for _, seq := range []uint64{1, 2, 9, 10, 99, 100, 12345, 999_999, 1_000_000, 999_999_999_999} {
		keys = append(keys, chunkKey(ref, chat.Public, seq).sk)
	}
	if !slices.IsSorted(keys) {
		t.Error(keys)
	}
}

// No key of one workspace may begin another's partition: ids cannot hold the separator.
func TestSeparatorIsNotInIDs(t *testing.T) {
	t.Parallel()
	for range 200 {
		for _, prefix := range []string{chat.WorkspacePrefix, chat.UserPrefix, chat.ConversationPrefix, chat.SessionPrefix} {
			if id := chat.NewID(prefix, zero); strings.Contains(id, "#") {
				t.Fatal(id)
			}
		}
	}
}
