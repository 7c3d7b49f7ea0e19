/** What a deployment needs to know about a VPC. Implemented in src/aws/network.ts. */

export interface Subnet {
  id: string;
  vpc: string;
  zone: string;
  /** Its IPv4 range. Undefined: it has IPv6 only. */
  range?: string;
  hasIpv6: boolean;
  freeAddresses: number;
}

/** Where the route table of a subnet leads. */
export interface SubnetRoutes {
  table: string;
  /** To an internet gateway, which serves machines with a public address. */
  isPublic: boolean;
  /** To a NAT gateway, a transit gateway or the like, which serves all machines. */
  hasNat: boolean;
  /** By IPv6 to an egress-only or other internet gateway. */
  hasIpv6: boolean;
  /** The gateway endpoint to S3. */
  s3Endpoint?: string;
}

export interface Vpc {
  id: string;
  /** Its IPv4 ranges. */
  ranges: string[];
  hasDnsSupport: boolean;
  hasDnsHostnames: boolean;
}

/** An interface endpoint. */
export interface VpcEndpoint {
  id: string;
  /** `sqs`, `ec2`. */
  service: string;
  isAvailable: boolean;
  /** Whether the public name of the service leads to it in the whole VPC. Only one endpoint of a service can have that. */
  hasPrivateDns: boolean;
  groups: string[];
}

export interface Network {
  defaultVpc(): Promise<string | undefined>;
  vpc(id: string): Promise<Vpc>;
  subnetsOf(vpc: string): Promise<Subnet[]>;
  /** @throws {ImgclsError} if one of them does not exist. */
  subnets(ids: readonly string[]): Promise<Subnet[]>;
  /** By subnet. */
  routes(vpc: string, subnets: readonly string[]): Promise<Map<string, SubnetRoutes>>;
  endpoints(vpc: string): Promise<VpcEndpoint[]>;
  /** The IPv4 ranges that these security groups let in on port 443. */
  admitted(groups: readonly string[]): Promise<string[]>;
  /** The zones that offer an instance type. */
  zonesOf(instanceType: string): Promise<string[]>;
}
