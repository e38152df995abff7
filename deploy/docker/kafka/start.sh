#!/bin/sh
# One broker that is its own controller, with a login for everybody (ADR 21). Passwords come from files of secrets.
set -eu
conf=/tmp/server.properties
password() { cat "/run/secrets/kafka_$1"; }
module=org.apache.kafka.common.security
umask 077
cat > "$conf" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=CLIENT://0.0.0.0:9092,CONTROLLER://localhost:9093
advertised.listeners=CLIENT://${ADVERTISED:-kafka}:9092
controller.listener.names=CONTROLLER
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=CLIENT
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.client.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.client.scram-sha-512.sasl.jaas.config=$module.scram.ScramLoginModule required username="admin" password="$(password admin)";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=$module.plain.PlainLoginModule required username="controller" password="$(password controller)" user_controller="$(password controller)";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:controller
log.dirs=/var/lib/kafka/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# One broker: what it has acknowledged is on the disk.
log.flush.interval.messages=1
CONF
if [ ! -e /var/lib/kafka/data/meta.properties ]; then
  set --
  for login in admin $LOGINS; do set -- "$@" --add-scram "SCRAM-SHA-512=[name=$login,password=$(password "$login")]"; done
  # It would tell the log what a login's password is checked against.
  /opt/kafka/bin/kafka-storage.sh format --standalone -t "$(cat /proc/sys/kernel/random/uuid | tr -d - | head -c 22)" -c "$conf" "$@" >/dev/null
fi
exec /opt/kafka/bin/kafka-server-start.sh "$conf"
