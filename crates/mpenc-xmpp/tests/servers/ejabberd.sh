#!/bin/sh
# Two nodes of ejabberd as one cluster on the loopback interface, for a test.
#   ejabberd.sh start FOLDER EPMD_PORT C2S_PORT_1 C2S_PORT_2 ACCOUNT...   (password: pw-ACCOUNT)
#   ejabberd.sh stop FOLDER EPMD_PORT
# FOLDER exists, is empty, and is on a path that user ejabberd can reach.
set -eu
what=$1 E=$2
export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$3 HOME=$E
shift 3

ctl() {
    node=$E/n$1
    shift
    ejabberdctl --config-dir "$node/conf" -f "$node/conf/ejabberd.yml" \
        -c "$node/conf/ejabberdctl.cfg" --spool "$node/spool" --logs "$node/logs" "$@"
}

if [ "$what" = stop ]; then
    for i in 1 2; do ctl $i stop || true; done
    for i in 1 2; do ctl $i stopped || true; done
    # It ends only when asked by name; this one is ours by its port.
    epmd -port "$ERL_EPMD_PORT" -kill || true
    exit 0
fi

i=0
for port in "$1" "$2"; do
    i=$((i + 1))
    node=$E/n$i
    mkdir -p "$node/conf" "$node/spool" "$node/logs" "$node/modules"
    : > "$node/conf/vm.args"
    cp /etc/ejabberd/inetrc "$node/conf/inetrc"
    cat > "$node/conf/ejabberd.yml" <<YML
hosts: ["localhost"]
loglevel: warning
auth_method: [internal]
auth_password_format: plain
certfiles: []
listen:
  - { port: $port, ip: "127.0.0.1", module: ejabberd_c2s, starttls_required: false, starttls: false, max_stanza_size: 262144 }
acl: { local: { user_regexp: "" } }
access_rules: { local: { allow: local }, c2s: { allow: all } }
modules:
  mod_muc:
    host: conference.localhost
    access: all
    access_create: all
    max_users: 500
    default_room_options: { persistent: false, public: false, anonymous: false }
    history_size: 0
    min_message_interval: 0
  mod_ping: {}
  mod_stream_mgmt: { resume_timeout: 60 }
  mod_disco: {}
  mod_admin_extra: {}
YML
    cat > "$node/conf/ejabberdctl.cfg" <<CFG
ERL_OPTIONS="-env ERL_CRASH_DUMP_BYTES 0 -kernel inet_dist_use_interface {127,0,0,1}"
ERLANG_NODE=ej$i@localhost
EJABBERD_PID_PATH=$node/ejabberd.pid
CONTRIB_MODULES_PATH=$node/modules
CFG
done
shift 2
if [ "$(id -u)" = 0 ]; then chown -R ejabberd: "$E"; fi
for i in 1 2; do ctl $i start; done
for i in 1 2; do ctl $i started; done
ctl 2 --no-timeout join_cluster ej1@localhost
for account in "$@"; do ctl 1 register "$account" localhost "pw-$account"; done
