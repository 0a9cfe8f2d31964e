package template

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// wrong holds templates with what must be said about them. A template starts in line 1 with "Resources:", unless it
// has other sections.
var wrong = map[string]struct{ source, want string }{
	"unknown type": {"Resources:\n  Q:\n    Type: AWS::Kinesis::Stream\n",
		`t.yaml:3: Resources.Q.Type: resource type "AWS::Kinesis::Stream" is not supported`},
	"unknown property": {"Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      VisibilityTimout: 3\n",
		`t.yaml:5: Resources.Q.Properties.VisibilityTimout: unknown property "VisibilityTimout" of AWS::SQS::Queue`},
	"unknown nested property": {"Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      RedrivePolicy: {deadLetterTargetArn: !GetAtt Q.Arn, maxReceives: 3}\n",
		`unknown property "maxReceives" of RedrivePolicy`},
	"unknown attribute of a resource": {"Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Propertys: {}\n", `unknown property "Propertys" of a resource`},
	"unknown section":                 {"Resource:\n  Q: {}\n", `unknown property "Resource" of a template`},
	"unknown ref":                     {"Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: !Ref Nam}\n", `there is no parameter or resource "Nam"`},
	"unknown ref in an alarm":         {"Resources:\n  A:\n    Type: AWS::CloudWatch::Alarm\n    Properties: {Dimensions: [{Value: !Ref Nothing}]}\n", `there is no parameter or resource "Nothing"`},
	"unknown attribute":               {"Resources:\n  Q:\n    Type: AWS::SQS::Queue\nOutputs:\n  O: {Value: !GetAtt Q.Name}\n", `Q (AWS::SQS::Queue) has no attribute "Name"`},
	"no stream":                       {"Resources:\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties: {BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{AttributeName: a, AttributeType: S}], KeySchema: [{AttributeName: a, KeyType: HASH}]}\nOutputs: {O: {Value: !GetAtt T.StreamArn}}\n", `has no attribute "StreamArn"`},
	"unused attribute":                {"Resources:\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties: {BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{AttributeName: a, AttributeType: S}, {AttributeName: b, AttributeType: S}], KeySchema: [{AttributeName: a, KeyType: HASH}]}\n", `attribute "b" is defined and is in no key`},
	"undeclared condition":            {"Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Condition: No\n", `condition "No" is not declared`},
	"absent by condition": {"Conditions: {Never: !Equals [a, b]}\nResources:\n  Q: {Type: AWS::SQS::Queue, Condition: Never}\n  R: {Type: AWS::SQS::Queue}\nOutputs: {O: {Value: !Ref Q}}\n",
		"its Condition does not hold"},
	"circular condition":   {"Conditions: {A: !Condition B, B: !Condition A}\nResources: {Q: {Type: AWS::SQS::Queue}}\n", "depends on itself"},
	"condition on a queue": {"Conditions: {A: !Equals [!Ref Q, x]}\nResources: {Q: {Type: AWS::SQS::Queue}}\n", "depend on parameters and mappings only"},
	"import":               {"Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !ImportValue x}}}\n", "Fn::ImportValue"},
	"unknown function":     {"Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAZs x}}}\n", "intrinsic function Fn::GetAZs is not supported"},
	"alias":                {"Resources: {Q: &q {Type: AWS::SQS::Queue}, R: *q}\n", "aliases are not supported by CloudFormation"},
	"double key":           {"Resources:\n  Q: {Type: AWS::SQS::Queue}\n  Q: {Type: AWS::SQS::Queue}\n", `t.yaml:3: Resources: key "Q" appears twice`},
	"undeclared parameter": {"Parameters: {A: {Type: String}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n", "parameter A has no default"},
	"allowed values":       {"Parameters: {A: {Type: String, Default: c, AllowedValues: [a, b]}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n", `"c" is not one of ["a" "b"]`},
	"allowed pattern":      {"Parameters: {A: {Type: String, Default: ab1, AllowedPattern: '[a-z]+'}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n", "does not match [a-z]+"},
	"number":               {"Parameters: {A: {Type: Number, Default: x}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n", "must be a number"},
	"range":                {"Parameters: {A: {Type: Number, Default: 11, MaxValue: 10}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n", "out of range"},
	"length":               {"Parameters: {A: {Type: String, Default: abc, MinLength: 4}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n", "must have 4 to"},
	"no map key":           {"Mappings: {M: {a: {b: c}}}\nResources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !FindInMap [M, a, x]}}}\n", `no key "x"`},
	"select":               {"Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Select [3, [a]]}}}\n", "no element"},
	"dead letters of another kind": {"Resources:\n  Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true, RedrivePolicy: {deadLetterTargetArn: !GetAtt D.Arn, maxReceiveCount: 3}}}\n  D: {Type: AWS::SQS::Queue}\n",
		"t.yaml:2: Resources.Q: the dead-letter queue of a FIFO queue must be a FIFO queue"},
	"no dead letters":    {"Resources: {Q: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:x', maxReceiveCount: 3}}}}\n", "is no queue of this template"},
	"fifo name":          {"Resources: {Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true, QueueName: q}}}\n", "ends with .fifo"},
	"name in a circle":   {"Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt Q.QueueName}}}\n", "depends on itself"},
	"dynamic reference":  {"Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: '{{resolve:ssm:/x}}'}}}\n", `dynamic reference "ssm:/x" has no local value`},
	"depends on nothing": {"Resources: {Q: {Type: AWS::SQS::Queue, DependsOn: [X]}}\n", `DependsOn: there is no parameter or resource "X"`},
	"no resources":       {"Description: x\n", "a template needs Resources"},
	"empty":              {"", "the document is empty"},
	"no yaml":            {"a: [", "did not find expected"},
	"language extension": {"Transform: AWS::LanguageExtensions\nResources: {Q: {Type: AWS::SQS::Queue}}\n", `transform "AWS::LanguageExtensions" is not supported`},
	"policy template":    {function("Policies: [{DynamoDBCrudPolicy: {TableName: x}}]"), `t.yaml:8: Resources.F.Properties.Policies[0]: SAM policy template "DynamoDBCrudPolicy" is refused`},
	"managed policy":     {function("Policies: [AmazonDynamoDBFullAccess]"), `managed policy "AmazonDynamoDBFullAccess" is refused`},
	"one managed policy": {function("Policies: AdministratorAccess"), `managed policy "AdministratorAccess" is refused`},
	"not action":         {function("Policies: [{Statement: [{Effect: Allow, NotAction: 's3:*', Resource: '*'}]}]"), "does not enforce NotAction"},
	"no effect":          {function("Policies: [{Statement: [{Action: 's3:*', Resource: '*'}]}]"), "needs Effect"},
	"layers":             {function("Layers: [x]"), `unknown property "Layers" of AWS::Serverless::Function`},
	"runtime":            {strings.Replace(function("Timeout: 3"), "provided.al2023", "nodejs22.x", 1), `runtime "nodejs22.x" is not supported`},
	"reserved variable":  {function("Environment: {Variables: {AWS_REGION: x}}"), `does not allow the variable "AWS_REGION"`},
	"event type":         {function("Events: {E: {Type: S3, Properties: {}}}"), `event type "S3" is not supported`},
	"bad schedule":       {function("Events: {E: {Type: Schedule, Properties: {Schedule: every day}}}"), "no rate(...) or cron(...)"},
	"implicit api":       {function("Events: {E: {Type: HttpApi, Properties: {Path: /, Method: GET}}}"), "ApiId is needed"},
	"fifo window": {function("Events: {E: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn, MaximumBatchingWindowInSeconds: 1}}}") + "  Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}\n",
		"no batching window"},
	"big batch": {function("Events: {E: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn, BatchSize: 11}}}") + "  Q: {Type: AWS::SQS::Queue}\n",
		"above 10 needs a batching window"},
	"short visibility": {function("Timeout: 60\n      Events: {E: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn}}}") + "  Q: {Type: AWS::SQS::Queue}\n",
		"is shorter than the timeout of F"},
	"route key":        {socket("send_message: {FunctionArn: !GetAtt F.Arn}"), "only letters and digits in a route key"},
	"colliding routes": {socket("aB: {FunctionArn: !GetAtt F.Arn}\n        Ab: {FunctionArn: !GetAtt F.Arn}"), "have the same logical ids"},
	"route's function": {socket("a: {FunctionArn: !Ref S}"), "is no function of this template"},
	"route settings":   {socket("a: {FunctionArn: !GetAtt F.Arn}\n      RouteSettings: {b: {ThrottlingRateLimit: 1}}"), `"b" is no route of S`},
	"iam auth":         {socket("$connect: {FunctionArn: !GetAtt F.Arn}\n      Auth: {AuthType: AWS_IAM}"), "AWS_IAM is not supported"},
	"raw route without permission": {socket("a: {FunctionArn: !GetAtt F.Arn}") + `  I: {Type: AWS::ApiGatewayV2::Integration, Properties: {ApiId: !Ref S, IntegrationType: AWS_PROXY, IntegrationUri: !Sub "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${G.Arn}/invocations"}}
  R: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref S, RouteKey: b, Target: !Sub "integrations/${I}"}}
  G: {Type: AWS::Serverless::Function, Properties: {CodeUri: ., Handler: bootstrap, Runtime: provided.al2023}}
`, "S may not invoke G"},
	"response of no route": {socket("a: {FunctionArn: !GetAtt F.Arn}") + "  R: {Type: AWS::ApiGatewayV2::RouteResponse, Properties: {ApiId: !Ref S, RouteId: !Ref F, RouteResponseKey: $default}}\n", "is no route of S"},
	"globals":              {"Globals: {Function: {Layer: []}}\n" + function("Timeout: 3"), `t.yaml:1: Globals.Function.Layer: unknown property "Layer"`},
	"globals section":      {"Globals: {SimpleTable: {}}\n" + function("Timeout: 3"), `unknown property "SimpleTable" of Globals`},
}

// function is a template with one function.
func function(property string) string {
	return "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: ./f\n      Runtime: provided.al2023\n      " + property + "\n"
}

// socket is a template with one function and a WebSocket API.
func socket(route string) string {
	return function("Handler: bootstrap") + "  S:\n    Type: AWS::Serverless::WebSocketApi\n    Properties:\n      RouteSelectionExpression: $request.body.action\n      Routes:\n        " + route + "\n"
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	for name, c := range wrong {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := Parse("t.yaml", []byte(c.source), Options{})
			if err == nil {
				t.Fatalf("no error, but a plan: %+v", plan)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error:\n%v\nlacks:\n%s", err, c.want)
			}
			var errs Errors
			if !errors.As(err, &errs) || errs[0].Line == 0 {
				t.Errorf("an error without a line: %v", err)
			}
		})
	}
}

func TestAllErrorsAreCollected(t *testing.T) {
	t.Parallel()
	_, err := Parse("t.yaml", []byte("Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {Foo: 1}}\n  B: {Type: AWS::No::Such}\n  C: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref X, DelaySeconds: 901}}\n"), Options{})
	var errs Errors
	if !errors.As(err, &errs) || len(errs) != 4 {
		t.Fatalf("want 4 errors, got:\n%v", err)
	}
	for i, line := range []int{2, 3, 4, 4} {
		if errs[i].Line != line {
			t.Errorf("error %d is in line %d, want %d: %v", i, errs[i].Line, line, errs[i])
		}
	}
}

func TestUndeclaredOverride(t *testing.T) {
	t.Parallel()
	_, err := Parse("t.yaml", []byte("Parameters: {A: {Type: String, Default: a}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n"), Options{Parameters: map[string]string{"B": "x"}})
	if err == nil || !strings.Contains(err.Error(), `parameter "B" is not declared`) {
		t.Fatalf("error %v", err)
	}
}

func TestDynamicReference(t *testing.T) {
	t.Parallel()
	opts := Options{Dynamic: func(reference string) (string, bool) { return "from-" + reference, reference == "ssm:/x" }}
	plan, err := Parse("t.yaml", []byte("Resources: {Q: {Type: AWS::SQS::Queue}}\nOutputs: {O: {Value: 'a {{resolve:ssm:/x}} b'}}\n"), opts)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Outputs["O"] != "a from-ssm:/x b" {
		t.Errorf("output %q", plan.Outputs["O"])
	}
}

func TestIncludeAndNestedStack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{
		"infra.yaml":  "Resources: {A: {Type: AWS::CloudWatch::Alarm}}\n",
		"queue.yaml":  "Properties: {DelaySeconds: 7}\n",
		"short.yaml":  "Value: !Ref Q\n",
		"running.yml": "Resources: {Q: {Type: AWS::SQS::Queue}}\n",
	}
	for name, content := range files {
		if err := os.WriteFile(dir+"/"+name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source := "Resources:\n  Alarms: {Type: AWS::Serverless::Application, Properties: {Location: infra.yaml, Parameters: {Q: !Ref Q}}}\n  Q:\n    Type: AWS::SQS::Queue\n    Fn::Transform: {Name: AWS::Include, Parameters: {Location: queue.yaml}}\n"
	plan, err := Parse(dir+"/t.yaml", []byte(source), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Queues[0].Delay.Seconds() != 7 {
		t.Errorf("the included delay is lost: %+v", plan.Queues[0])
	}
	if strings.Join(plan.Skipped, " ") != "Alarms.A Alarms" {
		t.Errorf("skipped: %v", plan.Skipped)
	}
	_, err = Parse(dir+"/t.yaml", []byte(strings.Replace(source, "infra.yaml", "running.yml", 1)), Options{})
	if err == nil || !strings.Contains(err.Error(), "a nested stack may hold only") {
		t.Errorf("a queue in a nested stack: %v", err)
	}
	_, err = Parse(dir+"/t.yaml", []byte(source+"Outputs: {O: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: short.yaml}}}}\n"), Options{})
	if err == nil || !strings.Contains(err.Error(), "short.yaml:1: Value: AWS::Include does not support the short form of Ref") {
		t.Errorf("a short form in an include: %v", err)
	}
}

// TestRawSocketAPI reads the form that all older samples have, with a Deployment.
func TestRawSocketAPI(t *testing.T) {
	t.Parallel()
	source := function("Handler: bootstrap") + `  S: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: s, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}}
  I: {Type: AWS::ApiGatewayV2::Integration, Properties: {ApiId: !Ref S, IntegrationType: AWS_PROXY, IntegrationUri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"}}
  R: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref S, RouteKey: send, RouteResponseSelectionExpression: $default, Target: !Join [/, [integrations, !Ref I]]}}
  RR: {Type: AWS::ApiGatewayV2::RouteResponse, Properties: {ApiId: !Ref S, RouteId: !Ref R, RouteResponseKey: $default}}
  D: {Type: AWS::ApiGatewayV2::Deployment, DependsOn: R, Properties: {ApiId: !Ref S}}
  St: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref S, StageName: prod, DeploymentId: !Ref D}}
  P: {Type: AWS::Lambda::Permission, Properties: {Action: lambda:InvokeFunction, FunctionName: !Ref F, Principal: apigateway.amazonaws.com}}
`
	plan, err := Parse("t.yaml", []byte(source), Options{})
	if err != nil {
		t.Fatal(err)
	}
	api := plan.Sockets[0]
	if api.Stage != "prod" || len(api.Routes) != 1 || !api.Routes[0].TwoWay || api.Routes[0].Function != "F" {
		t.Errorf("api %+v", api)
	}
	for _, half := range []string{"  RR: {", ", RouteResponseSelectionExpression: $default"} {
		cut := strings.Replace(source, half, map[bool]string{true: "  XX: {Condition: Never, ", false: ""}[half == "  RR: {"], 1)
		plan, err := Parse("t.yaml", []byte("Conditions: {Never: !Equals [a, b]}\n"+cut), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if plan.Sockets[0].Routes[0].TwoWay || len(plan.Warnings) != 1 {
			t.Errorf("without %q the route must be one-way, with a warning: %+v %v", half, plan.Sockets[0].Routes[0], plan.Warnings)
		}
	}
}

// A visibility timeout below six times the function's is warned of, unless the queue's Metadata gives the reason.
func TestShortVisibilityWithAReason(t *testing.T) {
	t.Parallel()
	source := function("Timeout: 6\n      Events: {E: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn}}}") +
		"  Q: {Type: AWS::SQS::Queue, %sProperties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt D.Arn, maxReceiveCount: 3}, VisibilityTimeout: 6}}\n" +
		"  D: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600}}\n"
	for metadata, warnings := range map[string]int{"": 1, "Metadata: {ShortVisibility: ''}, ": 1, "Metadata: {ShortVisibility: why}, ": 0} {
		plan, err := Parse("t.yaml", []byte(strings.Replace(source, "%s", metadata, 1)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Warnings) != warnings {
			t.Errorf("%q: %v", metadata, plan.Warnings)
		}
	}
}
