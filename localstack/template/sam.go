package template

import (
	"regexp"
	"strings"
)

// expander turns SAM's resources into the CloudFormation resources that the SAM translator makes of them, with the
// logical ids that it gives, since other resources of a template refer to those. What it generates beyond that
// (versions, deployments, CodeDeploy) has no effect locally and no id that one could foresee, and is left out.
type expander struct {
	l *loader
	// implicit collects the routes of HTTP APIs, which functions declare, by the API's logical id.
	implicit map[string][]httpEvent
	apis     []*resource
}

// httpEvent is an HttpApi event of a function.
type httpEvent struct {
	function, id string
	place        *node
	method, path string
	timeout      *node
}

// finish expands what needs all functions to have been seen.
func (x *expander) finish() {
	for _, api := range x.apis {
		x.expandHTTP(api)
		delete(x.implicit, api.id)
	}
	for id, events := range x.implicit {
		x.l.fail(events[0].place, "ApiId: there is no AWS::Serverless::HttpApi %q", id)
	}
}

// build makes a dict at the place of n from keys and values in turn; nil values are left out.
func build(n *node, pairs ...any) *node {
	made := n.at(dict)
	for i := 0; i < len(pairs); i += 2 {
		if v, _ := pairs[i+1].(*node); v != nil {
			made.keys = append(made.keys, entry{pairs[i].(string), v.line, v})
		}
	}
	return made
}

// invocationURI is the form in which API Gateway names a function.
func invocationURI(function *node) *node {
	return function.fnNode("Fn::Sub", function.seq(
		function.str("arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${FunctionArn}/invocations"),
		build(function, "FunctionArn", function)))
}

var alphanumeric = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// routeID is the middle of the logical ids of a route, as SAM forms it: sendMessage → Sendmessage.
func (x *expander) routeID(key string, place *node) string {
	clean := strings.TrimPrefix(key, "$")
	special := key == "$connect" || key == "$disconnect" || key == "$default"
	if !special && !alphanumeric.MatchString(key) {
		x.l.fail(place, "SAM allows only letters and digits in a route key, beside $connect, $disconnect and $default")
	}
	if clean == "" {
		return ""
	}
	return strings.ToUpper(clean[:1]) + strings.ToLower(clean[1:])
}

// socketAPI expands an AWS::Serverless::WebSocketApi.
func (x *expander) socketAPI(r *resource, props *node) {
	o := x.l.object(props, samSocketAPI)
	selection := o.need("RouteSelectionExpression")
	x.l.add(&resource{id: r.id, typ: typeAPI, place: r.place, depends: r.depends, props: build(props,
		"Name", props.str(r.id), "ProtocolType", props.str("WEBSOCKET"), "RouteSelectionExpression", selection)})
	stage := o.get("StageName")
	if stage == nil {
		stage = props.str("default")
	}
	x.routes(r, o, stage)
	x.stage(r, o, stage)
	o.drop("Name", "Description", "Tags", "PropagateTags", "DisableExecuteApiEndpoint", "IpAddressType", "FailOnWarnings", "Domain",
		"ApiKeySelectionExpression", "DisableSchemaValidation")
	o.done()
}

// stage generates the stage. Its id holds the stage's name only when the template spells that out.
func (x *expander) stage(r *resource, o *object, stage *node) {
	id := r.id + "Stage"
	switch {
	case stage.isText() && stage.text == "$default":
		x.l.fail(stage, "a WebSocket stage cannot be named $default")
	case stage.isText() && stage.text == "default" && !stage.computed:
		id = r.id + "DefaultStage"
	case stage.isText() && !stage.computed:
		id = r.id + stage.text + "Stage"
	}
	x.l.derived[r.id+".Stage"] = id
	x.l.generate(id, typeStage, build(o.n, "ApiId", o.n.ref(r.id), "StageName", stage, "AutoDeploy", o.n.flag(true),
		"DefaultRouteSettings", o.get("DefaultRouteSettings"), "RouteSettings", o.get("RouteSettings"),
		"StageVariables", o.get("StageVariables"), "AccessLogSettings", o.get("AccessLogSettings")))
}

func (x *expander) routes(r *resource, o *object, stage *node) {
	routes := x.l.object(o.need("Routes"), "Routes")
	auth := x.authorizer(r, o.get("Auth"), routes)
	lines := map[string]string{}
	for _, e := range routes.n.keys {
		middle := x.routeID(e.name, e.val)
		if other, taken := lines[middle]; taken {
			x.l.fail(e.val, "routes %q and %q have the same logical ids in SAM", other, e.name)
			continue
		}
		lines[middle] = e.name
		x.route(r, r.id+middle, e, stage, auth)
	}
}

func (x *expander) route(r *resource, base string, e entry, stage, auth *node) {
	spec := x.l.object(e.val, "a route")
	function, api := spec.need("FunctionArn"), e.val.ref(r.id)
	props := build(e.val, "ApiId", api, "RouteKey", e.val.str(e.name),
		"RouteResponseSelectionExpression", spec.get("RouteResponseSelectionExpression"),
		"Target", e.val.fnNode("Fn::Join", e.val.seq(e.val.str("/"), e.val.seq(e.val.str("integrations"), e.val.ref(base+"Integration")))))
	if e.name == "$connect" && auth != nil {
		props = props.with("AuthorizationType", e.val.str("CUSTOM")).with("AuthorizerId", auth)
	}
	for _, name := range []string{"ApiKeyRequired", "ModelSelectionExpression", "RequestModels", "RequestParameters"} {
		props = props.with(name, spec.get(name))
	}
	timeout := spec.get("IntegrationTimeout")
	spec.drop("OperationName")
	spec.done()
	if function == nil {
		return
	}
	x.l.generate(base+"Route", typeRoute, props)
	x.l.generate(base+"Integration", typeIntegration, build(e.val, "ApiId", api, "IntegrationType", e.val.str("AWS_PROXY"),
		"IntegrationUri", invocationURI(function), "TimeoutInMillis", timeout))
	x.permission(base+"Permission", function, api, e.val.fnNode("Fn::Sub", e.val.seq(
		e.val.str("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/${Stage}/"+e.name),
		build(e.val, "Api", api, "Stage", stage))))
}

// permission lets API Gateway invoke a function.
func (x *expander) permission(id string, function, place, source *node) {
	x.l.generate(id, typePermission, build(place, "Action", place.str("lambda:InvokeFunction"), "FunctionName", function,
		"Principal", place.str("apigateway.amazonaws.com"), "SourceArn", source))
}

// authorizer expands Auth and returns a reference to the authorizer, or nil.
func (x *expander) authorizer(r *resource, auth *node, routes *object) *node {
	if auth == nil {
		return nil
	}
	o := x.l.object(auth, "Auth")
	kind := o.needStr("AuthType")
	if kind == "AWS_IAM" || (kind != "CUSTOM" && kind != "NONE") {
		x.l.fail(auth, "AuthType must be CUSTOM or NONE; AWS_IAM is not supported locally")
	}
	if routes.n.get("$connect") == nil {
		x.l.fail(auth, "Auth needs a $connect route")
	}
	if kind != "CUSTOM" {
		o.done()
		return nil
	}
	function, name := o.need("AuthArn"), o.get("Name")
	identity := o.get("IdentitySource")
	o.refuse("InvokeRole", "InvokeRole is not supported: leave it out and SAM grants the permission")
	o.done()
	if function == nil {
		return nil
	}
	id := r.id + "ConnectAuthorizer"
	if name == nil {
		name = auth.str(id)
	}
	x.l.generate(id, typeAuthorizer, build(auth, "ApiId", auth.ref(r.id), "AuthorizerType", auth.str("REQUEST"), "Name", name,
		"AuthorizerUri", invocationURI(function), "IdentitySource", identity))
	x.permission(r.id+"AuthorizerPermission", function, auth, auth.fnNode("Fn::Sub", auth.str(
		"arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${"+r.id+"}/authorizers/*")))
	return auth.ref(id)
}
