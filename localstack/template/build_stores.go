package template

import "strings"

// table builds an AWS::DynamoDB::Table.
func (l *loader) table(r *resource) Table {
	o := l.object(r.props, r.typ)
	name := l.physical(r)
	made := Table{LogicalID: r.id, Name: name, ARN: l.tableARN(name)}
	types := l.attributeTypes(o)
	used := map[string]bool{}
	made.Hash, made.Range = l.keySchema(o, types, used)
	for _, n := range o.list("GlobalSecondaryIndexes") {
		made.Indexes = append(made.Indexes, l.index(n, false, types, used))
	}
	for _, n := range o.list("LocalSecondaryIndexes") {
		made.Indexes = append(made.Indexes, l.index(n, true, types, used))
	}
	for attribute := range types {
		if !used[attribute] {
			// "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"
			l.fail(o.n.get("AttributeDefinitions"), "attribute %q is defined and is in no key: DynamoDB refuses that", attribute)
		}
	}
	if s := o.get("StreamSpecification"); s != nil {
		stream := l.object(s, "StreamSpecification")
		made.StreamView = stream.oneOf("StreamViewType", "", "KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
		stream.need("StreamViewType")
		stream.drop("ResourcePolicy")
		stream.done()
		made.StreamARN = made.ARN + "/stream/" + streamLabel
	}
	if t := o.get("TimeToLiveSpecification"); t != nil {
		ttl := l.object(t, "TimeToLiveSpecification")
		attribute := ttl.str("AttributeName", "")
		if ttl.bool("Enabled", false) {
			made.TTL = attribute
		}
		ttl.done()
	}
	if o.oneOf("BillingMode", "PROVISIONED", "PROVISIONED", "PAY_PER_REQUEST") == "PROVISIONED" {
		o.need("ProvisionedThroughput")
	}
	o.drop("TableName", "ProvisionedThroughput", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "SSESpecification", "Tags", "WarmThroughput",
		"OnDemandThroughput", "ContributorInsightsSpecification", "TableClass", "ResourcePolicy")
	o.done()
	return made
}

func (l *loader) attributeTypes(o *object) map[string]string {
	types := map[string]string{}
	for _, n := range o.list("AttributeDefinitions") {
		a := l.object(n, "an attribute definition")
		types[a.needStr("AttributeName")] = a.oneOf("AttributeType", "", "S", "N", "B")
		a.need("AttributeType")
		a.done()
	}
	return types
}

// keySchema reads the KeySchema of a table or index and marks its attributes as used.
func (l *loader) keySchema(o *object, types map[string]string, used map[string]bool) (hash Key, sort *Key) {
	schema := o.need("KeySchema")
	for _, n := range l.items(schema) {
		k := l.object(n, "a key")
		key := Key{Name: k.needStr("AttributeName")}
		role := k.oneOf("KeyType", "", "HASH", "RANGE")
		k.done()
		key.Type = types[key.Name]
		used[key.Name] = true
		switch {
		case key.Type == "":
			l.fail(n, "attribute %q is not in AttributeDefinitions", key.Name)
		case role == "HASH" && hash.Name == "":
			hash = key
		case role == "RANGE" && sort == nil:
			sort = &key
		default:
			l.fail(n, "a key schema has one HASH key and at most one RANGE key")
		}
	}
	if schema != nil && hash.Name == "" {
		l.fail(schema, "a key schema needs a HASH key")
	}
	return hash, sort
}

func (l *loader) index(n *node, local bool, types map[string]string, used map[string]bool) Index {
	o := l.object(n, "an index")
	made := Index{Name: o.needStr("IndexName"), Local: local}
	made.Hash, made.Range = l.keySchema(o, types, used)
	projection := l.object(o.need("Projection"), "a projection")
	made.Projection = projection.oneOf("ProjectionType", "", "ALL", "KEYS_ONLY", "INCLUDE")
	made.NonKey = projection.strs("NonKeyAttributes")
	if made.Projection == "" || (made.Projection == "INCLUDE") != (len(made.NonKey) > 0) {
		l.fail(n, "a projection is ALL, KEYS_ONLY, or INCLUDE with NonKeyAttributes")
	}
	projection.done()
	if !local {
		o.drop("ProvisionedThroughput", "OnDemandThroughput", "WarmThroughput", "ContributorInsightsSpecification")
	}
	o.done()
	return made
}

// queue builds an AWS::SQS::Queue. Ranges are those of the SQS API reference, SetQueueAttributes.
func (l *loader) queue(r *resource) Queue {
	o := l.object(r.props, r.typ)
	name := l.physical(r)
	made := Queue{
		LogicalID: r.id, Name: name, ARN: l.arn("sqs", name), URL: l.queueURL(name),
		FIFO:       o.bool("FifoQueue", false),
		Visibility: o.seconds("VisibilityTimeout", 30, 0, 43200),
		Delay:      o.seconds("DelaySeconds", 0, 0, 900),
		Wait:       o.seconds("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
		Retention:  o.seconds("MessageRetentionPeriod", 345600, 60, 1209600),
		MaxBytes:   o.int("MaximumMessageSize", 1<<20, 1024, 1<<20),
	}
	if made.FIFO != strings.HasSuffix(name, ".fifo") {
		l.fail(r.place, "the name of a FIFO queue, and only of one, ends with .fifo: %q", name)
	}
	made.ContentDeduplication = o.bool("ContentBasedDeduplication", false)
	scope := o.oneOf("DeduplicationScope", "", "messageGroup", "queue")
	limit := o.oneOf("FifoThroughputLimit", "", "perMessageGroupId", "perQueue")
	made.HighThroughput = scope == "messageGroup" && limit == "perMessageGroupId"
	if !made.FIFO && (made.ContentDeduplication || scope != "" || limit != "") {
		l.fail(r.place, "deduplication and FIFO throughput are properties of FIFO queues")
	}
	if limit == "perMessageGroupId" && scope != "messageGroup" {
		l.fail(r.place, "FifoThroughputLimit perMessageGroupId needs DeduplicationScope messageGroup")
	}
	if p := o.get("RedrivePolicy"); p != nil {
		redrive := l.object(p, "RedrivePolicy")
		made.DeadLetterARN = redrive.needStr("deadLetterTargetArn")
		redrive.need("maxReceiveCount")
		made.MaxReceives = redrive.int("maxReceiveCount", 1, 1, 1000)
		redrive.done()
	}
	o.drop("QueueName", "Tags", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled", "RedriveAllowPolicy")
	o.done()
	return made
}
