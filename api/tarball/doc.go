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
//
// # Contents
//
// An archive may name the contents of files by SHA-256 (ContentRecord) instead of carrying them. They are sent before, several in an
// archive (Keep) or one piece by piece (Append), are kept under sources/<service>/contents, for that service only, and checked
// when they come and when they are used. What no upload has asked for in two weeks is dropped, sooner where all of them take more
// than their budget.
package tarball
