// Package manifest owns csph.yaml: the projects, environments and services of an account as one file. It reads
// and checks the file, and plans what makes an account be like it. It refuses to ask a server for anything or to
// change anything: the same plan serves dry runs, the display and the doing.
package manifest
