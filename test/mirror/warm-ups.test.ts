import assert from 'node:assert/strict';
import { RegistryError } from '../../src/errors/registry-error.js';
import { MirrorActivity } from '../../src/mirror/mirror-activity.js';
import { parseMirroredImage } from '../../src/mirror/mirrored-image.js';
import type { MirroredImage } from '../../src/mirror/mirrored-image.js';
import { WarmUps } from '../../src/mirror/warm-ups.js';
import { ImageWorld } from '../admin/image-world.js';
import { ManualClock, SECOND, settled } from '../audit/audit-world.js';
import { IMAGE, SmallMirror, SmallUpstream, upstreamOf } from './small-mirror.js';

const APP = parseMirroredImage('hub.test/library/app:1', [upstreamOf('hub.test')]);
const AMD = [{ os: 'linux', architecture: 'amd64' }];

describe('mirror/warm-ups', () => {
  let clock: ManualClock;
  let source: SmallUpstream;
  let world: ImageWorld;
  let activity: MirrorActivity;
  let warmUps: WarmUps;
  let open: () => void;
  let isReadOnly: boolean;
  beforeEach(async () => {
    clock = new ManualClock();
    world = await ImageWorld.open('memory');
    source = new SmallUpstream(world.store.clock, world.store.ids);
    source.gate = new Promise((resolve) => (open = resolve));
    activity = new MirrorActivity(['hub.test']);
    isReadOnly = false;
    const { registry, driver } = world;
    const mirror = new SmallMirror({ registry, driver, source }, activity.counters);
    const requireWritable = async (): Promise<void> => {
      if (isReadOnly) throw new RegistryError('UNSUPPORTED', 'the registry is read-only');
    };
    warmUps = new WarmUps({ mirror, activity, clock, readOnly: { requireWritable } });
  });
  const manifestsTaken = () => source.taken.filter((text) => text === '1').length;

  it('runs once for all who ask meanwhile, and tells all of them', async () => {
    const first = warmUps.ask(APP, AMD, 20 * SECOND);
    const second = warmUps.ask(APP, AMD, 20 * SECOND);
    const third = warmUps.run(APP, AMD);
    await settled();
    open();
    const [one, two, report] = await Promise.all([first, second, third]);
    assert.deepEqual(one, { state: 'done', began: true, report });
    assert.deepEqual(two, { state: 'done', began: false, report });
    assert.deepEqual([report.digest, report.fetched], [IMAGE.digest, 2]);
    assert.equal(manifestsTaken(), 1);
    const again = await warmUps.ask(APP, AMD, 20 * SECOND);
    assert.ok(again.state === 'done' && again.began && again.report.fetched === 0);
  });

  it('answers how far it is where it takes longer, and keeps the end for whoever asks again', async () => {
    const asking = warmUps.ask(APP, AMD, 20 * SECOND);
    await settled();
    await clock.advance(20 * SECOND);
    assert.deepEqual(await asking, { state: 'running', began: true, takenBytes: 0, totalBytes: 5002 });
    open();
    await settled();
    await settled();
    const told = await warmUps.ask(APP, AMD, 20 * SECOND);
    assert.ok(told.state === 'done' && !told.began && told.report.fetched === 2);
    assert.equal(manifestsTaken(), 1);
  });

  it('begins anew where nobody came for the end within a minute', async () => {
    const asking = warmUps.ask(APP, AMD, SECOND);
    await settled();
    await clock.advance(SECOND);
    await asking;
    open();
    await settled();
    await settled();
    await clock.advance(60 * SECOND);
    const told = await warmUps.ask(APP, AMD, SECOND);
    assert.ok(told.state === 'done' && told.began && told.report.fetched === 0);
  });

  it('remembers of each image what came of it last', async () => {
    open();
    source.failure = new RegistryError('UNAVAILABLE', 'hub.test is away');
    await assert.rejects(warmUps.run(APP, AMD), { message: 'hub.test is away' });
    const at = new Date(clock.now()).toISOString();
    assert.deepEqual(activity.lastWarmUp(APP.text), { at, outcome: 'failed', reason: 'hub.test is away' });
    source.failure = undefined;
    await warmUps.run(APP, AMD);
    assert.deepEqual(activity.lastWarmUp(APP.text), { at, outcome: 'ok', digest: IMAGE.digest });
  });

  it('takes nothing while the registry is read-only', async () => {
    isReadOnly = true;
    await assert.rejects(warmUps.ask(APP, AMD, SECOND), { code: 'UNSUPPORTED' });
    assert.deepEqual(source.taken, []);
  });

  it('runs sixteen at once, and refuses more', async () => {
    const images = Array.from({ length: 17 }, (_, at): MirroredImage => ({
      ...APP,
      text: `hub.test/library/app:1#${at}`,
    }));
    const asking = images.slice(0, 16).map((image) => warmUps.run(image, AMD));
    await settled();
    await assert.rejects(warmUps.run(images[16] ?? APP, AMD), { code: 'UNAVAILABLE' });
    open();
    await Promise.all(asking);
    await warmUps.run(images[16] ?? APP, AMD);
  });

  it('gives up when it is closed', async () => {
    const running = warmUps.run(APP, AMD);
    await settled();
    warmUps.close();
    open();
    await assert.rejects(running, { code: 'UNAVAILABLE', message: 'the server is stopping' });
  });
});
