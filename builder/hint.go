package builder

import "regexp"

// hints recognise the common causes of failed builds by what the tools print. The first match wins: the
// specific ones stand before the general.
var hints = []struct {
	pattern *regexp.Regexp
	hint    string
}{
	{regexp.MustCompile(`(?i)no space left on device|ENOSPC|disk quota exceeded`),
		"the build machine's disk is full: remove services or deployments that are not needed, or ask its operator for more disk"},
	{regexp.MustCompile("`npm ci` can only install|npm ci.*package-lock.json.*in sync|package-lock.json.* are not in sync"),
		"package-lock.json does not match package.json: run `npm install` and commit the changed package-lock.json"},
	{regexp.MustCompile(`ERR_PNPM_OUTDATED_LOCKFILE|pnpm-lock.yaml is not up to date`),
		"pnpm-lock.yaml does not match package.json: run `pnpm install` and commit the changed pnpm-lock.yaml"},
	{regexp.MustCompile(`Your lockfile needs to be updated|YN0028|lockfile would have been (created|modified)`),
		"yarn.lock does not match package.json: run `yarn install` and commit the changed yarn.lock"},
	{regexp.MustCompile(`npm ci.*(existing package-lock|lockfileVersion)|ERR_PNPM_NO_LOCKFILE`),
		"the lockfile is missing: run the package manager's install and commit the lockfile"},
	{regexp.MustCompile(`missing go\.sum entry|go: updates to go\.(mod|sum) needed`),
		"go.mod and go.sum do not match the code: run `go mod tidy` and commit both"},
	{regexp.MustCompile(`go: go\.mod requires go >= |requires go >= [0-9.]+ \(running go`),
		"the code needs a newer Go than the one chosen: correct the go or toolchain line of go.mod"},
	{regexp.MustCompile(`(?i)missing script: |error Command "[^"]+" not found|ERR_PNPM_NO_SCRIPT`),
		"package.json has no such script: add it, or name another command with --build or --run"},
	{regexp.MustCompile(`EBADENGINE|The engine "node" is incompatible|Unsupported engine`),
		"a package needs another Node.js version: set engines.node in package.json"},
	{regexp.MustCompile(`(?i)ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|no such host|could not resolve|temporary failure (in name )?resol|dial tcp|connection refused|network is unreachable`),
		"a registry or server could not be reached from the build: try again, and if it persists check the registry's address and the build machine's network"},
	{regexp.MustCompile(`(?i)certificate (signed by unknown authority|verify failed)|self[- ]signed certificate|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)`),
		"a server's certificate is not trusted in the build: add its authority to the build machine's CA bundle (update-ca-certificates) and restart csphd"},
	{regexp.MustCompile(`E401|E403|401 Unauthorized|403 Forbidden`),
		"a registry refused access: check the credentials that the build machine or the project's configuration has for it"},
	{regexp.MustCompile(`: not found|command not found|executable file not found`),
		"a command is missing in the build image: install it in the step, or use a Dockerfile"},
}

const defaultHint = "the lines above show what the step printed; `csph logs --build` shows all of it"

func hint(output string) string {
	for _, h := range hints {
		if h.pattern.MatchString(output) {
			return h.hint
		}
	}
	return defaultHint
}
