// Command connect answers the $connect route. It needs no AWS service and no configuration.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	handler := &wsauth.Connect{Log: slog.New(slog.NewJSONHandler(os.Stdout, nil))}
	lambda.Start(handler.Handle)
}
