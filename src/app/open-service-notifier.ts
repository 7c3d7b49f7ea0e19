import { openHeartbeatFile } from './heartbeat-file.ts';
import type { ServiceNotifier } from './service-notifier.ts';
import { systemClock } from './system-clock.ts';
import { openSystemdNotifier } from './systemd-notify.ts';

const SILENT: ServiceNotifier = { ready() {}, stopping() {}, async close() {} };

/** For systemd or the health check of a container; does nothing where neither asks. */
export const openServiceNotifier = (env: NodeJS.ProcessEnv, warn: (text: string) => void): ServiceNotifier =>
  openSystemdNotifier(env, warn) ?? openHeartbeatFile(env, warn, systemClock) ?? SILENT;
