/**
 * The keys of nodes' `latest`, `sets` and `metrics`: each once, with its meaning, unit and writers. "Scope": Weave Scope's
 * probes write the key too, and its app reads it; that app ignores all others.
 */
import type { Node } from './model/model.js';

export const FACT = {
  // Several kinds of nodes
  /** Id of the host that the node is on. Scope; our probe. */
  hostNodeId: 'host_node_id',
  /** PID: of a process node, or of the process that has an endpoint's socket. Scope; our probe. */
  pid: 'pid',
  /** Of a process: its program's. Scope; our probe. */
  name: 'name',
  /** With a counter's name behind it: what old Scope probes count apart from their facts. Our decoder of reports. */
  counterPrefix: 'count_',

  // Endpoints, Scope's
  /** Connections that a client's endpoint stands for; absent: 1, or 0 where the endpoint opens none. */
  connCount: 'conn_count',
  /** Id of the endpoint that this one is another address of, by NAT. */
  copyOf: 'copy_of',
  /** Present: the endpoint is of a program that never opens connections. Scope alone. */
  doesNotMakeConnections: 'does_not_make_connections',
  /** Sets: names of the endpoint's address, by reverse look-up and by snooping. Old Scope probes alone. */
  reverseDnsNames: 'reverse_dns_names',
  snoopedDnsNames: 'snooped_dns_names',

  // A client's endpoint, by our probe: all over the connections that it stands for
  /** Of `conn_count`, connections that no earlier report had; absent: all. */
  connNew: 'conn_new',
  /** Payload bytes, as the client sent and received them. */
  bytesSent: 'bytes_sent',
  bytesReceived: 'bytes_received',
  /** Segments, by both ends as far as they were seen. */
  retransmits: 'retransmits',
  /** Mean smoothed round-trip time, microseconds. */
  rttMicros: 'rtt_us',
  /** Mean time from SYN to established, microseconds. */
  connectMicros: 'connect_us',
  /** How the client is known to be the client: the weakest `DirectionEvidence`. */
  directionEvidence: 'direction_evidence',
  /** Connects that failed, and the reasons, with commas between. */
  failedCount: 'failed_count',
  failedReason: 'failed_reason',
  /** PID that serves, where several processes serve the port; 0: none that has a PID now. */
  toPid: 'to_pid',
  /** Paths that an MPTCP connection goes over, the most of several connections. */
  mptcpSubflows: 'mptcp_subflows',
  /** `address:port` that was dialled, where NAT leads elsewhere. */
  natDestination: 'nat_destination',
  /** `address:port` that the client is to others, by NAT. */
  natSource: 'nat_source',

  // Any endpoint, by our probe
  /** How `pid` is known: a `PidEvidence`. */
  pidEvidence: 'pid_evidence',
  /** In place of `pid`: the process is gone and its PID is another's. */
  exitedPid: 'exited_pid',
  exitedName: 'exited_name',
  /** PIDs, blanks between: others that have the endpoint's sockets open. With `_more`: how many are not listed. */
  holderPids: 'holder_pids',
  holderPidsMore: 'holder_pids_more',
  /** Likewise: those that have the listening socket open, where several do. */
  listenerPids: 'listener_pids',
  listenerPidsMore: 'listener_pids_more',
  /** Where nobody answers: the program that listened last; `yes` where it listens still. */
  lastListenerName: 'last_listener_name',
  lastListenerListens: 'last_listener_listens',

  // Processes: Scope; our probe
  parentPid: 'ppid',
  commandLine: 'cmdline',
  threads: 'threads',
  /** Start of the process in clock ticks after boot. Our probe. */
  startTicks: 'start_ticks',
  /** Metrics: 100 is one core in full; bytes resident; descriptors, with the soft limit as most. */
  processCpuPercent: 'process_cpu_usage_percent',
  processMemoryBytes: 'process_memory_usage_bytes',
  openFilesCount: 'open_files_count',

  // Hosts: Scope; our probe
  hostName: 'host_name',
  /** Version of the program that reports. */
  hostScopeVersion: 'host_scope_version',
  controlProbeId: 'control_probe_id',
  kernelVersion: 'kernel_version',
  os: 'os',
  /** Seconds. */
  uptime: 'uptime',
  /** When the facts were taken, RFC 3339. */
  ts: 'ts',
  /** Set: CIDR texts. */
  localNetworks: 'local_networks',
  /** Metrics: load over a minute; 100 is one core in full; bytes, with the total as most. */
  load1: 'load1',
  hostCpuPercent: 'host_cpu_usage_percent',
  hostMemoryBytes: 'host_mem_usage_bytes',

  // Hosts, by our probe: which machine it is
  /** Digest of the machine's id, where it is from, and the id of this boot. */
  machineId: 'machine_id',
  machineIdFrom: 'machine_id_from',
  bootId: 'boot_id',

  // Hosts, by our probe: how complete the picture is
  /** `ebpf` or `procfs`. */
  connectionSource: 'connection_source',
  /** `files`, `sockets` or `events`: see probe/connections/ebpf/rungs.ts. */
  ebpfRung: 'ebpf_rung',
  /** Programs that the kernel refused, what is not seen without them, and why. */
  ebpfRefused: 'ebpf_refused',
  /** What is left out, such as network namespaces for want of descriptors, and what to do. */
  notSeen: 'not_seen',
  /** With a word behind it: what can't be seen from where the probe runs, and what to do. */
  notSeenPrefix: 'not_seen_',
  notSeenAddresses: 'not_seen_addresses',
  /** With a part of the probe behind it: what is done without, why, and what to do. */
  degradedPrefix: 'degraded_',
  /** Sockets of other nodes on the same kernel, which are only counted; absent: none. */
  foreignSockets: 'foreign_sockets',
  /** Ends of connections since the source was started: by the kernel's count, and those not seen. */
  connectionsOpened: 'connections_opened',
  connectionsMissed: 'connections_missed',
  /** Percent of them that were seen. */
  capturedPercent: 'captured_percent',
  /** `inode=missed/opened`, most first. */
  missedByNetns: 'missed_by_netns',
  /** Established sockets whose process was not known when the source was started. */
  socketsUnknown: 'sockets_unknown',
  /** Records that were lost since the last report. */
  recordsLost: 'records_lost',
  /** Ends of connections beyond the bounds (`--max-connections` …): living now, or ended since the last report. */
  otherConnections: 'other_connections',
  /** Of them failed connects; bytes and segments of those that ended. Absent where there are no such ends. */
  otherFailedConnects: 'other_failed_connects',
  otherBytesSent: 'other_bytes_sent',
  otherBytesReceived: 'other_bytes_received',
  otherRetransmits: 'other_retransmits',
  /** `inode=connections`, most first. */
  otherByNetns: 'other_by_netns',

  // Hosts, by our app
  /** When the last report came of a probe that has fallen silent, RFC 3339. */
  staleSince: 'stale_since',

  // Containers and images: Scope
  /** 64 hexadecimal digits; on processes, too. */
  containerId: 'docker_container_id',
  containerName: 'docker_container_name',
  containerHostname: 'docker_container_hostname',
  containerState: 'docker_container_state',
  containerStateHuman: 'docker_container_state_human',
  containerUptime: 'docker_container_uptime',
  /** Sets: `host:port->port/tcp` or `port/tcp`; `scope;address`. */
  containerPorts: 'docker_container_ports',
  containerIpsWithScopes: 'docker_container_ips_with_scopes',
  /** `true` or `false`. */
  containerIsInHostNetwork: 'docker_is_in_host_network',
  imageId: 'docker_image_id',
  imageName: 'docker_image_name',
  /** With a label's or a variable's name behind it. */
  containerLabelPrefix: 'docker_label_',
  containerEnvPrefix: 'docker_env_',

  // Kubernetes' objects and others: Scope
  kubernetesName: 'kubernetes_name',
  kubernetesNamespace: 'kubernetes_namespace',
  /** Of a pod, or the cluster address of a service. */
  kubernetesIp: 'kubernetes_ip',
  kubernetesState: 'kubernetes_state',
  kubernetesIsInHostNetwork: 'kubernetes_is_in_host_network',
  weavePeerNickName: 'weave_peer_nick_name',
} as const;

/** The value of a node's `latest` key. */
export function latestOf(node: Node | undefined, key: string): string | undefined {
  return node?.latest?.get(key)?.value;
}

/** More digits than these are beyond what a double counts exactly. */
const DECIMAL = /^\d{1,15}$/;

/** The same as a whole number that is not negative; undefined when it is none. */
export function numberOf(node: Node | undefined, key: string): number | undefined {
  const text = latestOf(node, key);
  return text !== undefined && DECIMAL.test(text) ? Number(text) : undefined;
}
