package dynamo

import (
	"encoding/base64"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/jsonscan"
)

// HeadOfImage reads an image of the chat table's stream, in DynamoDB's JSON, as HEAD; ok is false for any other item,
// and for the absent old image of a new one.
func (s *Store) HeadOfImage(image []byte) (head *chat.Head, ok bool, err error) {
	it, err := itemOfImage(image, nil)
	if err != nil || getS(it, "sk") != skHead {
		return nil, false, err
	}
	head, err = readHead(it, s.Epoch)
	return head, err == nil, err
}

// ends are the attributes that EndsOfImage reads.
var ends = map[string]bool{"pk": true, "sk": true, "n": true, "d": true, "v": true, "st": true, "as": true, "of": true, "av": true}

// EndsOfImage is HeadOfImage for whoever needs the name, the newest seqs and the state only: nothing else is read.
func (s *Store) EndsOfImage(image []byte) (head *chat.Head, ok bool, err error) {
	it, err := itemOfImage(image, ends)
	if err != nil || getS(it, "sk") != skHead {
		return nil, false, err
	}
	ref, err := refOf(getS(it, "pk"))
	if err != nil {
		return nil, false, err
	}
	head = &chat.Head{Ref: ref, Status: statusOf(getS(it, "st")), Version: getN(it, "v"), Assignee: getUser(it, "as"), OfferedTo: getUser(it, "of"), Asides: getN(it, "av")}
	for _, t := range chat.Tracks() {
		head.Track(t).Last = getN(it, namesOf(t).last)
	}
	return head, true, nil
}

// itemOfImage decodes an image, or the wanted attributes of it. What is no HEAD may hold types that HEAD does not use;
// it is recognised by its sort key before they are looked at.
func itemOfImage(image []byte, wanted map[string]bool) (it item, err error) {
	it = item{}
	jsonscan.Members(image, func(name string, value []byte) bool {
		if name == "sk" {
			it[name], err = ofJSON(value)
		}
		return name != "sk"
	})
	if err != nil || getS(it, "sk") != skHead {
		return nil, err
	}
	jsonscan.Members(image, func(name string, value []byte) bool {
		if wanted == nil || wanted[name] {
			it[name], err = ofJSON(value)
		}
		return err == nil
	})
	return it, err
}

// ofJSON converts the types that HEAD uses from DynamoDB's JSON: {"S": "..."}.
func ofJSON(value []byte) (v types.AttributeValue, err error) {
	jsonscan.Members(value, func(kind string, value []byte) bool {
		switch kind {
		case "S":
			v = str(jsonscan.Unquote(value))
		case "N":
			v = &types.AttributeValueMemberN{Value: jsonscan.Unquote(value)}
		case "B":
			var b []byte
			b, err = base64.StdEncoding.DecodeString(jsonscan.Unquote(value))
			v = bin(b)
		case "M":
			m := item{}
			jsonscan.Members(value, func(name string, value []byte) bool {
				m[name], err = ofJSON(value)
				return err == nil
			})
			v = &types.AttributeValueMemberM{Value: m}
		case "L":
			var l types.AttributeValueMemberL
			jsonscan.Elements(value, func(value []byte) {
				element, failed := ofJSON(value)
				if l.Value = append(l.Value, element); failed != nil {
					err = failed
				}
			})
			v = &l
		}
		return false // an attribute has one type
	})
	if v == nil && err == nil {
		err = fmt.Errorf("%w: attribute of an unknown type", errCorrupt)
	}
	return v, err
}
