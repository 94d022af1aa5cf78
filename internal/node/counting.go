package node

import (
	"cmp"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"conch/broadcast"
	"conch/hosts"
	"conch/internal/admission"
	"conch/internal/metrics"
)

// counting is a node's metrics, and where they are registered. The zero value counts
// nothing.
type counting struct {
	registerer prometheus.Registerer
	metrics    *metrics.Metrics
}

func newCounting(registerer prometheus.Registerer, members hosts.Members, version string) counting {
	if registerer == nil {
		return counting{}
	}
	return counting{registerer, metrics.New(members.Addresses, members.Self, cmp.Or(version, "unknown"))}
}

// observer is what the driver tells its events; nil if nothing counts them.
func (c counting) observer() broadcast.Observer {
	if c.metrics == nil {
		return nil
	}
	return c.metrics
}

// showLog adds the log's missing lines, if somebody can report them.
func (c counting) showLog(loss func() (lines uint64, now error)) {
	if c.metrics != nil && loss != nil {
		c.metrics.ShowLog(loss)
	}
}

// register registers the metrics.
func (c counting) register(driver *broadcast.Driver, control *admission.Control) error {
	if c.metrics == nil {
		return nil
	}
	c.metrics.ShowState(driver)
	c.metrics.ShowAdmission(control.Counts)
	if err := c.registerer.Register(c.metrics); err != nil {
		return fmt.Errorf("%w: Metrics: %w", ErrConfig, err)
	}
	return nil
}

// unregister removes them.
func (c counting) unregister() {
	if c.metrics != nil {
		c.registerer.Unregister(c.metrics)
	}
}
