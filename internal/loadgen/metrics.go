package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"conch/token"
)

// ErrMetrics is wrapped by the error for a node whose metrics cannot be read.
var ErrMetrics = errors.New("metrics")

const (
	// metricsPatience is how long a node may take to tell its metrics.
	metricsPatience = 5 * time.Second
	// maxMetricsBytes bounds what is read of an answer.
	maxMetricsBytes = 16 << 20
)

// NewMeter returns a Meter that reads what nodes serve at /metrics, at each HOST:PORT. It
// fails too when a node has been started anew since the last reading, which counts from
// zero. Its errors wrap [ErrMetrics]. One goroutine at a time may use it.
func NewMeter(addresses []string) Meter {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: metricsPatience}
	last := make([]Counts, len(addresses))
	return func(ctx context.Context) (Counts, error) {
		var sum Counts
		for i, address := range addresses {
			c, err := scrape(ctx, client, address)
			if err != nil {
				return Counts{}, fmt.Errorf("%w: of the node at %s: %w", ErrMetrics, address, err)
			}
			if c.Grants < last[i].Grants || c.Messages < last[i].Messages {
				return Counts{}, fmt.Errorf("%w: the node at %s was started anew, and counts from zero", ErrMetrics, address)
			}
			last[i] = c
			sum.Messages += c.Messages
			sum.Grants += c.Grants
			sum.Processor += c.Processor
		}
		return sum, nil
	}
}

// scrape reads the metrics of one node.
func scrape(ctx context.Context, client *http.Client, address string) (Counts, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return Counts{}, err
	}
	request.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	response, err := client.Do(request)
	if err != nil {
		return Counts{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Counts{}, fmt.Errorf("got %s from %s, want 200", response.Status, request.URL)
	}
	return readCounts(io.LimitReader(response.Body, maxMetricsBytes))
}

// readCounts finds in the metrics of a node what is needed of them.
func readCounts(text io.Reader) (Counts, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return Counts{}, err
	}
	const messages, grants, processor = "conch_messages_total", "conch_grants_total", "process_cpu_seconds_total"
	if families[messages] == nil {
		return Counts{}, fmt.Errorf("there is no %s; want the --http address of a node of conch", messages)
	}
	kinds := []string{token.Request.String(), token.TokenMessage.String()}
	c := Counts{Processor: math.NaN()}
	for _, m := range families[messages].GetMetric() {
		for _, label := range m.GetLabel() {
			if label.GetName() == "kind" && slices.Contains(kinds, label.GetValue()) {
				c.Messages += m.GetCounter().GetValue()
			}
		}
	}
	for _, m := range families[grants].GetMetric() { // none, before the first one
		c.Grants += m.GetCounter().GetValue()
	}
	for _, m := range families[processor].GetMetric() {
		c.Processor = m.GetCounter().GetValue()
	}
	return c, nil
}
