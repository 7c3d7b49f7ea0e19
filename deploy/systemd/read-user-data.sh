#!/usr/bin/env bash
# Writes the settings from the user data of this EC2 instance to a file for systemd (EnvironmentFile=).
#
# User data has a first line "#imgcls-environment", then lines NAME=value. Empty lines and lines that begin with # are
# skipped. Any other line makes the script reject all of it, so that user data for another program is not applied.
#
# Usage: read-user-data.sh FILE
set -euo pipefail
export LC_ALL=C
umask 077

readonly FILE=$1
readonly SERVICE=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
readonly TIMEOUT_SECONDS=120

fail() {
  echo "imgcls-environment: $*" >&2
  exit 1
}

request() {
  curl --silent --noproxy '*' --max-time 2 "$@"
}

# IMDSv2 needs a token first. Early in the boot the service does not answer yet.
new_token() {
  until request --fail --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$SERVICE/latest/api/token"; do
    ((SECONDS < TIMEOUT_SECONDS)) || fail "timed out: the instance metadata service ($SERVICE) returns no token."
    sleep 0.2
  done
}

read_user_data() {
  local token answer
  token=$(new_token)
  while true; do
    # curl reports 000 without a response. Zero bytes, for example in compressed user data, are not valid settings.
    answer=$(request --write-out '\n%{http_code}' --header "X-aws-ec2-metadata-token: $token" "$SERVICE/latest/user-data" | tr -d '\0') || true
    case ${answer##*$'\n'} in
      200) break ;;
      404) fail 'this instance has no user data. Its launch template must set IMGCLS_ROLE and other settings there.' ;;
      000 | 5*) ((SECONDS < TIMEOUT_SECONDS)) || fail "timed out: the instance metadata service ($SERVICE) does not answer." ;;
      *) fail "the instance metadata service returned status ${answer##*$'\n'}." ;;
    esac
    sleep 0.2
  done
  printf '%s\n' "${answer%$'\n'*}"
}

check_name() {
  case $1 in
    IMGCLS_TOKEN) fail 'IMGCLS_TOKEN must not be in user data, which many identities can read. Store it in Secrets Manager and set IMGCLS_TOKEN_SECRET.' ;;
    # Settings that the image decides, and settings that would run another program.
    IMGCLS_DATA_DIR | IMGCLS_RUNNER_ENTRY | IMGCLS_RUNNERS_UNDER | *[!A-Z0-9_]*) ;;
    IMGCLS_[A-Z]* | AWS_REGION | AWS_ENDPOINT_URL | AWS_ENDPOINT_URL_[A-Z]* | AWS_USE_DUALSTACK_ENDPOINT | AWS_USE_FIPS_ENDPOINT) return ;;
  esac
  fail "$1 cannot be set in user data."
}

# Quotes and backslashes have a meaning for systemd.
check_value() {
  case $2 in
    *[!\ -~]* | *[\"\'\\\`\$]* | ' '* | *' ') fail "the value of $1 contains a character that is not allowed." ;;
  esac
}

main() {
  local text line role='' settings=''
  text=$(read_user_data)
  [[ ${text%%$'\n'*} =~ ^#imgcls-environment$'\r'?$ ]] || fail 'the first line of the user data is not "#imgcls-environment".'
  while IFS= read -r line; do
    line=${line%$'\r'}
    [[ $line == '' || $line == '#'* ]] && continue
    [[ $line == *=* ]] || fail "a line of the user data is not NAME=value: ${line:0:40}"
    check_name "${line%%=*}"
    check_value "${line%%=*}" "${line#*=}"
    [[ $line == IMGCLS_ROLE=* ]] && role=${line#*=}
    settings+=$line$'\n'
  done <<<"$text"
  case $role in
    worker | controller | web) ;;
    *) fail "IMGCLS_ROLE must be worker, controller or web, not \"$role\"." ;;
  esac
  printf '%s' "$settings" >"$FILE.new"
  mv "$FILE.new" "$FILE"
}

main
