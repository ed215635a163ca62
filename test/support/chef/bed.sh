#!/bin/sh
# Becomes a machine with a real systemd, docker and containerd units, on the files of this one: an overlay, so that
# nothing of this machine is changed. Run by `unshare` with mount, PID, network, UTS, IPC and cgroup namespaces of its own.
#   bed.sh DIRECTORY ADDRESS...       an empty directory, and addresses that the machine has on its loopback interface
# Sandboxing of units is systemd's own and real. Its processes die with process 1, its files with the namespace.
set -eu
bed=$1
shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$bed"
root=$bed/root
mkdir "$bed/upper" "$bed/work" "$root" "$bed/docker" "$bed/containerd"
mount -t overlay overlay -o "lowerdir=/,upperdir=$bed/upper,workdir=$bed/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  for controller in /sys/fs/cgroup/*/; do
    name=$(basename "$controller")
    mkdir "$root/sys/fs/cgroup/$name"
    case $name in
      unified) rmdir "$root/sys/fs/cgroup/$name" ;;
      systemd) mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/$name" ;;
      *) mount -t cgroup -o "$name" cgroup "$root/sys/fs/cgroup/$name" ;;
    esac
  done
fi
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"; done
mknod -m 666 "$root/dev/tty" c 5 0
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
# An overlay cannot lie on an overlay: the engines' own files are beside it.
for engine in docker containerd; do
  mkdir -p "$root/var/lib/$engine"
  mount --bind "$bed/$engine" "$root/var/lib/$engine"
done
ip link set lo up
for address in "$@"; do ip address add "$address/32" dev lo; done
# What the cookbook and the engines write starts out empty, whatever this machine has there.
for path in etc/systemd/system etc/docker etc/stackyard opt/stackyard opt/stackyard-releases var/lib/stackyard \
  root/.docker root/.config etc/containers/registries.conf.d etc/containers/certs.d etc/containerd/certs.d \
  usr/local/bin/stackyard etc/default/docker; do
  rm -rf "${root:?}/$path"
done
mkdir -p "$root/etc/systemd/system" "$root/etc/docker" "$root/etc/containers" "$root/srv/bed"
printf 'version = 2\n' >"$root/etc/containerd/config.toml"
cat >"$root/etc/systemd/system/bed.target" <<'UNIT'
[Unit]
Description=The machine of the tests
DefaultDependencies=no
Requires=systemd-journald.service
After=systemd-journald.service
UNIT
cd "$root"
mkdir -p .before
pivot_root . .before
umount -l /.before
exec env -i container=bed PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=bed.target --log-target=console --show-status=0
