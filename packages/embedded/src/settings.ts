/**
 * What differs from PostgreSQL's own defaults, for one small machine that it shares with Waybill.
 * `fsync` and `synchronous_commit` are left on: what was acknowledged must survive a power cut in `dev` too.
 */
export const defaultSettings: Readonly<Record<string, string>> = {
  max_connections: '100',
  // The caches of run_queue and of the open partitions fit; a laptop does not miss it.
  shared_buffers: '128MB',
  // A page is logged in full at its first change after a checkpoint: fewer checkpoints, far less WAL. The price
  // is recovery time, bounded by max_wal_size (seconds).
  checkpoint_timeout: '15min',
  max_wal_size: '2GB',
  // Workers would take the cores that the dispatcher uses, and containers have only 64 MB of /dev/shm for them.
  max_parallel_workers_per_gather: '0',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Statements, failing rows and refused values hold users' data: they belong in the client's error, not in a log.
  log_min_error_statement: 'panic',
  log_min_messages: 'log',
  log_error_verbosity: 'terse',
};

export interface Listen {
  port: number;
  /** Absent on Windows. */
  socketDir: string | undefined;
}

/** `-c name=value` arguments; where to listen and what to log are not the caller's to change. */
export function settingArguments(settings: Record<string, string>, { port, socketDir }: Listen): string[] {
  const fixed = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: socketDir ?? '',
    logging_collector: 'off', // readiness is read from the log on stderr
    log_destination: 'stderr',
  };
  const all = { ...defaultSettings, ...settings, ...fixed };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
