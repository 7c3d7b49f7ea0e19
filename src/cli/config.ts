import { loadSettings } from '../app/settings.ts';
import { describeSetting, environmentName, isSecret, settingNames } from '../core/settings/settings.ts';
import { screenOf } from './terminal/screen.ts';
import { drawTable } from './terminal/table.ts';

/** All settings as text, without secrets. */
export function config(flags: { format: 'table' | 'json'; cluster?: string; dataDir?: string }): string {
  const { format, ...overrides } = flags;
  const { settings, origins } = loadSettings(overrides);
  const rows = settingNames.map((name) => ({
    name,
    value: isSecret(name) && settings[name] !== undefined ? '***' : withoutPassword(settings[name] ?? null),
    from: origins[name],
    environment: environmentName(name),
    what: describeSetting(name),
  }));
  if (format === 'json') return `${JSON.stringify(rows, null, 2)}\n`;
  const head = ['setting', 'value', 'from', 'environment', 'description'];
  const cells = rows.map(({ name, value, from, environment, what }) => [
    name,
    String(value ?? '-'),
    from,
    environment,
    what,
  ]);
  const dropFirst = ['environment', 'description', 'from'];
  return `${drawTable(head, cells, { screen: screenOf(process.stdout), dropFirst, whole: ['setting', 'environment'] })}\n`;
}

/** Hides the password that a URL may contain. */
function withoutPassword<T>(value: T): T | string {
  if (typeof value !== 'string' || !URL.canParse(value)) return value;
  const url = new URL(value);
  if (url.password === '') return value;
  url.password = '***';
  return url.href;
}
