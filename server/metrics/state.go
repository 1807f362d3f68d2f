package metrics

import (
	"context"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "nightlatch"

// messagesMost is where messages that wait are no longer counted, and scrapeWithin how long a scrape may wait for the
// database.
const (
	messagesMost = 1000
	scrapeWithin = 2 * time.Second
)

// state is what is read at each scrape.
type state struct {
	sources Sources
	desc    map[string]*prometheus.Desc // by name
}

// described are the metrics that are read and not counted.
var described = [...]struct{ name, help, labels string }{
	{"build_info", "What was built, and with what. Always 1.", "version go"},
	{"messages_waiting", "Messages to owners that are to be sent now, or again after a failure; at most 1000.", ""},
	{"lost_records", "Records that need a key which is not in the key ring, counted at start and when the ring has other keys.", ""},
	{"hashes_running", "Password hashes that are being computed.", ""},
	{"hashes_waiting", "Password hashes that wait for their turn.", ""},
	{"hashes_total", "Turns that were given to compute a password hash.", ""},
	{"hashes_refused_total", "Requests that found the queue of password hashes full (503).", ""},
	{"pool_connections_max", "The most connections to the database; 0 is no limit.", "pool"},
	{"pool_connections_open", "Connections to the database.", "pool"},
	{"pool_connections_in_use", "Connections to the database that are in use.", "pool"},
	{"pool_waits_total", "How often somebody waited for a connection.", "pool"},
	{"pool_wait_seconds_total", "How long that took in all.", "pool"},
}

func newState(sources Sources) state {
	s := state{sources, map[string]*prometheus.Desc{}}
	for _, d := range described {
		s.desc[d.name] = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", d.name), d.help, strings.Fields(d.labels), nil)
	}
	return s
}

// Describe is as in prometheus.Collector.
func (s state) Describe(to chan<- *prometheus.Desc) {
	for _, d := range s.desc {
		to <- d
	}
}

// Collect is as in prometheus.Collector. What cannot be read is left out.
func (s state) Collect(to chan<- prometheus.Metric) {
	set := func(name string, v float64, labels ...string) {
		kind := prometheus.GaugeValue
		if strings.HasSuffix(name, "_total") {
			kind = prometheus.CounterValue
		}
		to <- prometheus.MustNewConstMetric(s.desc[name], kind, v, labels...)
	}
	set("build_info", 1, s.sources.Version, runtime.Version())
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	if n, err := s.sources.Messages(ctx, messagesMost); err == nil {
		set("messages_waiting", float64(n))
	}
	set("lost_records", float64(s.sources.Lost()))
	load := s.sources.Load()
	set("hashes_running", float64(load.Running))
	set("hashes_waiting", float64(load.Waiting))
	set("hashes_total", float64(load.Served))
	set("hashes_refused_total", float64(load.Refused))
	for _, p := range s.sources.Pools() {
		set("pool_connections_max", float64(p.Stats.MaxOpenConnections), p.Name)
		set("pool_connections_open", float64(p.Stats.OpenConnections), p.Name)
		set("pool_connections_in_use", float64(p.Stats.InUse), p.Name)
		set("pool_waits_total", float64(p.Stats.WaitCount), p.Name)
		set("pool_wait_seconds_total", p.Stats.WaitDuration.Seconds(), p.Name)
	}
}
