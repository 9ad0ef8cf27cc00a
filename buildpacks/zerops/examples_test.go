package zerops

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The examples of the format's documentation, one each, with what it says of them.
func TestTheExamplesOfTheDocumentationMeanWhatItSays(t *testing.T) {
	const build, run = "    build: {base: nodejs@22, buildCommands: [npm ci], deployFiles: ./}\n", "    run: {start: npm start}\n"
	for says, c := range map[string]struct {
		setup string
		holds func(p *Plan) bool
	}{
		"build and run are separate, each with commands of its own": {"    build: {base: go@1, os: ubuntu, prepareCommands: [a], buildCommands: [b], deployFiles: app}\n    run: {base: nodejs@20, os: alpine, prepareCommands: [c], start: ./app}\n",
			func(p *Plan) bool {
				return p.PrepareCommands[0] == "a" && p.BuildCommands[0] == "b" && p.RunPrepare[0] == "c" && p.BuildImages[0].Name != p.RunImage.Name
			}},
		"items of a list are shells of their own, a block is one": {"    build:\n      base: nodejs@22\n      deployFiles: ./\n      buildCommands:\n        - npm install\n        - |\n          cd app\n          npm run build\n" + run,
			func(p *Plan) bool {
				return slices.Equal(p.BuildCommands, []string{"npm install", "cd app\nnpm run build\n"})
			}},
		"dist keeps the folder":           {"    build: {base: bun@1, deployFiles: dist}\n" + run, deploys("dist", "", "dist")},
		"dist/~ strips it":                {"    build: {base: bun@1, deployFiles: dist/~}\n" + run, deploys("dist/~", "dist", ".")},
		"[.] deploys everything":          {"    build: {base: bun@1, deployFiles: [.]}\n" + run, deploys(".", "", ".")},
		"./src/assets/~fonts shortens it": {"    build: {base: bun@1, deployFiles: ./src/assets/~fonts}\n" + run, deploys("./src/assets/~fonts", "src/assets", "fonts")},
		"dist/~ with bun dist/index.js breaks": {"    build: {base: bun@1, deployFiles: dist/~}\n    run: {start: bun dist/index.js}\n",
			func(p *Plan) bool {
				return len(p.Warnings) == 1 && strings.Contains(p.Warnings[0], "/var/www/index.js")
			}},
		"files for the prepared run image":    {"    build: {base: python@3.12, deployFiles: ./, addToRunPrepare: requirements.txt}\n    run: {prepareCommands: [pip install -r requirements.txt], start: x}\n", func(p *Plan) bool { return p.AddToRunPrepare[0].Match == "requirements.txt" }},
		"no new containers before old stop":   {build + "    deploy: {temporaryShutdown: true}\n" + run, func(p *Plan) bool { return p.Deploy.TemporaryShutdown }},
		"zero downtime is the default":        {build + run, func(p *Plan) bool { return !p.Deploy.TemporaryShutdown && p.Deploy.ReadinessCheck == nil }},
		"readiness by HTTP, with its periods": {build + "    deploy: {readinessCheck: {httpGet: {port: 80, path: /status, host: my-host, scheme: https}, failureTimeout: 60, retryPeriod: 10}}\n" + run, func(p *Plan) bool { return p.Deploy.ReadinessCheck.FailureTimeout == time.Minute && p.WebPort() == 80 }},
		"readiness by a command":              {build + "    deploy: {readinessCheck: {exec: {command: test -f ok}}}\n" + run, func(p *Plan) bool { return p.Deploy.ReadinessCheck.Exec == "test -f ok" }},
		"health by a command of several lines": {build + "    run:\n      start: x\n      healthCheck:\n        exec:\n          command: |\n            curl -s http://localhost:8080/status > /tmp/status\n            grep -q OK /tmp/status\n        disconnectTimeout: 30\n",
			func(p *Plan) bool {
				return strings.Count(p.Run.HealthCheck.Exec, "\n") == 2 && p.Run.HealthCheck.DisconnectTimeout == 30*time.Second
			}},
		"init commands beside the start": {build + "    run: {start: npm start, initCommands: [rm -rf ./cache]}\n", func(p *Plan) bool { return p.Run.InitCommands[0] == "rm -rf ./cache" }},
		"several start commands": {build + "    run:\n      startCommands:\n        - command: npm run start:prod\n          name: server\n        - command: litestream replicate\n          name: replication\n          initCommands: [litestream restore]\n",
			func(p *Plan) bool {
				all := p.Run.Processes()
				return len(all) == 2 && all[1].Name == "replication" && all[1].InitCommands[0] == "litestream restore"
			}},
		"variables in files": {build + "    run: {start: x, envReplace: {delimiter: ['%%', '##'], target: [config/jwt/public.pem, ./config/, ./]}}\n", func(p *Plan) bool {
			return slices.Equal(p.Run.EnvReplace.Target, []string{"config/jwt/public.pem", "config", "."})
		}},
		"cron":                            {build + "    run: {start: x, crontab: [{command: date >> /tmp/log, timing: '0 * * * *', allContainers: false}]}\n", func(p *Plan) bool { return !p.Run.Crontab[0].AllContainers && p.Run.Crontab[0].Timing == "0 * * * *" }},
		"several technologies to build":   {"    build: {base: [php@8.4, nodejs@22], deployFiles: ./}\n    run: {base: php-nginx@8.4, documentRoot: public}\n", func(p *Plan) bool { return len(p.BuildImages) == 2 && p.BuiltIn() && p.Run.DocumentRoot == "public" }},
		"paths of the cache, three ways":  {"    build: {base: nodejs@22, deployFiles: ./, cache: [./node_modules, vendor/, 'package*']}\n" + run, func(p *Plan) bool { return slices.Equal(p.Cache.Paths, []string{"node_modules", "vendor", "package*"}) }},
		"everything in the cache":         {"    build: {base: go@1, deployFiles: ./, cache: true}\n    run: {start: ./app}\n", func(p *Plan) bool { return p.Cache.All }},
		"a service without a build":       {"    run: {base: alpine@3.20, start: ./serve}\n", func(p *Plan) bool { return len(p.BuildImages) == 0 && p.DeployFiles[0].Match == "." }},
		"a site with its own root":        {"    run: {base: static, routing: {root: custom/root, redirects: [{from: /blog/*, to: /articles/, preservePath: true, status: 302}]}}\n", func(p *Plan) bool { return p.Static() && p.Run.Routing.Redirects[0].PreservePath }},
		"UDP beside HTTP":                 {build + "    run: {start: x, ports: [{port: 9000, protocol: UDP}, {port: 3000, httpSupport: true}]}\n", func(p *Plan) bool { return p.WebPort() == 3000 && len(p.Warnings) == 1 }},
		"variables of one stage for both": {"    build: {base: nodejs@22, deployFiles: ./, envVariables: {A: '${RUNTIME_B}'}}\n    run: {start: x, envVariables: {B: '${db_password}'}}\n", func(p *Plan) bool { return p.BuildEnv["A"] == "${db_password}" }},
	} {
		if p := planOf(t, "zerops:\n  - setup: app\n"+c.setup); !c.holds(p) {
			t.Errorf("%s: %+v", says, p)
		}
	}
}

func deploys(as, below, match string) func(*Plan) bool {
	return func(p *Plan) bool {
		return slices.Equal(p.DeployFiles, []Selection{{As: as, Below: below, Match: match}}) && len(p.Warnings) == 0
	}
}
