// Breaches prints each SLA breach and each retraction from the topic `lead-sla`, one line each.
//
//	go run . 127.0.0.1:9092 [TOPIC_PREFIX]
//
// It prints an event again if it is stopped between printing and committing: Kafka delivers at
// least once. A reader with a database stores `ce_id` and the result in one transaction instead,
// as docs/consumer.py does.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Breach has the fields of `baton.sla.breached.v1` that are printed. Others are ignored, so that a
// later release can add some.
type Breach struct {
	LeadID      string `json:"lead_id"`
	ClockID     string `json:"clock_id"`
	Target      string `json:"target"`
	Rep         string `json:"rep"`
	DueAt       string `json:"due_at"`
	LateSeconds int64  `json:"late_seconds"`
}

// Retraction has the fields of `baton.sla.retracted.v1` that are printed.
type Retraction struct {
	LeadID  string `json:"lead_id"`
	ClockID string `json:"clock_id"`
}

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: breaches BOOTSTRAP_SERVERS [TOPIC_PREFIX]")
		os.Exit(2)
	}
	prefix := ""
	if len(os.Args) == 3 {
		prefix = os.Args[2]
	}
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := follow(stop, strings.Split(os.Args[1], ","), prefix); err != nil {
		fmt.Fprintln(os.Stderr, "breaches:", err)
		os.Exit(1)
	}
}

// follow reads from where the group stopped, the first time from the start of the topic.
func follow(stop context.Context, brokers []string, prefix string) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ConsumerGroup(prefix+"breaches-in-go"),
		kgo.ConsumeTopics(prefix+"lead-sla"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(stop)
		if stop.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			if err := show(record); err != nil {
				return fmt.Errorf("%s, partition %d, offset %d: %w", record.Topic, record.Partition, record.Offset, err)
			}
		}
		if err := client.CommitUncommittedOffsets(stop); err != nil && stop.Err() == nil {
			return err
		}
	}
}

// show prints one record if its type is known. A release can add types at any time.
func show(record *kgo.Record) error {
	switch header(record, "ce_type") {
	case "baton.sla.breached.v1":
		var breach Breach
		if err := json.Unmarshal(record.Value, &breach); err != nil {
			return err
		}
		fmt.Printf("breach lead=%s rep=%s target=%s due=%s late=%ds\n",
			breach.LeadID, breach.Rep, breach.Target, breach.DueAt, breach.LateSeconds)
	case "baton.sla.retracted.v1":
		var retraction Retraction
		if err := json.Unmarshal(record.Value, &retraction); err != nil {
			return err
		}
		fmt.Printf("retracted lead=%s clock=%s\n", retraction.LeadID, retraction.ClockID)
	}
	return nil
}

func header(record *kgo.Record, name string) string {
	for _, header := range record.Headers {
		if header.Key == name {
			return string(header.Value)
		}
	}
	return ""
}
