//! What a broker of tests is told.

use std::path::Path;

use super::certificates::Certificates;

#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) plain: u16,
    pub(super) tls: u16,
    pub(super) controller: u16,
}

/// The `server.properties` of one broker that keeps its data in `folder`.
pub(super) fn properties(folder: &Path, certificates: &Certificates, ports: Ports) -> String {
    let Ports { plain, tls, controller } = ports;
    let (data, server) = (folder.join("data"), &certificates.server);
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{tls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
# Tokens that nobody signed: how a client comes to its token is what tests look at.
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";
ssl.keystore.type=PEM
ssl.keystore.location={server}
log.dirs={data}
# One broker: nothing can be copied.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Nothing to wait for, and little to write, in a cluster of one.
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
# A name that was mistyped is an error, and not a topic.
auto.create.topics.enable=false
# What was acknowledged is on the disk, as replicas would have it.
log.flush.interval.messages=1
# After a kill it takes writes again after 5 s; after 13 s without these two.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# Who waits for a compaction waits for a second, not for fifteen.
log.cleaner.backoff.ms=500
# Tests write records with stamps of the past, which retention would take after five minutes.
log.retention.check.interval.ms=86400000
",
        server = server.display(),
        data = data.display(),
    )
}
