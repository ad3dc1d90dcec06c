#!/bin/sh
# Starts the bundled program with the Deno of this package.
set -eu

# "provision" may also write files, for --export.
case "${1-}" in
  provision) options='@CLI@' ;;
  # With DynamicUser, systemd makes /var/lib/vllm-metrics a link to the last folder.
  *) options='@SERVE@,/var/lib/private/vllm-metrics' ;;
esac

export DENO_NO_UPDATE_CHECK=1
# shellcheck disable=SC2086
exec /usr/lib/vllm-metrics/deno $options /usr/lib/vllm-metrics/vllm-metrics.js "$@"
