/** For each metric: when to worry, or what it is good for. A test fails when one lacks its line, or a line its metric. */

export const worries: { readonly [name: string]: string } = {
  sidepool_upstream_requests_total:
    '`5xx` above a few in a hundred. `none`: the client left, or was cut off after its response had begun.',
  sidepool_upstream_request_duration_seconds:
    'The 99th percentile rises while that of `connect_seconds` and `wait_seconds` do not: the upstream has become slow.',
  sidepool_upstream_active_requests:
    'It grows and does not fall again: the upstream does not answer.',
  sidepool_upstream_connections: '`active` is at the limit, or `connecting` for long.',
  sidepool_upstream_connections_limit: 'For comparison: `pool.maxConnections`.',
  sidepool_upstream_connections_opened_total:
    'As fast as the requests: nothing is reused. See `connections_closed_total`.',
  sidepool_upstream_connections_closed_total:
    '`not-reusable` or `idle-closed-by-upstream` most of the time: the upstream keeps connections from being reused. [What each means](runbooks.md#sidepoolnoreuse).',
  sidepool_upstream_connection_age_seconds:
    'Most are closed within seconds: something closes them before they pay.',
  sidepool_upstream_connection_requests:
    'Around 1: no reuse. Always the same number: the upstream limits it.',
  sidepool_upstream_connect_seconds:
    'Near `timeouts.connect`. In any case: this is what each request would pay without the pool.',
  sidepool_upstream_dials_failed_total: 'Any, for longer than a restart takes.',
  sidepool_upstream_tls_resumed_total:
    'Far below the TLS handshakes: the upstream does not resume sessions, and each costs a round trip and its processor time.',
  sidepool_upstream_requests_reused_total: 'Below a half of the requests.',
  sidepool_upstream_requests_pipelined_total:
    '0 though `pipelining` is on: the upstream was marked as one that cannot.',
  sidepool_upstream_handshakes_saved_total: 'Never; it is what the pool is for.',
  sidepool_upstream_saved_seconds_total: 'Never; it is what the pool is for.',
  sidepool_upstream_stale_total:
    'More than one in a hundred requests outside of restarts: `pool.idleTimeout` is longer than what the upstream, or something on the way, keeps.',
  sidepool_upstream_retries_total:
    '`failed` or `budget-spent`: the trouble is general. [When a retry is made](how-retry-decides.md).',
  sidepool_upstream_retries_left: '0: failures reach the clients as they are.',
  sidepool_upstream_waiting: 'Above 0 for long: too few connections, or an upstream that is slow.',
  sidepool_upstream_wait_seconds: 'More than one in twenty above 0.1.',
  sidepool_upstream_waits_ended_total: 'Any: these requests got 503, or their clients left.',
  sidepool_upstream_endpoints:
    'No `live` one. `draining` for long: somebody keeps a connection to an endpoint that is gone.',
  sidepool_upstream_down: '1.',
  sidepool_upstream_endpoint_health:
    'Any `ejected` or `failing` for long: `/pools` names them. [Outliers](breaker.md).',
  sidepool_upstream_ejections_total: 'Again and again.',
  sidepool_upstream_panic: '1.',
  sidepool_upstream_panics_total: 'Any.',
  sidepool_upstream_breaker_open: '1.',
  sidepool_upstream_breaker_opened_total: 'Again and again.',
  sidepool_upstream_shed_total: 'Any: these requests got 503 without being tried.',
  sidepool_upstream_warm_wanted:
    'For comparison. 0 where idle connections would be closed within a second.',
  sidepool_upstream_warm_ready:
    'Below `warm_wanted` for long: dials fail, or the upstream closes idle connections.',
  sidepool_upstream_idle_limit_seconds: 'A second or less: connections hardly outlive a pause.',
  sidepool_upstream_idle_limit_learned_seconds:
    'It is there at all, and short: raise what the upstream keeps, if you can.',
  sidepool_upstream_source_ports:
    '`time-wait` by the thousand: somebody opens a connection for each request, Sidepool or the application.',
  sidepool_upstream_source_ports_limit:
    'For comparison: what `ip_local_port_range` of the kernel has, for each endpoint.',
  sidepool_upstream_source_ports_used_ratio:
    'Above 0.8. At 1 nothing can connect. Read at most a thousandth of the time, so it can be a minute old.',
  sidepool_upstream_bytes_total: 'By need.',
  sidepool_upstream_responses_repaired_total:
    'Any: the upstream breaks RFC 9112, and others will refuse what it sends.',
  sidepool_dns_resolutions_total:
    '`failed` without others between. `changed` with each answer is usual for some balancers.',
  sidepool_dns_resolution_seconds:
    'Above some tens of milliseconds; nobody waits for it but at the start.',
  sidepool_dns_addresses:
    '0: the name does not resolve. Many fewer than the upstream has pods: a ClusterIP has one.',
  sidepool_dns_answer_age_seconds: 'Far above a minute: it cannot be asked for again.',
  sidepool_faults_total: 'Any that rises. [What each kind means](proxy-status.md).',
  sidepool_client_connections: 'Near `limits.maxClients`.',
  sidepool_client_connections_total:
    'By need: beside `client_requests_total` it tells how many requests a connection carries.',
  sidepool_client_requests_total: 'By need.',
  sidepool_client_refused_total: 'Any: raise `limits.maxClients`, or the limit of descriptors.',
  sidepool_client_bytes_total: 'By need.',
  sidepool_config_last_reload_success:
    '0: the new configuration is wrong, and the old one in force.',
  sidepool_config_last_reload_timestamp_seconds: 'Not after a change that should have been read.',
  sidepool_config_reloads_total: '`refused`.',
  sidepool_draining: '1 for longer than `drain.deadline`.',
  sidepool_drains_total: 'By need.',
  sidepool_log_lines_held_back_total:
    'Rising all the time: the log does not tell everything, the metrics do.',
  sidepool_access_log_lines_total: 'By need.',
  sidepool_build_info: 'By need: who runs which version.',
  sidepool_event_loop_utilization: 'Above 0.8: one processor is all that a sidecar can use.',
  sidepool_event_loop_delay_seconds:
    '`p99` above 0.05: the sidecar itself makes requests slow. Too little processor time, mostly by a CPU limit.',
  sidepool_heap_used_bytes: 'Near `heap_limit_bytes`.',
  sidepool_heap_size_bytes: 'For comparison.',
  sidepool_heap_limit_bytes: 'For comparison.',
  sidepool_heap_allocated_bytes_total:
    'By need: what a request allocates, by its rate over that of requests.',
  sidepool_memory_external_bytes: 'It grows without end; `limits.bufferTotal` bounds held bodies.',
  sidepool_gc_runs_total: 'By need.',
  sidepool_gc_seconds_total: 'Above 0.1 a second: the heap is too small for the load.',
  sidepool_memory_anonymous_bytes: 'Near the memory limit of the container.',
  process_cpu_seconds_total: 'At the CPU limit of the container: it is throttled.',
  process_resident_memory_bytes:
    'By need; some 45 MB of it are the files of Node, which the pods of a node share.',
  process_open_fds: 'Near `process_max_fds`.',
  process_max_fds: 'For comparison. Each client and each upstream connection takes one.',
  process_start_time_seconds: 'It changes though nobody has deployed: it was restarted.',
  sidepool_controller_admissions_total:
    '`not-injected` (asked for a sidecar, starts without), `failed` (a defect), `bad-request` (no review). `unchanged` is a second call that found nothing missing; `refused` is by `strict`.',
  sidepool_controller_admission_duration_seconds:
    'Near `webhook.timeoutSeconds`. Milliseconds are usual.',
  sidepool_controller_errors_total: 'Rising: its log tells what with. Missing rights, as a rule.',
  sidepool_controller_rotations_total: 'More than a few in a month.',
  sidepool_controller_certificate_expiry_seconds: 'Below a third of the lifetime.',
  sidepool_controller_leader: 'The sum over the replicas is not 1.',
  sidepool_controller_native_sidecars: '0 though all nodes are new: one kubelet cannot be asked.',
  sidepool_controller_pods_missed: 'Above 0: these pods talk to their upstreams directly.',
  sidepool_controller_endpoint_streams: 'Falls to 0 while sidecars run: they use DNS meanwhile.',
  sidepool_controller_endpoint_lines_total: 'By need.',
  sidepool_controller_draining: 'By need.',
  sidepool_controller_build_info: 'Not there: no controller.',
  sidepool_controller_heap_used_bytes: 'Near the memory limit.',
};
