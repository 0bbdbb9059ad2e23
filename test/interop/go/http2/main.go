// A server of HTTP/2 as Go services are written, net/http with TLS: SSE with Last-Event-ID, an echo, and a graceful end: at SIGTERM it
// calls Shutdown, which tells each connection GOAWAY and waits for the streams that it has.
//
// It prints {"port":N} when it listens, waits for its port when another one still has it, and exits when its stdin closes, so it cannot
// outlive the test that started it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	port := flag.Int("port", 0, "port to listen on; 0 takes a free one")
	folder := flag.String("folder", "", "where cert.pem and key.pem are")
	flag.Parse()
	listener, err := listen(*port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()

	mux := http.NewServeMux()
	mux.HandleFunc("/events", events)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/abort", abort)
	server := &http.Server{Handler: withProcess(mux)}
	done := make(chan struct{})
	go func() {
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		<-asked
		server.Shutdown(context.Background())
		close(done)
	}()
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	if err := server.ServeTLS(listener, *folder+"/cert.pem", *folder+"/key.pem"); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-done
}

func listen(port int) (listener net.Listener, err error) {
	for try := 0; try < 500; try++ {
		if listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return listener, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, err
}

// withProcess says in each answer which protocol and process it is of.
func withProcess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Protocol", r.Proto)
		w.Header().Set("X-Process", strconv.Itoa(os.Getpid()))
		next.ServeHTTP(w, r)
	})
}

// events sends `count` events with ids from 1, from the one after Last-Event-ID, one each 10 ms, then `data: [DONE]`. After `abort_after`
// events of one answer the stream is reset in the middle of the next.
func events(w http.ResponseWriter, r *http.Request) {
	last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	count, _ := strconv.Atoi(r.FormValue("count"))
	abortAfter, _ := strconv.Atoi(r.FormValue("abort_after"))
	w.Header().Set("Content-Type", "text/event-stream")
	for id := last + 1; id <= count; id++ {
		if abortAfter > 0 && id == last+1+abortAfter {
			fmt.Fprintf(w, "id: %d\ndata: half of ev", id)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "id: %d\ndata: event %d\n\n", id, id)
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// echo sends the request's body back as it comes.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	part := make([]byte, 16*1024)
	for {
		n, err := r.Body.Read(part)
		w.Write(part[:n])
		w.(http.Flusher).Flush()
		if err != nil {
			return
		}
	}
}

// abort resets its stream before any answer.
func abort(w http.ResponseWriter, r *http.Request) {
	panic(http.ErrAbortHandler)
}
