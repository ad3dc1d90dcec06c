#!/usr/bin/env bash
# Installs dist/*.tgz into an empty npm prefix and dist/*.whl into an empty venv, runs the demo,
# fetches the page, stops it, uninstalls, and looks for what is left. Run "deno task package" first.
# PYTHON names the interpreter of the venv.
set -euo pipefail
cd "$(dirname "$0")/.."

version="$(deno eval 'import c from "./deno.json" with { type: "json" }; console.log(c.version)')"
folder="$(mktemp -d)"
trap 'jobs -p | xargs -r kill 2>/dev/null; rm -rf "${folder}"' EXIT
chmod 755 "${folder}"

# As a user without rights and without a home, where this user may switch to one and that one may
# read the interpreter.
nobody=()
if ((EUID == 0)); then nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent); fi

# check NAME PROGRAM: runs the program as a user would.
check() {
  local log="${folder}/$1.log" runner=("${nobody[@]}") pid port url
  if [[ "$1" == pip ]] && ! "${runner[@]}" "$2" version >/dev/null 2>&1; then
    echo "$1: started as $(id -un): another user cannot read $(head -n 1 "$2")"
    runner=()
  fi
  [[ "$("${runner[@]}" "$2" version)" == "vllm-metrics ${version}"* ]]
  port="$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')"
  url="http://127.0.0.1:${port}"
  (cd / && exec env LISTEN_ADDRESS="127.0.0.1:${port}" "${runner[@]}" "$2" demo) >"${log}" 2>&1 &
  pid=$!
  curl -fs --retry 20 --retry-delay 1 --retry-connrefused "${url}/-/ready" >/dev/null
  curl -fsS -H 'Accept: text/html' "${url}/" | grep '<title>' >/dev/null
  curl -fsS "${url}/metrics" | grep '^vllm_num_requests_running' >/dev/null
  kill -TERM "${pid}"
  wait "${pid}" || { echo "FAILED: $1: exit $? after SIGTERM"; cat "${log}"; exit 1; }
  if curl -fsS "${url}/-/ready" >/dev/null 2>&1; then echo "FAILED: $1 still runs"; exit 1; fi
  echo "$1: demo, page, metrics, stop: ok"
}

npm install --loglevel=error --global --no-fund --no-audit --prefix "${folder}/npm" ./dist/vllm-metrics-"${version}".tgz
check npm "${folder}/npm/bin/vllm-metrics"
du -sh "${folder}/npm" | cut -f 1
npm uninstall --loglevel=error --global --prefix "${folder}/npm" vllm-metrics
# Without install scripts, as many companies run npm.
npm install --loglevel=error --global --ignore-scripts --no-fund --no-audit --prefix "${folder}/npm" ./dist/vllm-metrics-"${version}".tgz
check npm-ignore-scripts "${folder}/npm/bin/vllm-metrics"
npm uninstall --loglevel=error --global --prefix "${folder}/npm" vllm-metrics
[[ -z "$(find "${folder}/npm" ! -type d)" ]]

"${PYTHON:-python3}" -m venv "${folder}/venv"
"${folder}/venv/bin/pip" install -q --disable-pip-version-check ./dist/vllm_metrics-*.whl
check pip "${folder}/venv/bin/vllm-metrics"
du -sh "${folder}/venv" | cut -f 1
"${folder}/venv/bin/pip" uninstall -q -y vllm-metrics deno
[[ -z "$(find "${folder}/venv" -name '*vllm*')" ]]
echo "uninstalled: nothing left"
