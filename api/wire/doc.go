// Package wire owns what csph's HTTP API carries: the bodies of requests and responses, and the form
// of its errors. The server and its clients share it. It imports the nouns of platform, the lines of
// logs, and nothing else, so that a client links neither a server nor its libraries.
package wire
