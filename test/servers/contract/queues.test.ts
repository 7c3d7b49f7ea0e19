import { describeAwsQueues } from '../../contract/aws-clouds.ts';
import { overServer } from './over-server.ts';

overServer('queues', describeAwsQueues);
