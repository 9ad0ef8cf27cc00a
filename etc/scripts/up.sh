#!/bin/sh
# Starts csphd in the background, pushes a sample app to it with git over SSH, and asks it over HTTP.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$root/bin
: "${STATE:=/var/lib/csph}" "${HTTP:=:80}" "${HTTPS:=:443}" "${SSH:=:2222}" "${API:=127.0.0.1:7070}"
began=$(date +%s)

say() { printf '%s\n' "$*"; }
head_() { printf '\n-----> %s\n' "$*"; }
seconds() { echo "$(($(date +%s) - $1)) s"; }
port() { echo "${1##*:}"; }

mkdir -p "$STATE"
STATE=$(cd "$STATE" && pwd)
export CSPH_URL="http://127.0.0.1:$(port "$API")"
export CSPH_STATE="$STATE"

start_csphd() {
	t=$(date +%s)
	head_ "Starting csphd (state in $STATE)"
	setsid "$bin/csphd" serve --state "$STATE" --http "$HTTP" --https "$HTTPS" --ssh "$SSH" --api "$API" \
		>>"$STATE/csphd.log" 2>&1 </dev/null &
	echo $! >"$STATE/csphd.pid"
	i=0
	until curl -fs -o /dev/null --max-time 2 "$CSPH_URL/healthz"; do
		i=$((i + 1))
		if ! kill -0 "$(cat "$STATE/csphd.pid")" 2>/dev/null || [ $i -gt 300 ]; then
			say "csphd did not start. Its last lines:" >&2
			tail -n 20 "$STATE/csphd.log" >&2
			say "bin/csphd doctor says what the machine lacks." >&2
			exit 1
		fi
		sleep 0.2
	done
	say "       up after $(seconds "$t"), log in $STATE/csphd.log"
}

if curl -fs -o /dev/null --max-time 2 "$CSPH_URL/healthz" && kill -0 "$(cat "$STATE/csphd.pid" 2>/dev/null)" 2>/dev/null; then
	head_ "csphd runs already (pid $(cat "$STATE/csphd.pid"), state in $STATE)"
	if ! cmp -s "/proc/$(cat "$STATE/csphd.pid")/exe" "$bin/csphd"; then
		say "       this is another version: it takes over, and no request fails"
		told=$("$bin/csphd" upgrade --state "$STATE")
		say "       $told"
	fi
else
	start_csphd
fi

key=$STATE/demo/key
if [ ! -e "$key" ]; then
	mkdir -p "$STATE/demo"
	ssh-keygen -q -t ed25519 -N '' -C csph-demo -f "$key"
fi
fingerprint=$(ssh-keygen -lf "$key.pub" | cut -d' ' -f2)
"$bin/csph" keys list -o json | grep -qF "$fingerprint" || "$bin/csph" keys add "$key.pub" >/dev/null
export GIT_SSH_COMMAND="ssh -i $key -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=$STATE/demo/known_hosts"

app=$STATE/demo/hello
remote=ssh://git@127.0.0.1:$(port "$SSH")/hello
if [ ! -d "$app/.git" ]; then
	cp -r "$root/test/apps/go-hello" "$app.new"
	git -C "$app.new" init -q -b main
	git -C "$app.new" add -A
	git -C "$app.new" -c user.name=demo -c user.email=demo@localhost commit -q -m "A first version"
	git -C "$app.new" remote add csph "$remote"
	mv "$app.new" "$app"
fi
git -C "$app" remote set-url csph "$remote"

head_ "git push csph main"
say "       (the first push waits for its base images to be made or pulled)"
t=$(date +%s)
git -C "$app" push csph main
say "       pushed and live after $(seconds "$t")"

host=hello.localhost
url=http://$host
[ "$(port "$HTTP")" = 80 ] || url=$url:$(port "$HTTP")
head_ "curl $url"
curl -fsS --max-time 10 --resolve "$host:$(port "$HTTP"):127.0.0.1" "$url/"

down="make down"
[ "$STATE" = /var/lib/csph ] || down="make down STATE=$STATE"
cat <<TXT

csph is up ($(seconds "$began")). Next:

  export PATH=$bin:\$PATH CSPH_URL=$CSPH_URL CSPH_STATE=$STATE
  csph status                                   what runs
  csph logs --service hello -f                  its log
  csph keys add ~/.ssh/id_ed25519.pub           your own key, then in any app of yours:
  git remote add csph ssh://git@127.0.0.1:$(port "$SSH")/my-app && git push csph main

  $(printf '%-45s' "$down") stops csphd; apps and state stay
TXT
