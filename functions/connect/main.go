// Command connect answers the $connect route. It needs no AWS service.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/telemetry"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	handler := &wsauth.Connect{Log: telemetry.Logger(config.FromEnvironment())}
	lambda.Start(handler)
}
