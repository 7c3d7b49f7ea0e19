/** Instance families that share the vCPU quota of standard instances. */
const STANDARD = /^[acdhimrtz]/;

export const isStandardType = (instanceType: string): boolean => STANDARD.test(instanceType);
