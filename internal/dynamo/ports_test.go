package dynamo

import "github.com/parley-chat/parley/internal/chat"

var (
	_ chat.Appender           = (*Store)(nil)
	_ chat.Reader             = (*Store)(nil)
	_ chat.Subscriptions      = (*Store)(nil)
	_ chat.ListenerRows       = (*Store)(nil)
	_ chat.Directory          = (*Store)(nil)
	_ chat.States             = (*Store)(nil)
	_ chat.Sockets            = (*Store)(nil)
	_ chat.Mover              = (*Store)(nil)
	_ chat.SubscriptionSource = (*Store)(nil)
)
