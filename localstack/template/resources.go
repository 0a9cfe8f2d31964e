package template

import (
	"path/filepath"
	"regexp"
	"strings"
)

// Resource types that the loader reads.
const (
	typeTable         = "AWS::DynamoDB::Table"
	typeQueue         = "AWS::SQS::Queue"
	typeFunction      = "AWS::Lambda::Function"
	typeMapping       = "AWS::Lambda::EventSourceMapping"
	typePermission    = "AWS::Lambda::Permission"
	typeAlias         = "AWS::Lambda::Alias"
	typeVersion       = "AWS::Lambda::Version"
	typeRole          = "AWS::IAM::Role"
	typeRule          = "AWS::Events::Rule"
	typeSchedule      = "AWS::Scheduler::Schedule"
	typeAPI           = "AWS::ApiGatewayV2::Api"
	typeRoute         = "AWS::ApiGatewayV2::Route"
	typeRouteResponse = "AWS::ApiGatewayV2::RouteResponse"
	typeIntegration   = "AWS::ApiGatewayV2::Integration"
	typeAuthorizer    = "AWS::ApiGatewayV2::Authorizer"
	typeStage         = "AWS::ApiGatewayV2::Stage"
	typeDeployment    = "AWS::ApiGatewayV2::Deployment"

	samFunction  = "AWS::Serverless::Function"
	samSocketAPI = "AWS::Serverless::WebSocketApi"
	samHTTPAPI   = "AWS::Serverless::HttpApi"
	samNested    = "AWS::Serverless::Application"
	nestedStack  = "AWS::CloudFormation::Stack"
)

var readTypes = set(typeTable, typeQueue, typeFunction, typeMapping, typePermission, typeAlias, typeVersion, typeRole, typeRule,
	typeSchedule, typeAPI, typeRoute, typeRouteResponse, typeIntegration, typeAuthorizer, typeStage, typeDeployment)

// skippedTypes only matter on AWS: they watch, name or protect what the stack runs, and take no part in it.
var skippedTypes = set(
	"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Dashboard", "AWS::CloudWatch::AnomalyDetector",
	"AWS::Logs::LogGroup", "AWS::Logs::MetricFilter", "AWS::Logs::SubscriptionFilter", "AWS::Logs::ResourcePolicy", "AWS::Logs::QueryDefinition",
	"AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription",
	"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::SSM::Parameter", "AWS::SecretsManager::Secret",
	"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup", "AWS::CodeDeploy::DeploymentConfig",
	"AWS::ApiGateway::Account", "AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping",
	"AWS::Route53::RecordSet", "AWS::Route53::RecordSetGroup", "AWS::CertificateManager::Certificate",
	"AWS::KMS::Key", "AWS::KMS::Alias", "AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation",
	"AWS::XRay::Group", "AWS::XRay::SamplingRule", "AWS::Budgets::Budget", "AWS::ResourceGroups::Group",
	"AWS::Lambda::EventInvokeConfig", "AWS::SQS::QueuePolicy", "AWS::Backup::BackupPlan", "AWS::Backup::BackupVault", "AWS::Backup::BackupSelection",
)

func set(names ...string) map[string]bool {
	made := make(map[string]bool, len(names))
	for _, name := range names {
		made[name] = true
	}
	return made
}

var logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

// readResources expands SAM's resources and registers all of them.
func (l *loader) readResources(root *node) {
	globals := l.readGlobals(root.get("Globals"))
	section := l.object(root.get("Resources"), "Resources")
	if len(section.n.keys) == 0 {
		l.fail(section.n, "a template needs Resources")
	}
	sam := &expander{l: l, implicit: map[string][]httpEvent{}}
	for _, e := range section.n.keys {
		l.readResource(e, globals, sam)
	}
	sam.finish()
}

func (l *loader) readResource(e entry, globals map[string]*node, sam *expander) {
	o := l.object(e.val, "a resource")
	typ := o.needStr("Type")
	props := l.reduce(o.n.get("Properties"))
	if props == nil || props.kind == null {
		props = o.n.at(dict)
	}
	o.drop("Properties", "DeletionPolicy", "UpdateReplacePolicy", "Metadata", "UpdatePolicy")
	r := &resource{id: e.name, typ: typ, props: props, place: e.val, depends: o.get("DependsOn"), notes: o.n.get("Metadata")}
	cond := o.get("Condition")
	o.done()
	if !logicalID.MatchString(e.name) {
		l.fail(e.val, "a logical id has only letters and digits")
	}
	if cond != nil && !l.holds(cond) {
		l.absent[e.name] = true
		return
	}
	switch typ {
	case samFunction:
		sam.function(r, merge(globals["Function"], props))
	case samSocketAPI:
		sam.socketAPI(r, merge(globals["WebSocketApi"], props))
	case samHTTPAPI:
		sam.httpAPI(r, merge(globals["HttpApi"], props))
	case samNested, nestedStack:
		l.nested(r)
		l.add(r)
	default:
		if typ != "" && !readTypes[typ] && !skippedTypes[typ] {
			l.fail(o.n.get("Type"), "resource type %q is not supported by the local stack", typ)
			l.unknown[e.name] = true
			return
		}
		l.add(r)
	}
}

// add registers a resource.
func (l *loader) add(r *resource) {
	if other := l.byID[r.id]; other != nil {
		l.fail(r.place, "logical id %s is taken by line %d", r.id, other.place.line)
		return
	}
	l.byID[r.id] = r
	l.resources = append(l.resources, r)
	if r.skipped() {
		l.skip(r.id, r.typ)
	}
}

// skip notes a resource that only matters on AWS.
func (l *loader) skip(id, typ string) {
	l.plan.Skipped = append(l.plan.Skipped, id)
	if typ == "AWS::CloudWatch::Alarm" || typ == "AWS::CloudWatch::CompositeAlarm" {
		l.plan.Alarms++
	}
}

func (r *resource) skipped() bool {
	return skippedTypes[r.typ] || r.typ == samNested || r.typ == nestedStack
}

// generate registers a resource that SAM would generate.
func (l *loader) generate(id, typ string, props *node) {
	l.add(&resource{id: id, typ: typ, props: props, place: props})
}

// readGlobals returns the properties of Globals per kind of resource.
func (l *loader) readGlobals(n *node) map[string]*node {
	made := map[string]*node{}
	o := l.object(n, "Globals")
	for _, name := range []string{"Function", "HttpApi", "WebSocketApi"} {
		if section := o.get(name); section != nil {
			made[name] = l.reduce(l.object(section, "Globals."+name).n)
		}
	}
	o.done()
	return made
}

// merge lays a resource's properties over the global ones by SAM's rules: maps merge, lists are joined, anything
// else is replaced (SAM developer guide, "Globals section: Overridable and additive properties").
func merge(global, local *node) *node {
	switch {
	case global == nil:
		return local
	case local == nil:
		return global
	case global.kind == list && local.kind == list:
		made := *local
		made.item = append(append([]*node(nil), global.item...), local.item...)
		return &made
	case global.kind != dict || local.kind != dict:
		return local
	}
	made := local.at(dict)
	for _, e := range global.keys {
		made.keys = append(made.keys, entry{e.name, e.line, merge(e.val, local.get(e.name))})
	}
	for _, e := range local.keys {
		if global.get(e.name) == nil {
			made.keys = append(made.keys, e)
		}
	}
	return made
}

// nested checks a nested stack: it may hold only what is skipped locally, such as alarms.
func (l *loader) nested(r *resource) {
	o := l.object(r.props, r.typ)
	location := o.str("Location", "")
	if r.typ == nestedStack {
		location = o.str("TemplateURL", "")
	}
	o.drop("Parameters", "Tags", "NotificationARNs", "TimeoutInMinutes")
	o.done()
	if location == "" || strings.Contains(location, "://") {
		l.fail(r.props, "a nested stack must be a local file")
		return
	}
	root := l.readFile(r.props, location)
	if root == nil {
		return
	}
	for _, e := range root.get("Resources").entries() {
		if typ := e.val.get("Type"); typ == nil || !skippedTypes[typ.text] {
			l.fail(e.val, "a nested stack may hold only resources that are skipped locally, such as alarms")
		}
		l.skip(r.id+"."+e.name, e.val.get("Type").scalar(""))
	}
}

func (n *node) entries() []entry {
	if n == nil {
		return nil
	}
	return n.keys
}

// local returns the path of a file that the template at place refers to.
func (l *loader) local(name string) string { return filepath.Join(filepath.Dir(l.path), name) }
