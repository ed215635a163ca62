import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

const HEARTBEAT_MS = 1000;
const STALE_MS = 30_000;
const POLL_MS = 200;

/** Names of the owner files that this process wrote. */
const ours = new Set();

/**
 * Runs the work while no other process of this checkout does. The lock is a directory that holds exactly one file, named
 * after its owner: it appears with its owner by one rename (which fails unless the directory is absent or empty), and
 * taking the lock of a dead owner is the unlinking of that one name, so two cannot both take it.
 */
export async function withLock(lock, { onWait = () => {}, staleMs = STALE_MS } = {}, work) {
  const owner = `${process.pid}@${hostname()}@${randomUUID()}`;
  ours.add(owner);
  await acquire(lock, owner, onWait, staleMs);
  const file = join(lock, owner);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => {}); // a missed beat matters only when 30 are missed
  }, HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    ours.delete(owner);
    await ignoring(['ENOENT'], unlink(file));
    await ignoring(['ENOENT', 'ENOTEMPTY', 'EEXIST'], rmdir(lock));
  }
}

async function acquire(lock, owner, onWait, staleMs) {
  const mine = `${lock}.${owner}`;
  let waited = false;
  await mkdir(dirname(lock), { recursive: true });
  await mkdir(mine);
  await writeFile(join(mine, owner), '');
  try {
    while (!(await moved(mine, lock))) {
      const holder = await holderOf(lock);
      if (holder !== undefined && (await isStale(lock, holder, staleMs))) {
        await ignoring(['ENOENT'], unlink(join(lock, holder)));
        continue;
      }
      if (!waited) onWait();
      waited = true;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      await utimes(join(mine, owner), new Date(), new Date());
    }
  } catch (error) {
    await rm(mine, { recursive: true, force: true });
    throw error;
  }
  await removeDeadWaiters(lock, staleMs);
}

async function removeDeadWaiters(lock, staleMs) {
  const prefix = `${basename(lock)}.`;
  for (const name of await readdir(dirname(lock))) {
    if (!name.startsWith(prefix)) continue;
    const waiter = join(dirname(lock), name);
    if (await isStale(waiter, name.slice(prefix.length), staleMs))
      await rm(waiter, { recursive: true, force: true });
  }
}

async function moved(from, to) {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false;
    throw error;
  }
}

async function holderOf(lock) {
  const names = await ignoring(['ENOENT'], readdir(lock));
  return names?.[0];
}

async function isStale(lock, holder, staleMs) {
  const [pid, host] = holder.split('@');
  if (host === hostname() && !isAlive(Number(pid), holder)) return true;
  const file = await ignoring(['ENOENT'], stat(join(lock, holder)));
  return file !== undefined && Date.now() - file.mtimeMs > staleMs;
}

function isAlive(pid, holder) {
  // After a restart of a container an old owner may bear our own process id.
  if (pid === process.pid) return ours.has(holder);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

async function ignoring(codes, promise) {
  try {
    return await promise;
  } catch (error) {
    if (codes.includes(error.code)) return undefined;
    throw error;
  }
}
