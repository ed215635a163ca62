import { describeDriver } from '../../storage-drivers/driver-suite/driver-suite.js';
import { filesystemFixture } from './filesystem-fixture.js';

describeDriver('filesystem', filesystemFixture);
