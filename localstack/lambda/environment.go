package lambda

import (
	"strconv"
	"strings"
)

// environment is what the child sees: the variables that Lambda defines for a function on an OS-only runtime
// (AWS: "Defined runtime environment variables"), the endpoints of the local services, and the function's own.
// Nothing of the stack's own environment passes through, not even PATH or HOME.
func (p *process) environment() []string {
	o, spec := &p.fn.runner.opts, p.fn.spec
	keys := o.Credentials(p.caller())
	stream := o.Now().UTC().Format("2006/01/02") + "/[$LATEST]" + strings.ReplaceAll(p.token, "/", "")
	env := []string{
		"AWS_LAMBDA_RUNTIME_API=" + p.fn.runner.listener.Addr().String() + pathPrefix + p.token,
		"AWS_LAMBDA_FUNCTION_NAME=" + spec.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(spec.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + spec.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + stream,
		"AWS_LAMBDA_LOG_FORMAT=" + o.LogFormat,
		"AWS_REGION=" + o.Region,
		"AWS_DEFAULT_REGION=" + o.Region,
		"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey,
		"_HANDLER=bootstrap",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
	}
	if keys.SessionToken != "" {
		env = append(env, "AWS_SESSION_TOKEN="+keys.SessionToken)
	}
	for _, service := range []string{"DYNAMODB", "DYNAMODB_STREAMS", "SQS", "S3", "APIGATEWAYMANAGEMENTAPI"} {
		if o.Endpoint != "" {
			env = append(env, "AWS_ENDPOINT_URL_"+service+"="+o.Endpoint)
		}
	}
	for name, value := range spec.Environment {
		env = append(env, name+"="+value)
	}
	return env
}
