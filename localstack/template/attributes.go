package template

import (
	"fmt"
	"regexp"
	"strings"
)

// streamLabel stands where AWS puts the time at which a stream was enabled.
const streamLabel = "2026-01-01T00:00:00.000"

// find looks a resource up for a reference; the problem says why there is none.
func (l *loader) find(id string) (*resource, string) {
	if generated, ok := l.derived[id]; ok {
		id = generated
	}
	r := l.byID[id]
	switch {
	case r != nil:
		return r, ""
	case l.absent[id]:
		return nil, fmt.Sprintf("resource %s does not exist, since its Condition does not hold", id)
	case l.unknown[id]:
		return nil, fmt.Sprintf("resource %s is of a type that is not supported", id)
	}
	return nil, fmt.Sprintf("there is no parameter or resource %q", id)
}

// refValue is what Ref returns for a resource, by the "Return values" of its page in the CloudFormation reference.
func (l *loader) refValue(id string) (value, problem string) {
	r, problem := l.find(id)
	if problem != "" {
		return "", problem
	}
	switch r.typ {
	case typeQueue:
		return l.queueURL(l.physical(r)), ""
	case typeAlias, typeVersion:
		return l.qualifiedARN(r), ""
	case typeAPI:
		return apiID(r.id), ""
	case "AWS::SNS::Topic":
		return l.arn("sns", l.physical(r)), ""
	}
	return l.physical(r), ""
}

// attribute is what Fn::GetAtt returns.
func (l *loader) attribute(id, name string) (value, problem string) {
	r, problem := l.find(id)
	if problem != "" {
		return "", problem
	}
	if r.skipped() {
		if strings.HasSuffix(name, "Arn") {
			return l.arn(strings.ToLower(strings.Split(r.typ, "::")[1]), l.physical(r)), ""
		}
		return l.physical(r) + "." + name, ""
	}
	attributes := l.attributes(r)
	if v, ok := attributes[name]; ok {
		return v, ""
	}
	return "", fmt.Sprintf("%s (%s) has no attribute %q", r.id, r.typ, name)
}

// attributes lists what Fn::GetAtt knows of a resource.
func (l *loader) attributes(r *resource) map[string]string {
	name := l.physical(r)
	switch r.typ {
	case typeTable:
		made := map[string]string{"Arn": l.tableARN(name)}
		if r.props.get("StreamSpecification") != nil {
			made["StreamArn"] = l.tableARN(name) + "/stream/" + streamLabel
		}
		return made
	case typeQueue:
		return map[string]string{"Arn": l.arn("sqs", name), "QueueName": name, "QueueUrl": l.queueURL(name)}
	case typeFunction:
		return map[string]string{"Arn": l.functionARN(name)}
	case typeVersion:
		return map[string]string{"Version": "1", "FunctionArn": l.qualifiedARN(r)}
	case typeRole:
		return map[string]string{"Arn": l.roleARN(name), "RoleId": name}
	case typeRule:
		return map[string]string{"Arn": l.arn("events", "rule/"+name)}
	case typeSchedule:
		return map[string]string{"Arn": l.arn("scheduler", "schedule/default/"+name)}
	case typeMapping:
		return map[string]string{"Id": name, "EventSourceMappingArn": l.arn("lambda", "event-source-mapping:"+name)}
	case typeAPI:
		scheme := "https"
		if r.props.get("ProtocolType") != nil && r.props.get("ProtocolType").text == "WEBSOCKET" {
			scheme = "wss"
		}
		return map[string]string{"ApiId": apiID(r.id), "ApiEndpoint": scheme + "://" + l.apiHost(apiID(r.id))}
	case typeRoute, typeIntegration, typeAuthorizer, typeDeployment, typeRouteResponse:
		kind := strings.TrimPrefix(r.typ, "AWS::ApiGatewayV2::")
		return map[string]string{kind + "Id": r.id}
	}
	return nil
}

// nameProperties are the properties that give a resource its name. CloudFormation makes up a name without them.
var nameProperties = map[string]string{
	typeTable: "TableName", typeQueue: "QueueName", typeFunction: "FunctionName", typeRole: "RoleName", typeRule: "Name", typeSchedule: "Name",
	typeStage: "StageName",
}

// physical is a resource's name: its own, else the stack's name and the logical id.
func (l *loader) physical(r *resource) string {
	if r.name != "" {
		return r.name
	}
	named := r.props.get(nameProperties[r.typ])
	switch {
	case strings.HasPrefix(r.typ, "AWS::ApiGatewayV2::") && r.typ != typeStage:
		r.name = r.id
		return r.name
	case named == nil || named.kind == null:
		r.name = l.opts.StackName + "-" + r.id + l.fifoSuffix(r)
		return r.name
	case r.naming:
		l.fail(named, "the name of %s depends on itself", r.id)
		return r.id
	}
	r.naming = true
	v := l.resolve(named)
	r.naming = false
	r.name = l.opts.StackName + "-" + r.id + l.fifoSuffix(r)
	if v.isText() && !v.bad && v.text != "" {
		r.name = v.text
	}
	return r.name
}

// fifoSuffix ends the made-up name of a FIFO queue.
func (l *loader) fifoSuffix(r *resource) string {
	if r.typ != typeQueue {
		return ""
	}
	if fifo := l.reduce(r.props.get("FifoQueue")); fifo.isText() && fifo.text == "true" {
		return ".fifo"
	}
	return ""
}

func (l *loader) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + l.opts.Region + ":" + l.opts.Account + ":" + rest
}

func (l *loader) tableARN(name string) string    { return l.arn("dynamodb", "table/"+name) }
func (l *loader) functionARN(name string) string { return l.arn("lambda", "function:"+name) }
func (l *loader) roleARN(name string) string {
	return "arn:aws:iam::" + l.opts.Account + ":role/" + name
}

func (l *loader) queueURL(name string) string {
	return l.opts.AWSEndpoint + "/" + l.opts.Account + "/" + name
}

// qualifiedARN is the ARN of an alias or version.
func (l *loader) qualifiedARN(r *resource) string {
	qualifier := "1"
	if r.typ == typeAlias {
		if v := l.resolve(r.props.get("Name")); v.isText() {
			qualifier = v.text
		}
	}
	function := l.resolve(r.props.get("FunctionName"))
	if !function.isText() || function.bad {
		return r.id
	}
	if strings.HasPrefix(function.text, "arn:") {
		return function.text + ":" + qualifier
	}
	return l.functionARN(function.text) + ":" + qualifier
}

var notAlphanumeric = regexp.MustCompile(`[^a-z0-9]`)

// apiID is the id of an API: on AWS ten random lower-case letters and digits, here the logical id made lower-case.
func apiID(logicalID string) string {
	return notAlphanumeric.ReplaceAllString(strings.ToLower(logicalID), "")
}

func (l *loader) apiHost(id string) string {
	return id + ".execute-api." + l.opts.Region + ".amazonaws.com"
}

// linkAddresses prepares the replacement of AWS's API addresses by the local ones, in every string of the template.
func (l *loader) linkAddresses() {
	var pairs []string
	taken := map[string]string{}
	for _, r := range l.resources {
		if r.typ != typeAPI {
			continue
		}
		id := apiID(r.id)
		if other, ok := taken[id]; ok {
			l.fail(r.place, "%s and %s get the same API id locally: rename one", other, r.id)
		}
		taken[id] = r.id
		if r.props.get("ProtocolType") != nil && r.props.get("ProtocolType").text == "WEBSOCKET" {
			pairs = append(pairs, "https://"+l.apiHost(id), l.opts.AWSEndpoint)
			if l.opts.SocketURL != "" {
				pairs = append(pairs, "wss://"+l.apiHost(id), l.opts.SocketURL)
			}
		} else if l.opts.HTTPURL != "" {
			pairs = append(pairs, "https://"+l.apiHost(id), l.opts.HTTPURL)
		}
	}
	l.addrs = strings.NewReplacer(pairs...)
}
