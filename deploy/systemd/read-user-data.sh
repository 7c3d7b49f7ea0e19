#!/usr/bin/env bash
# Writes the settings in the user data of this EC2 instance to a file that systemd reads (EnvironmentFile=).
#
# User data is a first line "#imgcls-environment", then lines NAME=value; empty lines and those that begin with # are
# skipped. Anything else is refused as a whole: user data that is meant for somebody else must not run this machine.
#
# Usage: read-user-data.sh FILE
set -euo pipefail
export LC_ALL=C
umask 077

readonly FILE=$1
readonly SERVICE=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
readonly PATIENCE_SECONDS=120

fail() {
  echo "imgcls-environment: $*" >&2
  exit 1
}

ask() {
  curl --silent --noproxy '*' --max-time 2 "$@"
}

# Early in the boot nobody answers yet. Version 2 of the service: a token first.
new_token() {
  until ask --fail --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$SERVICE/latest/api/token"; do
    ((SECONDS < PATIENCE_SECONDS)) || fail "the instance metadata service ($SERVICE) gives no token."
    sleep 0.2
  done
}

read_user_data() {
  local token answer
  token=$(new_token)
  while true; do
    # curl says 000 where it could not ask. Zero bytes, in a compressed text for instance, are none of ours.
    answer=$(ask --write-out '\n%{http_code}' --header "X-aws-ec2-metadata-token: $token" "$SERVICE/latest/user-data" | tr -d '\0') || true
    case ${answer##*$'\n'} in
      200) break ;;
      404) fail 'this machine has no user data; its launch template should say what it is to be.' ;;
      000 | 5*) ((SECONDS < PATIENCE_SECONDS)) || fail "the instance metadata service ($SERVICE) does not answer." ;;
      *) fail "the instance metadata service answered ${answer##*$'\n'}." ;;
    esac
    sleep 0.2
  done
  printf '%s\n' "${answer%$'\n'*}"
}

check_name() {
  case $1 in
    IMGCLS_TOKEN) fail 'IMGCLS_TOKEN does not belong into user data, which many may read: keep it in Secrets Manager and give IMGCLS_TOKEN_SECRET.' ;;
    # What the image itself has decided, and what would run a program of somebody else's choice.
    IMGCLS_DATA_DIR | IMGCLS_RUNNER_ENTRY | *[!A-Z0-9_]*) ;;
    IMGCLS_[A-Z]* | AWS_REGION | AWS_ENDPOINT_URL | AWS_ENDPOINT_URL_[A-Z]* | AWS_USE_DUALSTACK_ENDPOINT | AWS_USE_FIPS_ENDPOINT) return ;;
  esac
  fail "$1 may not be set by user data."
}

# systemd gives quotes and backslashes a meaning.
check_value() {
  case $2 in
    *[!\ -~]* | *[\"\'\\\`\$]* | ' '* | *' ') fail "the value of $1 has a character that may not be in it." ;;
  esac
}

main() {
  local text line role='' settings=''
  text=$(read_user_data)
  [[ ${text%%$'\n'*} =~ ^#imgcls-environment$'\r'?$ ]] || fail 'the user data does not begin with a line "#imgcls-environment".'
  while IFS= read -r line; do
    line=${line%$'\r'}
    [[ $line == '' || $line == '#'* ]] && continue
    [[ $line == *=* ]] || fail "a line of the user data is no NAME=value: ${line:0:40}"
    check_name "${line%%=*}"
    check_value "${line%%=*}" "${line#*=}"
    [[ $line == IMGCLS_ROLE=* ]] && role=${line#*=}
    settings+=$line$'\n'
  done <<<"$text"
  case $role in
    worker | controller | web) ;;
    *) fail "IMGCLS_ROLE is \"$role\"; it must be worker, controller or web." ;;
  esac
  printf '%s' "$settings" >"$FILE.new"
  mv "$FILE.new" "$FILE"
}

main
