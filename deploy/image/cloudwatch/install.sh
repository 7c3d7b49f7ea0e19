#!/usr/bin/env bash
# Has the CloudWatch agent ship the log of this machine's worker, controller or web server to the log group /imgcls/CLUSTER.
#
# For Amazon Linux 2023, whose packages the agent is one of, as root; after the units are installed. Nothing is started.
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
systemctl enable amazon-cloudwatch-agent.service logrotate.timer
