#!/bin/busybox sh
# The first and only program of a virtual machine: loads modules, runs the suite once for each rung of the kernel's command
# line, switches the machine off.
/bin/busybox mkdir -p /applets /proc /sys /dev /run /tmp /root /etc
/bin/busybox --install -s /applets
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/applets HOME=/root NODE_NO_WARNINGS=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
ln -sf /proc/self/fd /dev/fd
hostname vm
ip link set lo up
while read -r module; do
  insmod "/modules/$module" || echo "could not load $module"
done </modules/order
ln -sf iptables-legacy /usr/sbin/iptables
echo "@@kernel $(uname -r)"
cd /topoprobe || exit 1
for rung in $(sed -n 's/.*rungs=\([a-z,]*\).*/\1/p' /proc/cmdline | tr , ' '); do
  TOPOPROBE_RUNG=$rung node --test-reporter=./build/test/kernels/guest/reporter.js build/test/kernels/guest/suite.js
done
echo @@end
poweroff -f
