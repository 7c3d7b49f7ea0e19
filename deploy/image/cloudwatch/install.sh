#!/usr/bin/env bash
# Installs the CloudWatch agent, which ships the log of this machine's worker, controller or web server to /imgcls/CLUSTER.
#
# Run it as root on Amazon Linux 2023, after the units are installed. Starts no service.
set -euo pipefail

readonly UNIT_DIR=/usr/lib/systemd/system
here=$(dirname "$(realpath "$0")")

put() {
  install -D -m 0644 "$here/$1" "$2"
}

dnf install -y -q amazon-cloudwatch-agent logrotate
put agent.service.conf "$UNIT_DIR/amazon-cloudwatch-agent.service.d/imgcls.conf"
put tmpfiles.conf /usr/lib/tmpfiles.d/imgcls.conf
put logrotate.conf /etc/logrotate.d/imgcls
for role in worker controller web; do
  put log.conf "$UNIT_DIR/imgcls-$role.service.d/log.conf"
done
systemctl disable amazon-cloudwatch-agent.service
systemctl enable logrotate.timer
