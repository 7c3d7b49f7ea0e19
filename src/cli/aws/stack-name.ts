export const stackNameOf = (cluster: string): string => `imgcls-${cluster}`;
