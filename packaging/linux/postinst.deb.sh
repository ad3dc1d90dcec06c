#!/bin/sh
set -e

if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
  if [ -n "${2-}" ]; then
    # An upgrade: restart the service where it runs.
    systemctl try-restart vllm-metrics.service || true
  else
    echo 'Set VLLM_METRICS_URL in /etc/default/vllm-metrics, then run:'
    echo '  systemctl enable --now vllm-metrics'
  fi
fi
