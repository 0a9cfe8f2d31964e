package template

import (
	"slices"
	"strings"
)

// httpEvent notes an HttpApi event: its API is expanded when all functions have been seen.
func (x *expander) httpEvent(function, id string, props *node) {
	o := x.l.object(props, "an HttpApi event")
	api := o.get("ApiId")
	e := httpEvent{function: function, id: id, place: props, method: strings.ToUpper(o.str("Method", "ANY")), path: o.str("Path", "$default"), timeout: o.get("TimeoutInMillis")}
	if v := o.str("PayloadFormatVersion", "2.0"); v != "2.0" {
		x.l.fail(props, "PayloadFormatVersion %s is not supported by the local stack", v)
	}
	o.refuse("Auth", "authorizers of HTTP APIs are not supported by the local stack: authorize in the function")
	o.drop("RouteSettings", "Stage")
	o.done()
	switch {
	case api == nil:
		x.l.fail(props, "ApiId is needed: SAM's implicit HTTP API is not supported")
	case api.kind == intrinsic && api.fn == "Ref" && api.arg.isText():
		x.implicit[api.arg.text] = append(x.implicit[api.arg.text], e)
	default:
		x.l.fail(api, "ApiId must be a Ref to an AWS::Serverless::HttpApi")
	}
}

// httpAPI notes an AWS::Serverless::HttpApi.
func (x *expander) httpAPI(r *resource, props *node) {
	r.props = props
	x.apis = append(x.apis, r)
}

// expandHTTP expands an AWS::Serverless::HttpApi to an API whose OpenAPI body holds the routes of all functions.
func (x *expander) expandHTTP(r *resource) {
	place := r.props
	o := x.l.object(place, samHTTPAPI)
	for _, name := range []string{"DefinitionBody", "DefinitionUri"} {
		o.refuse(name, "the local stack reads the routes of an HTTP API from the functions' events only")
	}
	o.refuse("Auth", "authorizers of HTTP APIs are not supported by the local stack: authorize in the function")
	stage := o.get("StageName")
	if stage == nil {
		stage = place.str("$default")
	}
	paths := x.paths(x.implicit[r.id])
	cors := x.cors(o.get("CorsConfiguration"))
	x.l.add(&resource{id: r.id, typ: typeAPI, place: r.place, depends: r.depends,
		props: build(place, "Body", build(place, "openapi", place.str("3.0.1"), "paths", paths, "x-amazon-apigateway-cors", cors))})
	id := r.id + "Stage"
	switch {
	case stage.isText() && !stage.computed && stage.text == "$default":
		id = r.id + "ApiGatewayDefaultStage"
	case stage.isText() && !stage.computed:
		id = r.id + stage.text + "Stage"
	}
	x.l.derived[r.id+".Stage"] = id
	x.l.generate(id, typeStage, build(place, "ApiId", place.ref(r.id), "StageName", stage, "AutoDeploy", place.flag(true),
		"DefaultRouteSettings", o.get("DefaultRouteSettings"), "RouteSettings", o.get("RouteSettings"),
		"StageVariables", o.get("StageVariables"), "AccessLogSettings", o.get("AccessLogSettings")))
	o.drop("Name", "Description", "Tags", "PropagateTags", "Domain", "DisableExecuteApiEndpoint", "FailOnWarnings")
	o.done()
	x.httpPermissions(r, x.implicit[r.id])
}

// paths makes the OpenAPI paths of an API's routes.
func (x *expander) paths(events []httpEvent) *node {
	made := &node{kind: dict}
	for _, e := range events {
		method := strings.ToLower(e.method)
		if method == "any" {
			method = "x-amazon-apigateway-any-method"
		}
		function := x.invokedARN(e.place, e.function)
		integration := build(e.place, "httpMethod", e.place.str("POST"), "type", e.place.str("aws_proxy"),
			"uri", invocationURI(function), "payloadFormatVersion", e.place.str("2.0"), "timeoutInMillis", e.timeout)
		operation := entry{method, e.place.line, build(e.place, "x-amazon-apigateway-integration", integration, "responses", e.place.at(dict))}
		i := slices.IndexFunc(made.keys, func(k entry) bool { return k.name == e.path })
		if i < 0 {
			made.keys = append(made.keys, entry{e.path, e.place.line, e.place.at(dict)})
			i = len(made.keys) - 1
		}
		if made.keys[i].val.get(method) != nil {
			x.l.fail(e.place, "%s %s is declared twice", e.method, e.path)
			continue
		}
		made.keys[i].val.keys = append(made.keys[i].val.keys, operation)
	}
	return made
}

// httpPermissions grants each event of its own, except that a $default route covers all others of its function.
func (x *expander) httpPermissions(r *resource, events []httpEvent) {
	covered := map[string]bool{}
	for _, e := range events {
		if e.path == "$default" && e.method == "ANY" {
			covered[e.function] = true
		}
	}
	for _, e := range events {
		method, path := e.method, strings.TrimSuffix(e.path, "/")
		if method == "ANY" {
			method = "*"
		}
		if e.path == "$default" {
			path = ""
		} else if covered[e.function] {
			continue
		}
		x.permission(e.id+"Permission", x.invoked(e.place, e.function), e.place, e.place.fnNode("Fn::Sub", e.place.seq(
			e.place.str("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/${Route}"),
			build(e.place, "Api", e.place.ref(r.id), "Route", e.place.str(method+path)))))
	}
}

// cors turns SAM's CorsConfiguration into the extension of OpenAPI.
func (x *expander) cors(n *node) *node {
	if n == nil {
		return nil
	}
	if n.isText() {
		if n.text == "true" {
			return build(n, "allowOrigins", n.seq(n.str("*")))
		}
		return nil
	}
	o := x.l.object(n, "CorsConfiguration")
	made := n.at(dict)
	for _, name := range []string{"AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders", "MaxAge", "AllowCredentials"} {
		made = made.with(strings.ToLower(name[:1])+name[1:], o.get(name))
	}
	o.done()
	return made
}
