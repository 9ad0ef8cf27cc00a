// Command app is what the tests run as a spherelet. As a server it does what its paths ask for; with
// arguments it does one thing and ends.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		os.Exit(once(os.Args[1], os.Args[2:]))
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello from ", os.Getenv("NAME")) })
	http.HandleFunc("/exit", func(w http.ResponseWriter, r *http.Request) { os.Exit(number(r, "code")) })
	http.HandleFunc("/eat", func(w http.ResponseWriter, r *http.Request) { eat(number(r, "mb")) })
	http.HandleFunc("/child", func(w http.ResponseWriter, r *http.Request) {
		exec.Command("/app", "eat", r.FormValue("mb")).Run()
		os.Exit(3)
	})
	http.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) { reply(w)(os.ReadFile(r.FormValue("path"))) })
	http.HandleFunc("/write", func(w http.ResponseWriter, r *http.Request) {
		reply(w)(nil, write(r.FormValue("path"), r.FormValue("text")))
	})
	http.HandleFunc("/try", func(w http.ResponseWriter, r *http.Request) { reply(w)(try(r.FormValue("what"))) })
	http.HandleFunc("/id", func(w http.ResponseWriter, r *http.Request) {
		groups, _ := os.Getgroups()
		fmt.Fprint(w, os.Getuid(), os.Getgid(), groups)
	})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		wait, _ := time.ParseDuration(os.Getenv("STOP_AFTER"))
		fmt.Println("stopping")
		time.Sleep(wait)
		os.Exit(0)
	}()
	fmt.Println("listening on", os.Getenv("PORT"))
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":"+os.Getenv("PORT"), nil))
	os.Exit(1)
}

func once(what string, args []string) int {
	switch what {
	case "say":
		fmt.Println(strings.Join(args, " "))
		fmt.Fprint(os.Stderr, "and an end without newline")
		return 0
	case "exit":
		n, _ := strconv.Atoi(args[0])
		return n
	case "eat":
		n, _ := strconv.Atoi(args[0])
		eat(n)
		return 0
	case "cat":
		io.Copy(os.Stdout, os.Stdin)
		return 0
	case "sleep":
		time.Sleep(time.Hour)
	}
	return 64
}

func eat(mb int) {
	for b := make([]byte, mb<<20); ; time.Sleep(time.Millisecond) {
		for i := 0; i < len(b); i += 4096 {
			b[i]++
		}
	}
}

// try does what a confined process must not be able to do, or must; the answer says how it went.
func try(what string) ([]byte, error) {
	switch what {
	case "raw":
		_, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP)
		return nil, err
	case "mknod":
		return nil, syscall.Mknod("/dev-null", syscall.S_IFCHR|0o666, 1<<8|3)
	case "mount":
		return nil, syscall.Mount("tmpfs", "/tmp", "tmpfs", 0, "")
	case "cgroup":
		return nil, os.Mkdir("/sys/fs/cgroup/memory/own", 0o755)
	case "port80":
		l, err := net.Listen("tcp", ":80")
		if err == nil {
			l.Close()
		}
		return nil, err
	case "fork":
		for range 2000 {
			if err := exec.Command("/app", "sleep").Start(); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	return nil, fmt.Errorf("cannot try %q", what)
}

func write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

func reply(w http.ResponseWriter) func([]byte, error) {
	return func(b []byte, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		w.Write(b)
	}
}

func number(r *http.Request, key string) int {
	n, _ := strconv.Atoi(r.FormValue(key))
	return n
}
