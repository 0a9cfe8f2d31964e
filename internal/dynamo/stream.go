package dynamo

import (
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// HeadOfImage reads an image of the chat table's stream as HEAD; ok is false for any other item, and for the
// absent old image of a new one.
func (s *Store) HeadOfImage(image map[string]events.DynamoDBAttributeValue) (*chat.Head, bool, error) {
	if sk, has := image["sk"]; !has || sk.DataType() != events.DataTypeString || sk.String() != skHead {
		return nil, false, nil
	}
	it := make(item, len(image))
	for name, v := range image {
		converted, err := fromStream(v)
		if err != nil {
			return nil, false, err
		}
		it[name] = converted
	}
	head, err := readHead(it, s.Epoch)
	return head, err == nil, err
}

// fromStream converts the types that HEAD uses.
func fromStream(v events.DynamoDBAttributeValue) (types.AttributeValue, error) {
	switch v.DataType() {
	case events.DataTypeString:
		return str(v.String()), nil
	case events.DataTypeNumber:
		return &types.AttributeValueMemberN{Value: v.Number()}, nil
	case events.DataTypeBinary:
		return bin(v.Binary()), nil
	case events.DataTypeMap:
		m := make(item, len(v.Map()))
		for k, e := range v.Map() {
			c, err := fromStream(e)
			if err != nil {
				return nil, err
			}
			m[k] = c
		}
		return &types.AttributeValueMemberM{Value: m}, nil
	case events.DataTypeList:
		l := make([]types.AttributeValue, len(v.List()))
		for i, e := range v.List() {
			c, err := fromStream(e)
			if err != nil {
				return nil, err
			}
			l[i] = c
		}
		return &types.AttributeValueMemberL{Value: l}, nil
	default:
		return nil, fmt.Errorf("%w: attribute type %d", errCorrupt, v.DataType())
	}
}
