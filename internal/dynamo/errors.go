package dynamo

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/parley-chat/parley/internal/chat"
)

// permanent lists the error codes of calls that cannot succeed however often they are made: a fault of ours,
// not of the moment.
var permanent = map[string]bool{
	"ValidationException": true, "AccessDeniedException": true, "ResourceNotFoundException": true,
	"SerializationException": true, "UnrecognizedClientException": true, "UnknownOperationException": true,
	"ItemCollectionSizeLimitExceededException": true, "IdempotentParameterMismatchException": true,
	"MissingAuthenticationTokenException": true, "ExpiredTokenException": true, "InvalidSignatureException": true,
}

// failure turns an SDK error into what the domain knows: chat.ErrUnknownOutcome for throttling, conflicts,
// server errors and lost answers; anything permanent as it is.
func failure(err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if errors.As(err, &api) && permanent[api.ErrorCode()] {
		return err
	}
	return fmt.Errorf("%w: %w", chat.ErrUnknownOutcome, err)
}

// writeFailure turns the error of a single conditional write into *chat.Refused with the image that refused it.
func (s *Store) writeFailure(err error) error {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return s.refused(failed.Item)
	}
	return failure(err)
}

// transactionFailure does the same for a transaction whose first item is HEAD.
func (s *Store) transactionFailure(err error) error {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || len(cancelled.CancellationReasons) == 0 {
		return failure(err)
	}
	head := cancelled.CancellationReasons[0]
	if head.Code != nil && *head.Code == "ConditionalCheckFailed" {
		return s.refused(head.Item)
	}
	for _, r := range cancelled.CancellationReasons {
		if r.Code != nil && (*r.Code == "ValidationError" || *r.Code == "ItemCollectionSizeLimitExceeded") {
			return err
		}
	}
	return fmt.Errorf("%w: %w", chat.ErrUnknownOutcome, err)
}

func (s *Store) refused(old item) error {
	if len(old) == 0 {
		return &chat.Refused{}
	}
	head, err := readHead(old, s.Epoch)
	if err != nil {
		return err
	}
	return &chat.Refused{Old: head}
}

// conditionItem says whether a single write failed on its condition, and returns the old item.
func conditionItem(err error) (item, bool) {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return failed.Item, true
	}
	return nil, false
}

// ignoreRefused is for writes that are done when their condition fails.
func ignoreRefused(err error) error {
	var refused *chat.Refused
	if errors.As(err, &refused) {
		return nil
	}
	return err
}
