package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// figures are the medians of a program's starts.
type figures struct {
	// millis is the time from exec to the first question for an event.
	millis float64
	// megabytes is the resident memory at that moment.
	megabytes float64
}

// startTimeout ends a start that never asks.
const startTimeout = 20 * time.Second

// startAll starts every program in turn, again and again, so that what else the machine
// does falls on all of them.
func startAll(programs []program, runs int) (map[string]figures, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	asked := make(chan time.Time)
	server := &http.Server{Handler: runtimeAPI(asked)}
	go func() { _ = server.Serve(l) }() // it ends with Close
	defer server.Close()
	for i, p := range programs {
		if programs[i].allocations, err = setUp(p.path); err != nil {
			return nil, fmt.Errorf("start %s: %w", p.name, err)
		}
	}
	millis, megabytes := map[string][]float64{}, map[string][]float64{}
	for range runs {
		for _, p := range programs {
			took, memory, err := start(p.path, l.Addr().String(), asked)
			if err != nil {
				return nil, fmt.Errorf("start %s: %w", p.name, err)
			}
			millis[p.name] = append(millis[p.name], float64(took.Microseconds())/1e3)
			megabytes[p.name] = append(megabytes[p.name], memory)
		}
	}
	all := map[string]figures{}
	for name := range millis {
		all[name] = figures{median(millis[name]), median(megabytes[name])}
	}
	return all, nil
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// runtimeAPI tells when a program asks for its first event, and gives it none.
func runtimeAPI(asked chan<- time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Lambda-Extension-Identifier", "sizes")
		_, _ = io.WriteString(w, "{}")
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(_ http.ResponseWriter, r *http.Request) {
		asked <- time.Now()
		<-r.Context().Done()
	})
	return mux
}

// start starts a program until it asks, and ends it.
func start(path, api string, asked <-chan time.Time) (took time.Duration, megabytes float64, err error) {
	cmd := exec.Command(path)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + api, "AWS_LAMBDA_FUNCTION_NAME=sizes"}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { _ = cmd.Wait() }() // it was killed
	defer func() { _ = cmd.Process.Kill() }()
	select {
	case at := <-asked:
		megabytes, err = resident(cmd.Process.Pid)
		return at.Sub(began), megabytes, err
	case <-time.After(startTimeout):
		return 0, 0, errors.New("it asks for no event")
	}
}

// initLine is what the runtime tells of a package that was set up (source: package
// runtime, "Environment Variables", inittrace).
var initLine = regexp.MustCompile(`(?m)^init \S+ @.* bytes, (\d+) allocs$`)

// setUp counts the allocations of what is set up before main. It is the part of a start
// that no other work on the machine changes.
func setUp(path string) (allocations int, err error) {
	cmd := exec.Command(path)
	cmd.Env = []string{"GODEBUG=inittrace=1"} // without an API to ask it ends by itself
	told, err := cmd.CombinedOutput()
	lines := initLine.FindAllSubmatch(told, -1)
	if len(lines) == 0 {
		return 0, fmt.Errorf("it does not tell what it sets up: %v\n%s", err, told)
	}
	for _, line := range lines {
		n, err := strconv.Atoi(string(line[1]))
		if err != nil {
			return 0, err
		}
		allocations += n
	}
	return allocations, nil
}

// resident is the resident memory of a process, in MB.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("see the memory (it needs Linux): %w", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kilobytes float64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		return 0, fmt.Errorf("see the memory: %w", err)
	}
	return kilobytes / 1e3, nil
}
