# The first process of the User Mode Linux guest. Its root is the host's, read-only.
# From the kernel's command line: HARNESS_KERNEL (prepared folder) and HARNESS_OUT (results, writable).
b=$HARNESS_KERNEL/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t tmpfs -o mode=755 run /run
$b grep -q ' /dev ' /proc/mounts || $b mount -t devtmpfs dev /dev
give_up() {
    echo "guest: $*"
    $b dmesg | $b tail -15
    $b poweroff -f
}
$b mkdir -p /run/out /run/tmp /dev/shm /dev/pts
$b mount -t hostfs -o "$HARNESS_OUT" out /run/out || give_up "the results cannot be mounted"
$b mount -t tmpfs shm /dev/shm
$b mount -t devpts pts /dev/pts 2>/dev/null
$b ifconfig lo 127.0.0.1 up 2>/dev/null
echo "guest: up"
while read -r module arguments; do
    # The arguments of a module are words of their own.
    # shellcheck disable=SC2086
    $b insmod "$HARNESS_KERNEL/modules/$module" $arguments || give_up "insmod $module"
done <"$HARNESS_KERNEL/modules/order"
/usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run/tmp TMPDIR=/run/tmp \
    PYTHONDONTWRITEBYTECODE=1 HARNESS_GUEST=uml HARNESS_MODULES="$HARNESS_KERNEL/modules" HARNESS_BUSYBOX="$b" \
    /bin/sh /run/out/command >/run/out/output 2>&1
echo $? >/run/out/code
$b dmesg >/run/out/dmesg
$b umount /run/out
$b poweroff -f
