package chat

import "context"

// again answers a command whose actor does not see the conversation (any more): as parted says.
func (s *Service) again(ctx context.Context, c *command) (*Outcome, error) {
	var out *Outcome
	err := s.retry(ctx, func() error {
		head, err := s.Reader.Head(ctx, c.Ref)
		if err == nil {
			err = s.parted(ctx, c, head)
		}
		if err == nil {
			out = c.outcome(head)
		}
		return err
	})
	return out, err
}

// parted takes the command of somebody who has no part in the conversation of the image. A refusal means that nothing was
// done: where an earlier try has stored all of the command, and their part has ended with it or since, it is acknowledged,
// with nothing of what others wrote. To anybody else the conversation does not exist. Customers lose their part by no
// command, so no log is read for them.
func (s *Service) parted(ctx context.Context, c *command, h *Head) error {
	if h == nil || c.Rule.Actor == "" || c.drafts[0].Role == RoleCustomer || h.Track(c.Track).Last <= c.After {
		return errNotFound()
	}
	if err := s.catchUp(ctx, c, h); err != nil {
		return err
	}
	if len(c.drafts) > 0 {
		return errNotFound()
	}
	c.parted = true
	return nil
}
