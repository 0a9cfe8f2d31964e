package meter

// Price is one line of the price table.
type Price struct {
	ID   string  `json:"id"`
	Unit string  `json:"unit"` // what USD buys
	USD  float64 `json:"usd"`
	Per  float64 `json:"per"` // how many units USD buys
	// Date is when the price was last looked at, Source where. Reread marks prices that come from others' pages or from
	// memory, and must be read on AWS's own page before a figure that rests on them is published.
	Date   string `json:"date"`
	Source string `json:"source"`
	Reread bool   `json:"reread,omitempty"`
}

// of is the price of n units.
func (p Price) of(n float64) float64 { return n * p.USD / p.Per }

// The ids of the price table.
const (
	socketMessages    = "websocket.messages"
	connectionMinutes = "websocket.minutes"
	lambdaRequests    = "lambda.requests"
	lambdaTime        = "lambda.gbseconds"
	dynamoWrites      = "dynamodb.writes"
	dynamoReads       = "dynamodb.reads"
	sqsStandard       = "sqs.standard"
	sqsFIFO           = "sqs.fifo"
	logBytes          = "logs.ingested"
	egressBytes       = "egress"
	httpRequests      = "httpapi.requests"
	alarmMonths       = "cloudwatch.alarms"
	schedulerCalls    = "scheduler.invocations"
)

const gigabyte = 1 << 30

// Prices is the one price table: list prices of us-east-1 in US dollars, first tier, without any free tier. Prices
// change rarely; a new one is entered here and nowhere else.
func Prices() []Price {
	const (
		date   = "2026-11-23"
		third  = "third-party pages of 2025 and 2026 (awsforengineers.com, logicata.com, cloudchipr.com), not AWS's own"
		memory = "from memory of the AWS price page"
	)
	return []Price{
		{ID: socketMessages, Unit: "WebSocket messages of up to 32 KB, either way", USD: 1, Per: 1e6, Date: date, Source: third, Reread: true},
		{ID: connectionMinutes, Unit: "WebSocket connection minutes", USD: 0.25, Per: 1e6, Date: date, Source: third, Reread: true},
		{ID: lambdaRequests, Unit: "Lambda requests", USD: 0.20, Per: 1e6, Date: date, Source: third, Reread: true},
		{ID: lambdaTime, Unit: "GB-seconds, arm64, in steps of 1 ms", USD: 0.0000133334, Per: 1, Date: date, Source: third, Reread: true},
		{ID: dynamoWrites, Unit: "write request units, on demand", USD: 0.625, Per: 1e6, Date: date, Source: "AWS agent-toolkit, calculate_costs.py (prices since November 2024)"},
		{ID: dynamoReads, Unit: "read request units, on demand", USD: 0.125, Per: 1e6, Date: date, Source: "AWS agent-toolkit, calculate_costs.py (prices since November 2024)"},
		{ID: sqsStandard, Unit: "requests of up to 64 KB, standard queues", USD: 0.40, Per: 1e6, Date: date, Source: memory, Reread: true},
		{ID: sqsFIFO, Unit: "requests of up to 64 KB, FIFO queues", USD: 0.50, Per: 1e6, Date: date, Source: memory, Reread: true},
		{ID: logBytes, Unit: "GB of logs ingested", USD: 0.50, Per: 1, Date: date, Source: memory, Reread: true},
		{ID: egressBytes, Unit: "GB of data out to the internet", USD: 0.09, Per: 1, Date: date, Source: third, Reread: true},
		{ID: httpRequests, Unit: "HTTP API requests of up to 512 KB", USD: 1, Per: 1e6, Date: date, Source: memory, Reread: true},
		{ID: alarmMonths, Unit: "CloudWatch alarms of standard resolution, a month", USD: 0.10, Per: 1, Date: date, Source: memory, Reread: true},
		{ID: schedulerCalls, Unit: "schedule invocations", USD: 1, Per: 1e6, Date: date, Source: memory, Reread: true},
	}
}

// priceByID indexes the table.
func priceByID() map[string]Price {
	made := map[string]Price{}
	for _, p := range Prices() {
		made[p.ID] = p
	}
	return made
}
