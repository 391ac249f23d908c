#!/usr/bin/env bash
# A Postfix of the tests' own: its configuration, queue and mailbox are in one directory, and it listens on one port of the
# loopback interface, with STARTTLS and AUTH demanded. Needs root. Prints "ready" when it listens, and ends with its standard
# input, so that it never outlives the test that started it.
#
#   postfix.sh DIRECTORY PORT CERTIFICATE KEY USER PASSWORD OWNER
#
# Mails to whatever@example.com whose local part begins with "ann" go to DIRECTORY/postfix/mailbox/ann/new, which belongs to the
# user id OWNER; nobody else has a mailbox.
set -euo pipefail

directory=$1/postfix port=$2 certificate=$3 key=$4 user=$5 password=$6 owner=$7
export PATH="$PATH:/usr/sbin:/sbin"

mkdir -p "$directory"/{etc/sasl,queue,data,mailbox,log}
chmod 755 "$1" "$directory"
install -m 644 "$certificate" "$directory/etc/certificate.pem"
install -m 600 "$key" "$directory/etc/key.pem"

# The command reads the password from its input, as it would be typed.
printf '%s' "$password" | saslpasswd2 -p -c -f "$directory/etc/sasl/sasldb2" -u mail.example "$user"
cat > "$directory/etc/sasl/smtpd.conf" <<END
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: $directory/etc/sasl/sasldb2
mech_list: PLAIN LOGIN
END
chown -R postfix "$directory"/{data,etc/sasl}
chown "$owner" "$directory/mailbox"

cat > "$directory/etc/mailboxes" <<'END'
/^ann.*@example\.com$/ ann/
END
cat > "$directory/etc/main.cf" <<END
compatibility_level = 3.6
command_directory = $(postconf -dh command_directory)
daemon_directory = $(postconf -dh daemon_directory)
queue_directory = $directory/queue
data_directory = $directory/data
maillog_file = $directory/log/mail.log
maillog_file_prefixes = $directory/log
myhostname = mail.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = example.com
virtual_mailbox_base = $directory/mailbox
virtual_mailbox_maps = regexp:$directory/etc/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:$owner
virtual_gid_maps = static:$owner
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = $directory/etc/certificate.pem
smtpd_tls_key_file = $directory/etc/key.pem
smtpd_tls_received_header = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
# Debian looks beside its main.cf, whatever this says.
cyrus_sasl_config_path = $directory/etc/sasl
smtpd_sasl_local_domain = mail.example
smtpd_sasl_authenticated_header = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
END
cat > "$directory/etc/master.cf" <<END
127.0.0.1:$port inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
END

master=
stop() {
  # Not by the command: a test that failed may have taken the configuration away.
  if [[ -n $master ]]; then
    kill "$master" || true
    for _ in {1..200}; do
      [[ -e /proc/$master/exe ]] || break
      sleep 0.05
    done
  fi
  rm -rf "$directory"
}
trap stop EXIT
postfix -c "$directory/etc" start >"$directory/log/start" 2>&1 </dev/null
master=$(tr -d ' ' < "$directory/data/master.lock")
for _ in {1..600}; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo ready
    cat >/dev/null
    exit 0
  fi
  sleep 0.05
done
cat "$directory"/log/* >&2
exit 1
