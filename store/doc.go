// Package store owns the records of csph (accounts, projects, environments, services, deployments,
// keys, tokens) in one SQLite file, and the bus that carries events within one csphd. It refuses to
// decide anything: which move a deployment makes, when, and what follows from it is deploy's.
//
// # Writers and readers
//
// There is one writer connection and a small pool of reader connections, in WAL mode: readers see the
// last committed state and are never blocked by a writer, nor block it. A write waits for its turn as
// long as its context allows; once it has its turn it runs to its end whatever becomes of the context,
// so that an error always means that nothing was written. One process at a time has the file open: a
// lock beside it (path + ".lock") says so, which the kernel drops with the process.
//
// # Durability
//
// Every write is durable when it returns: journal_mode=WAL with synchronous=FULL. A commit appends its
// pages to the log and fsyncs the log before it is reported, so it survives kill -9 (the page cache is
// the kernel's, not the process's) and power loss (as far as the disk honours fsync). With
// synchronous=NORMAL the log is fsynced at checkpoints only: the file would never be damaged, but the
// newest commits could vanish with the power, and deploy acts on what it was told is written. The price
// is one fsync for each write, and writes are few: some dozens a deployment. Torn pages of an
// interrupted commit fail the checksum of their log frame and are ignored at the next open; a checkpoint
// syncs the log before it touches the file and the file before it reuses the log. The folder is fsynced
// after the file is made, so that a new database does not lose its name.
//
// # The SQL
//
// Statements keep to what SQLite and PostgreSQL both speak: $1 parameters, ON CONFLICT, RETURNING,
// partial indexes, JSON as text, times as microseconds since 1970, no dialect's functions. Only the
// schema (migrations/), the connection settings and the error codes (sqlite.go) are SQLite's own.
// Two things would need care on a server with many writers: read-modify-write transactions rely on the
// single writer (SERIALIZABLE does the same), and so does the rule that a smaller event position is
// never committed after a larger one. Ids sort bytewise (COLLATE "C").
//
// # The bus
//
// An event is a row; its position is the row's number, and positions only grow. Publish commits the row,
// then wakes the subscribers it concerns. A subscriber keeps its own position and reads from the table,
// so a slow one holds up nobody and misses nothing, and one that comes back resumes where it was.
package store
