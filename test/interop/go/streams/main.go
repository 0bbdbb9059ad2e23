// A server as Go services are written: SSE with http.Flusher and Last-Event-ID, NDJSON, plain chunked text, and the ways
// such a server breaks. What it sends derives from the request alone, so a restarted one goes on where the last one stopped.
//
// It prints {"port":N} as its first line and exits when its stdin closes, so it cannot outlive the test that started it.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

func main() {
	port := flag.Int("port", 0, "port to listen on; 0 takes a free one")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()

	var opened int64
	mux := http.NewServeMux()
	mux.HandleFunc("/events", events)
	mux.HandleFunc("/feed", feed)
	mux.HandleFunc("/file", file())
	mux.HandleFunc("/lines", withPassword(lines))
	mux.HandleFunc("/short", short)
	mux.HandleFunc("/unframed", unframed)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/talk", talk)
	mux.HandleFunc("/mirror", mirror)
	mux.HandleFunc("/attach", withPassword(attach))
	mux.HandleFunc("/connections", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"opened":%d}`, atomic.LoadInt64(&opened))
	})
	server := &http.Server{Handler: withTunnels(mux), ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			atomic.AddInt64(&opened, 1)
		}
	}}
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	server.Serve(listener)
}

// events sends `count` events with ids from 1, from the one after Last-Event-ID, then `data: [DONE]`.
//
//	interval     milliseconds between two events
//	heartbeat=1  a comment before each event
//	flush=0      no Flush: Go holds the bytes back until its buffer is full or the handler returns
//	abort_after  after so many events of one connection: half an event, and the connection is cut ...
//	abort        ... with `fin` (no last chunk) or `reset` (RST), or stays as it is with `hold`, for the test to kill the server
func events(w http.ResponseWriter, r *http.Request) {
	count, abortAfter := number(r, "count", 10), number(r, "abort_after", 0)
	last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	flush := func() {
		if r.FormValue("flush") != "0" {
			w.(http.Flusher).Flush()
		}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	flush()
	for sent, id := 0, last+1; id <= count; sent, id = sent+1, id+1 {
		if abortAfter > 0 && sent == abortAfter {
			fmt.Fprintf(w, "id: %d\ndata: half of ev", id)
			w.(http.Flusher).Flush()
			cut(w, r)
		}
		if r.FormValue("heartbeat") == "1" {
			fmt.Fprint(w, ": still here\n\n")
		}
		fmt.Fprintf(w, "id: %d\ndata: event %d\n\n", id, id)
		flush()
		if !pause(r, number(r, "interval", 0)) {
			return
		}
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// feed sends `count` NDJSON rows with `seq` from 1, from the one after `since`; `interval` and `abort_after` as in events.
func feed(w http.ResponseWriter, r *http.Request) {
	abortAfter := number(r, "abort_after", 0)
	w.Header().Set("Content-Type", "application/x-ndjson")
	for sent, seq := 0, number(r, "since", 0)+1; seq <= number(r, "count", 10); sent, seq = sent+1, seq+1 {
		if abortAfter > 0 && sent == abortAfter {
			fmt.Fprintf(w, `{"seq":%d,"te`, seq)
			w.(http.Flusher).Flush()
			cut(w, r)
		}
		fmt.Fprintf(w, "{\"seq\":%d,\"text\":\"row %d\"}\n", seq, seq)
		w.(http.Flusher).Flush()
		if !pause(r, number(r, "interval", 0)) {
			return
		}
	}
}

// file is a handler of `size` bytes by http.ServeContent, which knows Range and If-Range.
//
//	cut_after   after so many bytes of one answer the connection is cut, as `abort` says
//	changing=1  each answer is of a new file: other bytes, as many of them, under another entity tag
func file() http.HandlerFunc {
	var answers int64
	return func(w http.ResponseWriter, r *http.Request) {
		version := int64(0)
		if r.FormValue("changing") == "1" {
			version = atomic.AddInt64(&answers, 1)
		}
		size := number(r, "size", 100_000)
		var content bytes.Buffer
		for n := 0; content.Len() < size; n++ {
			fmt.Fprintf(&content, "line %d of version %d\n", n, version)
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("ETag", fmt.Sprintf(`"version-%d"`, version))
		limited := &limitedWriter{w, number(r, "cut_after", size), func() { cut(w, r) }}
		http.ServeContent(limited, r, "", time.Time{}, bytes.NewReader(content.Bytes()[:size]))
	}
}

// limitedWriter calls over when more than left bytes of body are written, once those have gone out.
type limitedWriter struct {
	http.ResponseWriter
	left int
	over func()
}

func (w *limitedWriter) Write(body []byte) (int, error) {
	if len(body) > w.left {
		w.ResponseWriter.Write(body[:w.left])
		w.ResponseWriter.(http.Flusher).Flush()
		w.over()
	}
	w.left -= len(body)
	return w.ResponseWriter.Write(body)
}

// lines sends `count` lines of plain text, each its own chunk.
func lines(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for n := 1; n <= number(r, "count", 10); n++ {
		fmt.Fprintf(w, "line %d\n", n)
		w.(http.Flusher).Flush()
	}
}

// short promises 1,000 bytes and sends 10.
func short(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, "0123456789")
}

// unframed has neither a length nor chunks: the body ends where the connection does. `cut=1` ends it inside a line.
func unframed(w http.ResponseWriter, r *http.Request) {
	connection, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	io.WriteString(buffered, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nline 1\nline 2\n")
	if r.FormValue("cut") == "1" {
		io.WriteString(buffered, "lin")
	}
	buffered.Flush()
}

// echo sends the request's body back once all of it has come: Go 1.19 cannot answer while it reads.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	for len(body) > 0 {
		part := body
		if len(part) > 4096 {
			part = part[:4096]
		}
		w.Write(part)
		w.(http.Flusher).Flush()
		body = body[len(part):]
	}
}

// talk answers while it reads, by the connection itself: a greeting, then each chunk of the request as it comes, then goodbye. Its
// answer has no framing.
func talk(w http.ResponseWriter, r *http.Request) {
	connection, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nwelcome, ")
	io.Copy(connection, httputil.NewChunkedReader(buffered))
	io.WriteString(connection, ", goodbye")
}

// mirror sends each line of the request back as it comes, as a handler does that knows nothing of hijacking.
func mirror(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		fmt.Fprintln(w, lines.Text())
		w.(http.Flusher).Flush()
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(w, err)
	}
}

// attach hands the connection over, as Docker's does, to one that asks for it by `Upgrade: tcp`: what comes is echoed, half-closes too.
//
//	early  bytes that leave in one write with the head
func attach(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Connection") != "Upgrade" || r.Header.Get("Upgrade") != "tcp" {
		http.Error(w, "ask for tcp\n"+strings.Repeat("please ", 1_000), http.StatusUpgradeRequired)
		return
	}
	connection, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	io.WriteString(buffered, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	io.WriteString(buffered, r.FormValue("early"))
	buffered.Flush()
	io.Copy(connection, buffered)
}

// withTunnels is a proxy for CONNECT, with a password, before what serves all else.
func withTunnels(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			next.ServeHTTP(w, r)
			return
		}
		if r.Header.Get("Proxy-Authorization") == "" {
			http.Error(w, "who are you?", http.StatusProxyAuthRequired)
			return
		}
		target, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer target.Close()
		connection, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		io.WriteString(connection, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			io.Copy(target, buffered)
			target.(*net.TCPConn).CloseWrite()
		}()
		io.Copy(connection, target)
	})
}

func withPassword(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "ada" || password != "lovelace" {
			w.Header().Set("WWW-Authenticate", `Basic realm="lines"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

// cut ends the connection in the middle of the body and does not return.
func cut(w http.ResponseWriter, r *http.Request) {
	switch r.FormValue("abort") {
	case "hold":
		<-r.Context().Done()
	case "reset":
		if connection, _, err := w.(http.Hijacker).Hijack(); err == nil {
			connection.(*net.TCPConn).SetLinger(0)
			connection.Close()
		}
	}
	panic(http.ErrAbortHandler)
}

// pause waits, and is false when the client went away meanwhile.
func pause(r *http.Request, ms int) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return true
	}
}

func number(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.FormValue(name)); err == nil {
		return n
	}
	return otherwise
}
