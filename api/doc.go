// Package api owns csph's HTTP API: its operations under /v1, their authorisation, the OpenAPI 3.1
// document, server-sent events for logs and events, the upload of sources, and how errors look from
// outside. Everything that csph (the command), the console and scripts do goes through it.
//
// It refuses to decide anything about deployments (Deployer does), to keep anything (Records do), and
// to know who supervises what (Host says).
//
// A request passes, in this order: request id and access log, recovery from panics, bearer token
// (everything under /v1), body limit, huma's decoding and validation, handler. Handlers return errors;
// (*Server).problem alone turns them into problem+json, and the access log line of the request carries
// the cause. Who may do what is decided in the token check, and by resolving every name within the
// account of the token: a foreign id is not found.
//
// # Streams
//
// Events and logs are server-sent events (WHATWG HTML section 9.2). The id of an event is its position on the bus;
// the id of a log line is "<unix microseconds>-<n>", n counting the lines of that very microsecond.
// A client that reconnects with Last-Event-ID gets what follows, each once. A comment every 15 seconds
// keeps proxies from closing a silent stream. A complete stream ends with the event "end".
//
// # Uploads
//
// POST /v1/services/{service}/uploads takes multipart/form-data with two parts, in this order:
// "request" (JSON, wire.NewDeployment without image) and "source" (a tar, gzipped or not). The archive
// is unpacked as it arrives (package tarball). The deployment's source is an io.Closer: whoever runs the deployment
// closes it once the build has ended or will not happen, which removes the files.
package api
