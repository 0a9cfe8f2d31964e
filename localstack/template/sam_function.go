package template

import (
	"slices"
	"strconv"
)

// function expands an AWS::Serverless::Function: the function, its role, its alias, and what its events need.
func (x *expander) function(r *resource, props *node) {
	o := x.l.object(props, samFunction)
	code := o.need("CodeUri")
	role := o.get("Role")
	var granted *roleGrants
	if role == nil {
		granted = &roleGrants{place: props, policies: x.policies(r, o)}
		role = props.getAtt(r.id+"Role", "Arn")
	} else if p := o.get("Policies"); p != nil {
		x.l.fail(p, "with a Role of its own a function's Policies have no effect")
	}
	tracing := o.get("Tracing")
	if tracing != nil {
		tracing = build(tracing, "Mode", tracing)
	}
	made := build(props, "Code", code, "Role", role, "TracingConfig", tracing)
	for _, name := range passedThrough {
		made = made.with(name, o.get(name))
	}
	x.alias(r, o)
	events := o.get("Events")
	o.drop("Tags", "PropagateTags", "RolePath", "PermissionsBoundary", "AssumeRolePolicyDocument", "DeploymentPreference",
		"AutoPublishCodeSha256", "AutoPublishAliasAllProperties", "VersionDescription", "ProvisionedConcurrencyConfig", "VersionDeletionPolicy")
	x.invokeConfig(r, o)
	o.done()
	x.l.add(&resource{id: r.id, typ: typeFunction, props: made, place: r.place, depends: r.depends})
	x.events(r, x.l.object(events, "Events"), granted)
	if granted != nil {
		x.l.generate(r.id+"Role", typeRole, build(props, "AssumeRolePolicyDocument", props.at(dict), "Policies", props.seq(granted.policies...)))
	}
}

// passedThrough are the properties that mean the same in SAM and in CloudFormation.
var passedThrough = []string{
	"FunctionName", "Handler", "Runtime", "Description", "MemorySize", "Timeout", "Environment", "Architectures", "LoggingConfig", "PackageType",
	"RecursiveLoop", "ReservedConcurrentExecutions", "EphemeralStorage", "VpcConfig", "KmsKeyArn", "RuntimeManagementConfig", "CodeSigningConfigArn",
}

// roleGrants is the role that SAM makes for a function.
type roleGrants struct {
	place    *node
	policies []*node
}

func (g *roleGrants) add(document *node) {
	g.policies = append(g.policies, build(document, "PolicyDocument", document, "PolicyName", document.str("SAM")))
}

// policies reads Policies. Only statements that are written out are taken: SAM's policy templates allow more than a
// function needs (DynamoDBCrudPolicy allows Scan), and what a managed policy allows cannot be known here.
func (x *expander) policies(r *resource, o *object) []*node {
	n := o.get("Policies")
	if n == nil {
		return nil
	}
	list := []*node{n}
	if n.kind != dict {
		list = o.list("Policies")
		if n.isText() {
			list = []*node{n}
		}
	}
	var made []*node
	for _, policy := range list {
		switch {
		case policy.kind == dict && policy.get("Statement") != nil:
			made = append(made, build(policy, "PolicyName", policy.str(r.id+"RolePolicy"+strconv.Itoa(len(made))), "PolicyDocument", policy))
		case policy.kind == dict && len(policy.keys) == 1:
			x.l.fail(policy, "SAM policy template %q is refused: it grants more than its name says (some allow Scan); write the statements", policy.keys[0].name)
		case policy.isText():
			x.l.fail(policy, "managed policy %q is refused: what it allows is not in this template; write the statements", policy.text)
		default:
			x.l.fail(policy, "a policy must be a document with a Statement; write the statements here, so that the local stack can enforce them")
		}
	}
	return made
}

// alias expands AutoPublishAlias.
func (x *expander) alias(r *resource, o *object) {
	name := o.get("AutoPublishAlias")
	if name == nil {
		return
	}
	if !name.isText() {
		x.l.fail(name, "must be a name or a parameter")
		return
	}
	id := r.id + "Alias" + name.text
	if !logicalID.MatchString(id) {
		// SAM leaves out what a logical id cannot hold.
		id = r.id + "Alias" + keepAlphanumeric(name.text)
	}
	x.l.derived[r.id+".Alias"], x.l.derived[r.id+".Version"] = id, r.id+"Version"
	x.l.generate(r.id+"Version", typeVersion, build(name, "FunctionName", name.ref(r.id)))
	x.l.generate(id, typeAlias, build(name, "Name", name, "FunctionName", name.ref(r.id), "FunctionVersion", name.getAtt(r.id+"Version", "Version")))
}

func keepAlphanumeric(s string) string {
	return string(slices.DeleteFunc([]byte(s), func(c byte) bool { return !alphanumeric.Match([]byte{c}) }))
}

// invokeConfig reads what concerns asynchronous invocations: retries are AWS's, so it is checked and dropped, and a
// destination is said to have no effect.
func (x *expander) invokeConfig(r *resource, o *object) {
	if dlq := o.get("DeadLetterQueue"); dlq != nil {
		x.l.warn(dlq, "%s: the dead-letter queue of asynchronous invocations is not applied locally", r.id)
	}
	n := o.get("EventInvokeConfig")
	if n == nil {
		return
	}
	c := x.l.object(n, "EventInvokeConfig")
	c.int("MaximumRetryAttempts", 2, 0, 2)
	c.int("MaximumEventAgeInSeconds", 21600, 60, 21600)
	if d := c.get("DestinationConfig"); d != nil {
		x.l.warn(d, "%s: destinations of asynchronous invocations are not applied locally", r.id)
	}
	c.done()
	x.l.generate(r.id+"EventInvokeConfig", "AWS::Lambda::EventInvokeConfig", build(n, "FunctionName", n.ref(r.id)))
}

// events expands the events of a function.
func (x *expander) events(r *resource, events *object, granted *roleGrants) {
	for _, e := range events.n.keys {
		o := x.l.object(e.val, "an event")
		typ, props := o.needStr("Type"), o.get("Properties")
		o.done()
		if props == nil {
			props = e.val.at(dict)
		}
		switch id := r.id + e.name; typ {
		case "SQS", "DynamoDB":
			x.mapping(id, typ, props, x.invoked(props, r.id), granted)
		case "Schedule":
			x.rule(r.id, id, props)
		case "ScheduleV2":
			x.schedule(r.id, id, props)
		case "HttpApi":
			x.httpEvent(r.id, id, props)
		case "":
		default:
			x.l.fail(e.val, "event type %q is not supported by the local stack", typ)
		}
	}
}

// mapping expands an SQS or DynamoDB event.
func (x *expander) mapping(id, typ string, props, function *node, granted *roleGrants) {
	o := x.l.object(props, "an "+typ+" event")
	source := "Queue"
	if typ == "DynamoDB" {
		source = "Stream"
	}
	made := build(props, "FunctionName", function, "EventSourceArn", o.need(source))
	for _, name := range []string{"BatchSize", "Enabled", "FilterCriteria", "FunctionResponseTypes", "MaximumBatchingWindowInSeconds", "KmsKeyArn",
		"MetricsConfig", "ProvisionedPollerConfig", "ScalingConfig"} {
		made = made.with(name, o.get(name))
	}
	if typ == "DynamoDB" {
		for _, name := range []string{"BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "ParallelizationFactor",
			"StartingPosition", "StartingPositionTimestamp", "TumblingWindowInSeconds"} {
			made = made.with(name, o.get(name))
		}
		made = made.with("DestinationConfig", x.destination(o.get("DestinationConfig"), granted))
	}
	o.done()
	x.l.generate(id, typeMapping, made)
}

// destination drops SAM's Type from OnFailure; with it SAM lets the function's role send there.
func (x *expander) destination(n *node, granted *roleGrants) *node {
	if n == nil {
		return nil
	}
	o := x.l.object(n, "DestinationConfig")
	onFailure := x.l.object(o.need("OnFailure"), "OnFailure")
	queue := onFailure.need("Destination")
	typ := onFailure.oneOf("Type", "", "SQS")
	onFailure.done()
	o.done()
	if queue == nil {
		return nil
	}
	if typ == "SQS" && granted != nil {
		granted.add(build(n, "Version", n.str("2012-10-17"), "Statement", n.seq(build(n,
			"Action", n.str("sqs:SendMessage"), "Effect", n.str("Allow"), "Resource", queue))))
	}
	return build(n, "OnFailure", build(n, "Destination", queue))
}

// rule expands a Schedule event.
func (x *expander) rule(function, id string, props *node) {
	o := x.l.object(props, "a Schedule event")
	state := o.get("State")
	if enabled := o.get("Enabled"); enabled != nil {
		if state != nil {
			x.l.fail(enabled, "State and Enabled exclude each other")
		}
		state = enabled.str("DISABLED")
		if o.bool("Enabled", true) {
			state = enabled.str("ENABLED")
		}
	}
	target := build(props, "Id", props.str(id+"LambdaTarget"), "Arn", x.invokedARN(props, function), "Input", o.get("Input"),
		"DeadLetterConfig", o.get("DeadLetterConfig"), "RetryPolicy", o.get("RetryPolicy"))
	made := build(props, "ScheduleExpression", o.need("Schedule"), "State", state, "Targets", props.seq(target))
	o.drop("Name", "RuleName", "Description")
	o.done()
	x.l.generate(id, typeRule, made)
	x.l.generate(id+"Permission", typePermission, build(props, "Action", props.str("lambda:InvokeFunction"), "FunctionName", x.invoked(props, function),
		"Principal", props.str("events.amazonaws.com"), "SourceArn", props.getAtt(id, "Arn")))
}

// invoked is what events invoke: the function's alias if it has one, else the function.
func (x *expander) invoked(place *node, function string) *node {
	if alias, ok := x.l.derived[function+".Alias"]; ok {
		return place.ref(alias)
	}
	return place.ref(function)
}

// invokedARN is the ARN of what events invoke. An alias's Ref is its ARN, a function's is its name.
func (x *expander) invokedARN(place *node, function string) *node {
	if _, ok := x.l.derived[function+".Alias"]; ok {
		return x.invoked(place, function)
	}
	return place.getAtt(function, "Arn")
}

// schedule expands a ScheduleV2 event.
func (x *expander) schedule(function, id string, props *node) {
	o := x.l.object(props, "a ScheduleV2 event")
	role := o.get("RoleArn")
	if role == nil {
		role = props.getAtt(id+"Role", "Arn")
		x.l.generate(id+"Role", typeRole, build(props, "AssumeRolePolicyDocument", props.at(dict)))
	}
	target := build(props, "Arn", x.invokedARN(props, function), "RoleArn", role, "Input", o.get("Input"),
		"DeadLetterConfig", o.get("DeadLetterConfig"), "RetryPolicy", o.get("RetryPolicy"))
	made := build(props, "ScheduleExpression", o.need("ScheduleExpression"), "Target", target)
	for _, name := range []string{"State", "ScheduleExpressionTimezone", "StartDate", "EndDate", "FlexibleTimeWindow"} {
		made = made.with(name, o.get(name))
	}
	o.drop("Name", "OmitName", "Description", "GroupName", "KmsKeyArn", "PermissionsBoundary")
	o.done()
	x.l.generate(id, typeSchedule, made)
}
