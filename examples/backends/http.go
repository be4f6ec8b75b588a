// Publishes over HTTP with the standard library alone: go run http.go <URL of a node> <task> [argument]
// FANFARE_PUBLISH_KEY holds the key.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

type message struct {
	Channel string `json:"channel"`
	Data    any    `json:"data"`
	Key     string `json:"key,omitempty"`
}

type result struct {
	Offset  string `json:"offset"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

var client = http.Client{Timeout: 10 * time.Second}

// userChannel is the channel of a user whose token has this sub, where tokens grant user:${sub}.
func userChannel(sub string) string {
	var escaped strings.Builder
	for _, b := range []byte(sub) {
		if b < 0x80 && strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@+~-", rune(b)) {
			escaped.WriteByte(b)
		} else {
			fmt.Fprintf(&escaped, "=%02X", b)
		}
	}
	return "user:" + escaped.String()
}

// publish stores up to 1,000 messages by one call. With keys it can be repeated: each is stored once within 10 minutes.
func publish(base string, messages []message) ([]string, error) {
	body, err := json.Marshal(map[string]any{"messages": messages})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest("POST", base+"/v1/publish", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("FANFARE_PUBLISH_KEY"))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Results []result `json:"results"`
		Code    string   `json:"code"`
		Detail  string   `json:"detail"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s: %s", answer.Code, answer.Detail)
	}
	offsets := make([]string, 0, len(answer.Results))
	for at, one := range answer.Results {
		if one.Code != "" {
			return offsets, fmt.Errorf("%s: %s: %s", messages[at].Channel, one.Code, one.Message)
		}
		offsets = append(offsets, one.Offset)
	}
	return offsets, nil
}

// everyone sends a message of its own to each of many users, 1,000 by one call.
func everyone(base string, count int) ([]string, error) {
	offsets := make([]string, 0, count)
	for from := 0; from < count; from += 1000 {
		messages := make([]message, 0, 1000)
		for n := from; n < count && n < from+1000; n++ {
			user := strconv.Itoa(n)
			messages = append(messages, message{Channel: userChannel(user), Data: map[string]string{"hello": user}})
		}
		some, err := publish(base, messages)
		if err != nil {
			return offsets, err
		}
		offsets = append(offsets, some...)
	}
	return offsets, nil
}

type row struct {
	ID      int    `json:"id"`
	Channel string `json:"channel"`
	Data    any    `json:"data"`
}

// relay publishes up to 1,000 rows of an outbox, in their order: as often as it is repeated, each is stored once. Delete them after it.
func relay(base string, rows []row) ([]string, error) {
	messages := make([]message, 0, len(rows))
	for _, one := range rows {
		messages = append(messages, message{one.Channel, one.Data, fmt.Sprintf("outbox-%d", one.ID)})
	}
	return publish(base, messages)
}

func main() {
	base, task := os.Args[1], os.Args[2]
	var answer any
	var err error
	switch task {
	case "publish":
		var offsets []string
		offsets, err = publish(base, []message{{"news", map[string]string{"hello": "go"}, "hello-go"}})
		if err == nil {
			answer = offsets[0]
		}
	case "everyone":
		count, _ := strconv.Atoi(os.Args[3])
		answer, err = everyone(base, count)
	case "relay":
		var rows []row
		if err = json.Unmarshal([]byte(os.Args[3]), &rows); err == nil {
			answer, err = relay(base, rows)
		}
	case "channel":
		answer = userChannel(os.Args[3])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(answer)
}
