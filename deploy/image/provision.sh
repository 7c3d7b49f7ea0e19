#!/usr/bin/env bash
# Installs Node, the imgcls package, models and systemd units on a machine that becomes an image. Starts no service.
#
# Run it as root on a build machine with Amazon Linux 2023, Debian or Ubuntu (systemd 250 or newer). "imgcls ami build", Packer (imgcls.pkr.hcl) and
# EC2 Image Builder (component.yaml) run it. It needs the package registries of the system and npm, and the sources of models.
#
# Usage: provision.sh --package FILE.tgz [--model NAME]... [--heic]
# FILE.tgz is from "npm pack". Its lock file decides the version and the digest of every package that is installed.
# --heic installs the decoder of HEIC, which is covered by patents in some countries.
#
# The last line is "imgcls-provision: OK VERSION", or "imgcls-provision: FAILED STEP" with exit code 1.
set -euo pipefail
# The PATH that systemd sets for services.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

readonly HOME_DIR=/opt/imgcls
readonly PACKAGE_DIR=$HOME_DIR/lib/node_modules/imgcls
readonly DATA_DIR=/var/lib/imgcls
readonly COMPILE_CACHE=$HOME_DIR/compile-cache
readonly UNIT_DIR=/usr/lib/systemd/system
# As in the unit of workers.
readonly CONFINE="/usr/bin/python3 -IS $PACKAGE_DIR/deploy/systemd/confine.py"
# Installed if the system has no recent Node.
readonly NODE_VERSION=24.21.0

package=''
models=()
heic=no
step=arguments
# amzn, debian or ubuntu.
# shellcheck source=/dev/null
system=$(source /etc/os-release && echo "$ID")
# The npm command, and how to remove npm afterwards.
npm=npm
remove_npm=(true)

# Usage: run STEP FUNCTION
run() {
  step=$1
  echo "imgcls-provision: $step"
  "$2"
}

report_failure() {
  local code=$?
  ((code == 0)) || echo "imgcls-provision: FAILED $step"
}

fail() {
  echo "imgcls-provision: $*" >&2
  exit 1
}

read_arguments() {
  while (($# > 0)); do
    case $1 in
      --heic)
        heic=yes
        shift
        continue
        ;;
      --package) package=${2-} ;;
      --model) models+=("${2-}") ;;
      *) fail "unknown option $1." ;;
    esac
    shift 2 || fail "$1 needs a value."
  done
  [[ $package != '' ]] || fail '--package FILE.tgz is missing.'
  [[ -f $package ]] || fail "$package is not a file."
  package=$(realpath "$package")
  ((EUID == 0)) || fail 'run this script as root.'
}

install_node() {
  local major
  case $system in
    amzn)
      for major in 24 22; do
        dnf install -y -q "nodejs$major" "nodejs$major-npm" && break
      done
      alternatives --set node "/usr/bin/node-$major"
      npm=npm-$major
      remove_npm=(rpm --erase "nodejs$major-npm")
      ;;
    debian | ubuntu)
      export DEBIAN_FRONTEND=noninteractive
      apt-get update -qq
      apt-get install -y -qq --no-install-recommends ca-certificates curl python3 >/dev/null
      if ! command -v npm; then
        apt-get install -y -qq --no-install-recommends npm >/dev/null
        remove_npm=(apt-get purge -y -qq --auto-remove npm nodejs)
      fi
      install_from_npm "node-linux-$(node_architecture)@$NODE_VERSION"
      ln -sf "$HOME_DIR/bin/node" /usr/local/bin/node
      ;;
    *) fail "cannot install Node on this system ($system)." ;;
  esac
}

node_architecture() {
  case $(uname -m) in
    x86_64) echo x64 ;;
    aarch64) echo arm64 ;;
    *) fail "imgcls does not support $(uname -m)." ;;
  esac
}

install_from_npm() {
  "$npm" install --global --prefix "$HOME_DIR" --omit=dev --ignore-scripts --no-audit --no-fund -- "$1"
}

create_user() {
  id imgcls >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir "$DATA_DIR" --shell /usr/sbin/nologin imgcls
  install -d -m 0700 -o imgcls -g imgcls "$DATA_DIR"
}

# Nothing named imgcls comes from a registry, and its dependencies are those of its lock file.
install_package() {
  install -d "$PACKAGE_DIR"
  tar --extract --gzip --file "$package" --directory "$PACKAGE_DIR" --strip-components 1
  cp "$PACKAGE_DIR/dist/npm-shrinkwrap.json" "$PACKAGE_DIR/npm-shrinkwrap.json"
  (
    cd "$PACKAGE_DIR"
    "$npm" pkg delete devDependencies workspaces
    "$npm" ci --omit=dev --ignore-scripts --no-audit --no-fund
  )
  # npm keeps the file owners of some packages.
  chown -R root:root "$HOME_DIR"
  ln -sf "$PACKAGE_DIR/bin/imgcls.js" /usr/bin/imgcls
  install -d -o imgcls -g imgcls "$COMPILE_CACHE"
}

# In the version that the package asks for.
install_heic_decoder() {
  [[ $heic == yes ]] || return 0
  local version
  version=$(node -p 'require(process.argv[1]).peerDependencies["libheif-js"]' "$PACKAGE_DIR/package.json")
  install_from_npm "libheif-js@$version"
}

# Packages also contain binaries for other platforms.
prune_other_platforms() {
  local modules=$PACKAGE_DIR/node_modules
  find "$modules"/onnxruntime-node/bin -mindepth 3 -maxdepth 3 ! -path "*/linux/$(node_architecture)" -exec rm -r {} +
  find "$modules"/onnxruntime-node/bin -type d -empty -delete
  rm -rf "$modules"/@img/*linuxmusl* "$modules"/@img/*wasm32*
}

install_units() {
  local unit
  cp -r "$PACKAGE_DIR"/deploy/systemd/*.service "$PACKAGE_DIR"/deploy/systemd/*.service.d "$UNIT_DIR"
  systemctl enable imgcls-environment.service imgcls-read-ahead.service
  # Runners have the user of the worker: no program may look into another one's memory. A kernel without Yama has no such setting.
  echo '-kernel.yama.ptrace_scope = 2' >/usr/lib/sysctl.d/60-imgcls.conf
  # Faults of our units, not of those of the system that they depend on.
  systemd-analyze verify --man=no --recursive-errors=no "$UNIT_DIR"/imgcls-*.service
  # These machines need no login. With AWS's Default Host Management, the agent of Systems Manager gives operators a root shell.
  for unit in ssh.service ssh.socket sshd.service amazon-ssm-agent.service; do
    [[ ! -e $UNIT_DIR/$unit ]] || systemctl disable "$unit"
  done
}

# The CloudWatch agent is a package of Amazon Linux. On other systems the log stays in the journal.
install_log_agent() {
  if [[ $system == amzn ]]; then bash "$PACKAGE_DIR/deploy/image/cloudwatch/install.sh"; fi
}

# Runs a command with the user and environment of the units. Usage: as_service [NAME=value]... COMMAND
as_service() {
  runuser -u imgcls -- env -C "$DATA_DIR" HOME="$DATA_DIR" IMGCLS_DATA_DIR="$DATA_DIR" NODE_COMPILE_CACHE="$COMPILE_CACHE" "$@"
}

install_models() {
  local model
  for model in "${models[@]}"; do
    as_service imgcls model info "$model" >/dev/null 2>&1 || as_service imgcls model pull "$model"
  done
  # Optimises for this machine's CPU. A worker on another CPU does it itself.
  as_service imgcls model optimize
}

# A worker with confined runners must classify each sample as one of its expected classes. This also fills the compile cache.
classify_samples() {
  local scratch
  scratch=$(runuser -u imgcls -- mktemp -d)
  # shellcheck disable=SC2016 # It is JavaScript.
  as_service IMGCLS_DATA_DIR="$scratch" IMGCLS_RUNNERS_UNDER="$CONFINE" imgcls upload "$PACKAGE_DIR/samples" --format ndjson | node -e '
    const expected = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    const outcomes = require("node:fs").readFileSync(0, "utf8").trim().split("\n").map((line) => JSON.parse(line));
    const wrong = outcomes.filter(({ name, wnid }) => !expected[name]?.includes(wnid));
    for (const { name, label, error } of wrong) console.error(`${name}: ${label ?? error?.message}`);
    process.exit(wrong.length === 0 && outcomes.length === Object.keys(expected).length ? 0 : 1);
  ' "$PACKAGE_DIR/samples/expected.json"
  rm -r "$scratch"
}

# Also compiles the code that workers need only on AWS: starts a worker without a reachable cloud and stops it.
warm_compile_cache() {
  as_service timeout --preserve-status 5 env IMGCLS_CLOUD=aws IMGCLS_INPUT_BUCKET=none IMGCLS_OUTPUT_BUCKET=none IMGCLS_LOG_LEVEL=silent \
    AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none \
    AWS_EC2_METADATA_DISABLED=true imgcls worker
  # Services can read the cache, but must not change what another one runs.
  chown -R root:root "$COMPILE_CACHE"
  chmod -R a+rX "$COMPILE_CACHE"
}

# Removes what must differ between machines, what identifies the build machine, and what only the build needed.
clean_up() {
  "${remove_npm[@]}" >/dev/null || echo 'Kept npm, as another package needs it.'
  rm -rf /root/.npm "$DATA_DIR"/.npm /root/.bash_history
  if command -v dnf; then dnf clean all; fi
  if command -v apt-get; then apt-get clean && rm -rf /var/lib/apt/lists/*; fi
  rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
  rm -f /var/lib/systemd/random-seed
  : >/etc/machine-id
  if command -v cloud-init; then cloud-init clean --logs; fi
  find /var/log -type f -delete
}

main() {
  trap report_failure EXIT
  read_arguments "$@"
  run node install_node
  run user create_user
  run package install_package
  run heic install_heic_decoder
  run prune prune_other_platforms
  run units install_units
  run log-agent install_log_agent
  run models install_models
  run samples classify_samples
  run compile-cache warm_compile_cache
  run clean-up clean_up
  local version
  version=$(runuser -u imgcls -- imgcls --version)
  echo "imgcls-provision: OK $version"
}

main "$@"
