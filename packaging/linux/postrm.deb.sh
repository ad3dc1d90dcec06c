#!/bin/sh
set -e

if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
  # Secrets, the history and Deno's compiled code. With DynamicUser the folders are below "private".
  rm -rf /etc/vllm-metrics /var/lib/private/vllm-metrics /var/cache/private/vllm-metrics
  rm -rf /var/lib/vllm-metrics /var/cache/vllm-metrics
fi
