/** Permissions do not bind root, as which containers run tests. */
const NOBODY = 65_534;

/** Runs `act` as a user without privileges. */
export async function asNobody(act: () => Promise<void>): Promise<void> {
  const user = process.geteuid?.() ?? NOBODY;
  if (user === 0) process.seteuid?.(NOBODY);
  try {
    await act();
  } finally {
    if (user === 0) process.seteuid?.(user);
  }
}
