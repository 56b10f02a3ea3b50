#!/bin/busybox sh
# The first process of a test guest. It brings up eth0 with the address on the kernel's command line, then runs
# commands from the serial console, one per line. Each line starts with a number, which the end marker repeats with the
# status when the command exits.
export PATH=/bin:/usr/bin
/bin/busybox mkdir -p /dev /proc /sys /tmp
/bin/busybox mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
stty -echo
dmesg -n 1
while read -r module; do
    insmod "/modules/$module" || echo "cannot load $module"
done </modules/order
for word in $(cat /proc/cmdline); do
    case $word in
        guest.address=*) address=${word#*=} ;;
    esac
done
until [ -e /sys/class/net/eth0 ]; do usleep 20000; done
ip link set lo up
ip address add "$address" dev eth0
ip link set eth0 up
echo "@@ready@@"
while read -r number command; do
    sh -c "$command" </dev/null
    echo "@@$number:$?@@"
done
