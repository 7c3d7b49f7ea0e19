import { ImgclsError } from '../core/errors.ts';
import { attendLocally } from './compose.ts';
import { mostWorkers, openProcessFleet, policySettings } from './compose-fleet.ts';
import { withRun } from './run.ts';
import { type ServeFlags, serveUntilInterrupted } from './serve.ts';

/** Runs `imgcls up`: all that one machine needs, until it is told to stop. */
export function up({ insecure, open, ...given }: ServeFlags): Promise<void> {
  const { debug: _debug, ...flags } = given as typeof given & { debug?: boolean };
  return withRun(flags, async (run) => {
    const { cloud, settings } = run;
    if (cloud.kind !== 'local') {
      throw new ImgclsError('usage', '"imgcls up" is for one machine, and the settings say cloud aws.', {
        hint: 'On AWS "imgcls scale" is the controller and "imgcls serve" the page.',
      });
    }
    const driver = openProcessFleet(cloud, settings, mostWorkers(cloud, settings));
    const policy = await policySettings(cloud, settings, driver);
    await serveUntilInterrupted(run, {
      insecure,
      open,
      attendance: attendLocally(cloud, settings, { driver, policy }),
    });
  });
}
