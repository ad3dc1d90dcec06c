#!/bin/sh
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || :
  # Restarts after an upgrade; a new installation is not started.
  systemctl try-restart vllm-metrics.service || :
fi
