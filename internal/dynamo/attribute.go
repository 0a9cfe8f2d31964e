package dynamo

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func bin(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func num[T ~int | ~int64 | ~uint64 | ~uint32](n T) types.AttributeValue {
	if n >= 0 {
		return &types.AttributeValueMemberN{Value: strconv.FormatUint(uint64(n), 10)}
	}
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(n), 10)}
}

// The readers return the zero value for an absent attribute or one of another type: items are written by this
// package only, and a field that an older version did not write reads as zero.

func getS(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func getB(it item, name string) []byte {
	if v, ok := it[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func getN(it item, name string) uint64 {
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseUint(v.Value, 10, 64)
		return n
	}
	return 0
}

func getM(it item, name string) item {
	if v, ok := it[name].(*types.AttributeValueMemberM); ok {
		return v.Value
	}
	return nil
}

func getL(it item, name string) []types.AttributeValue {
	if v, ok := it[name].(*types.AttributeValueMemberL); ok {
		return v.Value
	}
	return nil
}
