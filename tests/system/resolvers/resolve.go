// SPDX-License-Identifier: Apache-2.0

// resolve NAME...: what Go's own resolver says, as resolve.c does. A name with
// underscores is asked for SRV, an address for its name.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
)

func lookup(name string) ([]string, error) {
	resolver := net.Resolver{PreferGo: true}
	ctx := context.Background()
	if net.ParseIP(name) != nil {
		return resolver.LookupAddr(ctx, name)
	}
	if !strings.HasPrefix(name, "_") {
		return resolver.LookupHost(ctx, name)
	}
	_, records, err := resolver.LookupSRV(ctx, "", "", name)
	var texts []string
	for _, record := range records {
		texts = append(texts, fmt.Sprintf("%s:%d", record.Target, record.Port))
	}
	return texts, err
}

func main() {
	for _, name := range os.Args[1:] {
		texts, err := lookup(name)
		var failure *net.DNSError
		switch {
		case err == nil:
			sort.Strings(texts)
			fmt.Println(strings.Join(texts, "\n"))
		case errors.As(err, &failure) && failure.IsNotFound:
			fmt.Println("- NONAME")
		default:
			fmt.Println("- AGAIN")
		}
	}
}
