// Package files owns the serving of a static site (platform.Site): which file a path means, redirects, extra
// headers and CORS as zerops.yml has them (SPEC section 3, run.routing), validators, ranges, caching headers,
// and bodies in gzip and zstd, which are made once and kept. csph-files is the program around it.
//
// A site is a folder that does not change while it is served, except as a whole. Nothing outside of the
// folder is reachable, whatever links are in it; files whose name starts with a dot are neither served nor
// listed.
package files
