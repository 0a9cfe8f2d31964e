package template

import (
	"regexp"
	"strings"
	"time"
)

var (
	variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)
	// reservedVariables is from the Lambda developer guide, "Defined runtime environment variables".
	reservedVariables = set("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
		"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
		"LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR")
)

// function builds an AWS::Lambda::Function with the statements of its role.
func (l *loader) function(r *resource) Function {
	o := l.object(r.props, r.typ)
	name := l.physical(r)
	made := Function{
		LogicalID: r.id, Name: name, ARN: l.functionARN(name),
		CodeURI:  l.codeURI(o.need("Code")),
		MemoryMB: o.int("MemorySize", 128, 128, 10240),
		Timeout:  o.seconds("Timeout", 3, 1, 900),
		Reserved: o.int("ReservedConcurrentExecutions", -1, 0, 1000000),
	}
	made.AllowRecursion = o.oneOf("RecursiveLoop", "Terminate", "Allow", "Terminate") == "Allow"
	made.Environment = l.environment(o.get("Environment"))
	if runtime := o.str("Runtime", ""); runtime != "provided.al2023" && runtime != "provided.al2" {
		l.fail(r.props, "runtime %q is not supported by the local stack: it builds Go functions for provided.al2023", runtime)
	}
	o.oneOf("PackageType", "Zip", "Zip")
	if role := o.need("Role"); role != nil {
		made.Statements = l.grants(role)
	}
	o.drop("FunctionName", "Handler", "Description", "Architectures", "LoggingConfig", "TracingConfig", "EphemeralStorage", "VpcConfig", "KmsKeyArn",
		"RuntimeManagementConfig", "CodeSigningConfigArn", "Tags")
	o.done()
	return made
}

// codeURI reads where a function's code lies: a directory, or S3 in a template that has been packaged.
func (l *loader) codeURI(n *node) string {
	if n == nil || n.isText() {
		if n == nil {
			return ""
		}
		return n.text
	}
	o := l.object(n, "Code")
	bucket, key := o.needStr("S3Bucket"), o.needStr("S3Key")
	o.done()
	return "s3://" + bucket + "/" + key
}

func (l *loader) environment(n *node) map[string]string {
	o := l.object(n, "Environment")
	variables := l.object(o.get("Variables"), "Variables")
	o.done()
	made := make(map[string]string, len(variables.n.keys))
	for _, e := range variables.n.keys {
		if reservedVariables[e.name] || !variableName.MatchString(e.name) {
			l.fail(e.val, "Lambda does not allow the variable %q", e.name)
		}
		made[e.name] = variables.str(e.name, "")
	}
	return made
}

// basicPolicies are what SAM gives to the roles that it makes: logs, tracing, and polling, which the stack does itself.
var basicPolicies = set("AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess", "AWSLambdaSQSQueueExecutionRole",
	"AWSLambdaDynamoDBExecutionRole", "AWSLambdaVPCAccessExecutionRole")

// grants collects the statements of a function's role.
func (l *loader) grants(role *node) []Statement {
	for _, r := range l.resources {
		if r.typ != typeRole || l.roleARN(l.physical(r)) != role.text {
			continue
		}
		o := l.object(r.props, r.typ)
		for _, arn := range o.strs("ManagedPolicyArns") {
			if !basicPolicies[arn[strings.LastIndex(arn, "/")+1:]] {
				l.fail(r.props, "managed policy %q is refused: what it allows is not in this template; write the statements", arn)
			}
		}
		var made []Statement
		for _, p := range o.list("Policies") {
			if document := l.object(p, "a policy").need("PolicyDocument"); document != nil {
				made = append(made, l.statements(document)...)
			}
		}
		return made
	}
	if !role.bad {
		l.fail(role, "%q is no role of this template", role.text)
	}
	return nil
}

// mapping builds an AWS::Lambda::EventSourceMapping. A disabled one is checked and left out.
func (l *loader) mapping(r *resource) {
	o := l.object(r.props, r.typ)
	id, source := l.functionOf(o.need("FunctionName")), o.needStr("EventSourceArn")
	enabled := o.bool("Enabled", true)
	partial := false
	for _, kind := range o.strs("FunctionResponseTypes") {
		if kind != "ReportBatchItemFailures" {
			l.fail(o.n.get("FunctionResponseTypes"), "%q is not a response type", kind)
		}
		partial = true
	}
	filters := l.filters(o.get("FilterCriteria"))
	o.drop("KmsKeyArn", "MetricsConfig", "ProvisionedPollerConfig", "Tags", "LoggingConfig")
	function := l.plannedFunction(id)
	if function == nil {
		function = &Function{}
	}
	switch service := strings.Split(source+":::", ":")[2]; service {
	case "sqs":
		made := l.queueMapping(o, r, source)
		made.PartialFailures, made.Filters = partial, filters
		if enabled {
			function.Queues = append(function.Queues, made)
		}
	case "dynamodb":
		made := l.streamMapping(o, r, source)
		made.PartialFailures, made.Filters = partial, filters
		if enabled {
			function.Streams = append(function.Streams, made)
		}
	default:
		if source != "" {
			l.fail(o.n, "event source %q is neither a queue nor a table's stream", source)
		}
		return
	}
	o.done()
}

func (l *loader) plannedFunction(id string) *Function {
	for i := range l.plan.Functions {
		if l.plan.Functions[i].LogicalID == id {
			return &l.plan.Functions[i]
		}
	}
	return nil
}

// queueMapping checks the limits of the Lambda developer guide, "Configuring scaling behavior for SQS event source
// mappings" and "Amazon SQS event source mapping parameters".
func (l *loader) queueMapping(o *object, r *resource, source string) QueueMapping {
	made := QueueMapping{LogicalID: r.id, QueueARN: source, BatchSize: o.int("BatchSize", 10, 1, 10000),
		Window: o.seconds("MaximumBatchingWindowInSeconds", 0, 0, 300)}
	if s := o.get("ScalingConfig"); s != nil {
		scaling := l.object(s, "ScalingConfig")
		made.MaxConcurrency = scaling.int("MaximumConcurrency", 0, 2, 1000)
		scaling.done()
	}
	queue := l.queueByARN(source)
	switch {
	case queue == nil:
		l.fail(r.props, "%q is no queue of this template", source)
	case queue.FIFO && (made.BatchSize > 10 || made.Window > 0):
		l.fail(r.props, "a FIFO queue has batches of at most 10 and no batching window")
	case !queue.FIFO && made.BatchSize > 10 && made.Window < time.Second:
		l.fail(r.props, "a batch size above 10 needs a batching window of at least 1 s")
	}
	return made
}

func (l *loader) streamMapping(o *object, r *resource, source string) StreamMapping {
	made := StreamMapping{
		LogicalID: r.id, StreamARN: source,
		BatchSize:        o.int("BatchSize", 100, 1, 10000),
		Window:           o.seconds("MaximumBatchingWindowInSeconds", 0, 0, 300),
		StartingPosition: o.oneOf("StartingPosition", "", "TRIM_HORIZON", "LATEST"),
		Bisect:           o.bool("BisectBatchOnFunctionError", false),
		MaxRetries:       o.int("MaximumRetryAttempts", -1, -1, 10000),
		Parallelization:  o.int("ParallelizationFactor", 1, 1, 10),
	}
	o.need("StartingPosition")
	if age := o.int("MaximumRecordAgeInSeconds", -1, -1, 604800); age >= 60 {
		made.MaxAge = time.Duration(age) * time.Second
	} else if age != -1 {
		l.fail(r.props, "MaximumRecordAgeInSeconds is -1, or 60 to 604800")
	}
	if d := o.get("DestinationConfig"); d != nil {
		config := l.object(d, "DestinationConfig")
		onFailure := l.object(config.need("OnFailure"), "OnFailure")
		made.OnFailureQueueARN = onFailure.needStr("Destination")
		onFailure.done()
		config.done()
	}
	return made
}

func (l *loader) filters(n *node) []string {
	o := l.object(n, "FilterCriteria")
	var made []string
	for _, f := range o.list("Filters") {
		filter := l.object(f, "a filter")
		if pattern := filter.json("Pattern"); pattern != nil {
			made = append(made, string(pattern))
		}
		filter.need("Pattern")
		filter.done()
	}
	o.done()
	if len(made) > 5 {
		l.fail(n, "a mapping has at most 5 filters")
	}
	return made
}

// rule builds an AWS::Events::Rule with a schedule.
func (l *loader) rule(r *resource) {
	o := l.object(r.props, r.typ)
	expression := o.need("ScheduleExpression")
	enabled := o.oneOf("State", "ENABLED", "ENABLED", "DISABLED") == "ENABLED"
	targets := o.list("Targets")
	o.refuse("EventPattern", "event patterns are not supported by the local stack")
	o.drop("Name", "Description", "RoleArn", "Tags", "EventBusName")
	o.done()
	for _, t := range targets {
		target := l.object(t, "a target")
		target.drop("Id", "RoleArn")
		l.target(r, target, expression, enabled)
	}
}

// schedule builds an AWS::Scheduler::Schedule.
func (l *loader) schedule(r *resource) {
	o := l.object(r.props, r.typ)
	expression := o.need("ScheduleExpression")
	enabled := o.oneOf("State", "ENABLED", "ENABLED", "DISABLED") == "ENABLED"
	if zone := o.str("ScheduleExpressionTimezone", "UTC"); zone != "UTC" {
		l.fail(r.props, "time zone %q is not supported by the local stack: write the schedule in UTC", zone)
	}
	for _, name := range []string{"StartDate", "EndDate"} {
		o.refuse(name, name+" is not supported by the local stack")
	}
	o.drop("Name", "GroupName", "Description", "KmsKeyArn", "FlexibleTimeWindow")
	target := l.object(o.need("Target"), "a target")
	o.done()
	target.drop("RoleArn")
	l.target(r, target, expression, enabled)
}

var scheduleExpression = regexp.MustCompile(`^(rate\([1-9][0-9]* (minutes?|hours?|days?)\)|cron\(\S+( \S+){5}\))$`)

// target adds a schedule to the plan.
func (l *loader) target(r *resource, o *object, expression *node, enabled bool) {
	made := Schedule{LogicalID: r.id, Function: l.functionOf(o.need("Arn")), Input: o.json("Input"), Enabled: enabled}
	if d := o.get("DeadLetterConfig"); d != nil {
		config := l.object(d, "DeadLetterConfig")
		if arn := config.needStr("Arn"); arn != "" && l.queueByARN(arn) == nil {
			l.fail(d, "%q is no queue of this template", arn)
		}
		config.done()
	}
	o.drop("RetryPolicy")
	o.done()
	if expression == nil {
		return
	}
	made.Expression = expression.text
	if !scheduleExpression.MatchString(made.Expression) {
		l.fail(expression, "%q is no rate(...) or cron(...) expression", made.Expression)
	}
	l.plan.Schedules = append(l.plan.Schedules, made)
}
