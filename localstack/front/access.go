package front

import (
	"strings"

	"github.com/parley-chat/parley/internal/jsonscan"
	"github.com/parley-chat/parley/localstack/seam"
)

// access is one permission that a call needs. Actions and resources are those of the Service Authorization Reference.
type access struct {
	action, resource string
	table            string // of DynamoDB, for conditions on its keys
}

// targets are the prefixes of X-Amz-Target.
var targets = map[string]string{
	"DynamoDB_20120810": seam.DynamoDB, "DynamoDBStreams_20120810": seam.DynamoDBStreams, "AmazonSQS": seam.SQS,
}

// needs lists what a call must be allowed to do, and the table or queue that faults know it by. A call that names no
// resource needs the action on "*".
func (d *Door) needs(call *seam.Call, into []access) (all []access, resource string) {
	switch call.Service {
	case seam.DynamoDB:
		return d.dynamoNeeds(call, into)
	case seam.DynamoDBStreams:
		return d.streamNeeds(call, into)
	}
	return d.queueNeeds(call, into)
}

// transactActions are the permissions of a transaction's parts (DynamoDB developer guide, "Using IAM with DynamoDB
// transactions").
var transactActions = map[string]string{
	"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem", "ConditionCheck": "dynamodb:ConditionCheckItem", "Get": "dynamodb:GetItem",
}

func (d *Door) dynamoNeeds(call *seam.Call, into []access) (all []access, resource string) {
	action := "dynamodb:" + call.Operation
	var table, index string
	jsonscan.Members(call.Body, func(key string, value []byte) bool {
		switch key {
		case "TableName":
			table = jsonscan.Unquote(value)
		case "IndexName":
			index = jsonscan.Unquote(value)
		case "RequestItems":
			jsonscan.Members(value, func(name string, _ []byte) bool {
				into = d.table(into, action, name, "")
				return true
			})
		case "TransactItems":
			jsonscan.Elements(value, func(item []byte) { into = d.transactPart(into, item) })
		case "ResourceArn":
			into = append(into, access{action: action, resource: jsonscan.Unquote(value)})
		}
		return true
	})
	if table != "" {
		into = d.table(into, action, table, index)
	}
	if len(into) == 0 {
		into = append(into, access{action: action, resource: "*"})
	}
	return into, into[0].table
}

// transactPart adds what {"Put": {"TableName": ...}} needs.
func (d *Door) transactPart(into []access, item []byte) []access {
	jsonscan.Members(item, func(kind string, part []byte) bool {
		action, known := transactActions[kind]
		if !known {
			return true
		}
		jsonscan.Members(part, func(key string, value []byte) bool {
			if key == "TableName" {
				into = d.table(into, action, jsonscan.Unquote(value), "")
			}
			return true
		})
		return true
	})
	return into
}

// table adds an action on a table, or on an index of it: a query of an index needs the index only. A table may be named
// by its ARN. The same permission is added once.
func (d *Door) table(into []access, action, name, index string) []access {
	if i := strings.Index(name, ":table/"); i >= 0 {
		name = name[i+len(":table/"):]
	}
	resource := d.tablePrefix + name
	if index != "" {
		resource += "/index/" + index
	}
	for _, a := range into {
		if a.action == action && a.resource == resource {
			return into
		}
	}
	return append(into, access{action, resource, name})
}

func (d *Door) streamNeeds(call *seam.Call, into []access) (all []access, resource string) {
	need := access{action: "dynamodb:" + call.Operation, resource: "*"}
	jsonscan.Members(call.Body, func(key string, value []byte) bool {
		switch key {
		case "StreamArn":
			need.resource = jsonscan.Unquote(value)
		case "ShardIterator": // GetRecords names its stream by the iterator, which begins with the ARN, as on AWS
			if arn, _, ok := strings.Cut(jsonscan.Unquote(value), "|"); ok {
				need.resource = arn
			}
		}
		return true
	})
	if _, after, ok := strings.Cut(need.resource, ":table/"); ok {
		resource, _, _ = strings.Cut(after, "/")
	}
	return append(into, need), resource
}

// queueNeeds: a batch needs the permission of the single operation (SQS developer guide, "Amazon SQS API permissions").
func (d *Door) queueNeeds(call *seam.Call, into []access) (all []access, resource string) {
	need := access{action: "sqs:" + strings.TrimSuffix(call.Operation, "Batch"), resource: "*"}
	jsonscan.Members(call.Body, func(key string, value []byte) bool {
		switch key {
		case "QueueUrl":
			url := jsonscan.Unquote(value)
			resource = url[strings.LastIndexByte(url, '/')+1:]
		case "QueueName":
			resource = jsonscan.Unquote(value)
		case "SourceArn":
			arn := jsonscan.Unquote(value)
			resource = arn[strings.LastIndexByte(arn, ':')+1:]
		}
		return true
	})
	if resource != "" {
		need.resource = d.queuePrefix + resource
	}
	return append(into, need), resource
}
