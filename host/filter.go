package host

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"text/template"
)

// Openings are the exceptions from the rule that apps cannot reach the host they run on.
type Openings struct {
	// TCP ports of the host that apps may connect to: the router's, so that an app can use another's URL.
	TCP []uint16
	// Resolvers, from Resolvers(): those that listen on the host are let through.
	Resolvers []netip.Addr
}

// appsTable is the packet filter of the instance's apps (nft(8)).
//
// Apps may talk to their own project and to the outside. They may not talk to other projects, to build
// steps, to link-local addresses (cloud metadata) or to the host, its answers and pings excepted. Only the
// host may open connections to them. The pairs in @same matter where the kernel passes bridged frames through
// the IP filter (br_netfilter), as container hosts often have it.
var appsTable = template.Must(template.New("apps").Parse(`
table inet {{.Table}}
delete table inet {{.Table}}
table inet {{.Table}} {
	set same {
		type ifname . ifname
		elements = { {{range $i, $b := .Bridges}}{{if $i}}, {{end}}"{{$b}}" . "{{$b}}"{{end}} }
	}
	chain forward_apps {
		type filter hook forward priority filter - 5; policy accept;
		iifname . oifname @same accept
		iifname "{{.Prefix}}p*" jump from_apps
		oifname "{{.Prefix}}p*" ct state established,related accept
		oifname "{{.Prefix}}p*" counter drop
	}
	chain from_apps {
		ct state established,related accept
		oifname "{{.Prefix}}*" counter drop
		ip daddr 169.254.0.0/16 counter drop
		meta nfproto ipv6 counter drop
	}
	chain input_apps {
		type filter hook input priority filter - 5; policy accept;
		iifname "{{.Prefix}}p*" jump to_host
	}
	chain to_host {
		ct state established,related accept
		icmp type echo-request accept
		{{if .DNS}}meta l4proto { tcp, udp } th dport 53 accept{{end}}
		{{range .TCP}}tcp dport {{.}} accept
		{{end}}counter drop
	}
	chain prerouting_apps {
		type nat hook prerouting priority dstnat; policy accept;
		{{if .Loopback.IsValid}}iifname "{{.Prefix}}p*" fib daddr type local meta l4proto { tcp, udp } th dport 53 dnat ip to {{.Loopback}}{{end}}
	}
	chain postrouting_apps {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr {{.Apps}} oifname != "{{.Prefix}}p*" masquerade
	}
}
`))

func (i *Instance) appsTableName() string { return "csph_" + i.ID + "_apps" }

// Fence makes the host forward packets and puts the apps' packet filter in force, replacing an earlier one
// in one step: there is no moment without it.
func (i *Instance) Fence(ctx context.Context, open Openings) error {
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return fmt.Errorf("let the host forward packets: %w", err)
	}
	dns, loopback := localResolver(open.Resolvers)
	bridges := make([]string, maxNetworks)
	for n := range bridges {
		bridges[n] = i.bridgeName(n)
	}
	var rules bytes.Buffer
	err := appsTable.Execute(&rules, map[string]any{
		"Table": i.appsTableName(), "Prefix": i.linkPrefix(), "Bridges": bridges, "Apps": i.Apps,
		"TCP": open.TCP, "DNS": dns, "Loopback": loopback,
	})
	if err != nil {
		return fmt.Errorf("write the apps' packet filter: %w", err)
	}
	return nft(ctx, rules.String())
}

// tables lists the instance's packet filter tables.
func (i *Instance) tables(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, "nft", "list", "tables").Output()
	if err != nil {
		return nil, fmt.Errorf("list packet filter tables: %w", err)
	}
	var own []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line) // table inet NAME
		if len(f) == 3 && strings.HasPrefix(f[2], "csph_"+i.ID+"_") {
			own = append(own, f[1]+" "+f[2])
		}
	}
	return own, nil
}

// nft applies commands in one transaction.
func nft(ctx context.Context, commands string) error {
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(commands)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("change the packet filter: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}
