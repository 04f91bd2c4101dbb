# The first process of the QEMU guest, from its initial file system. The host's root comes over 9p, read-only.
# From the kernel's command line: HARNESS_KERNEL (prepared folder on the host).
b=/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
end() { # octal digits of a byte; QEMU ends with twice that and one
    $b printf "\\$1" | $b dd of=/host/dev/port bs=1 seek=244 count=1 2>/dev/null ||
        $b printf "\\$1" | $b dd of=/dev/port bs=1 seek=244 count=1 2>/dev/null
    $b poweroff -f
    $b sleep 5
}
give_up() {
    echo "guest: $*"
    $b dmesg | $b tail -15
    end 053
}
echo "guest: up"
while read -r module arguments; do
    # The arguments of a module are words of their own.
    # shellcheck disable=SC2086
    $b insmod "/modules/$module" $arguments || give_up "insmod $module"
done </modules/order
$b mkdir -p /host
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro host /host || give_up "the host's root cannot be mounted"
for folder in dev proc sys; do
    $b mount --move /$folder /host/$folder || give_up "/$folder cannot be moved"
done
$b mount -t tmpfs -o mode=755 run /host/run
$b mkdir -p /host/run/out /host/run/tmp /host/dev/shm /host/dev/pts
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none,rw out /host/run/out || give_up "the results cannot be mounted"
$b mount -t tmpfs shm /host/dev/shm
$b mount -t devpts pts /host/dev/pts
$b ifconfig lo 127.0.0.1 up 2>/dev/null
$b cp $b /host/run/busybox
$b chroot /host /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run/tmp TMPDIR=/run/tmp \
    PYTHONDONTWRITEBYTECODE=1 HARNESS_GUEST=qemu HARNESS_MODULES="$HARNESS_KERNEL/modules" HARNESS_BUSYBOX=/run/busybox \
    /bin/sh /run/out/command >/host/run/out/output 2>&1
code=$?
echo $code >/host/run/out/code
$b dmesg >/host/run/out/dmesg
$b umount /host/run/out
[ $code = 0 ] && end 052
end 053
