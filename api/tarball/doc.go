// Package tarball owns sources that come in as archives: it unpacks a tar, gzipped or not, as it
// arrives, into a folder of its own under sources/<service>/upload-…, and hands that out as the source
// of one deployment.
//
// Archives are foreign. Whatever would leave the folder is refused: absolute names, "..", links that
// lead out (also by way of other links), entries behind a link, devices, FIFOs, sockets; so are control
// bytes in names and a name that comes twice. Size, unpacked size and number of entries are bounded while they are
// read. Set-id bits, owners and extended attributes are dropped. Entries within a .git folder are passed
// over: they are no source. A refused archive leaves nothing behind.
//
// Times of files are the server's, not the archive's, so that builds can trust them: a file whose
// content is the same as in the service's previous upload keeps the time it had there, any other gets
// the present one.
package tarball
