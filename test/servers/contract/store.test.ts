import { describeAwsStore } from '../../contract/aws-clouds.ts';
import { overServer } from './over-server.ts';

overServer('store', describeAwsStore);
