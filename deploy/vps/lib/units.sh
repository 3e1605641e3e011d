# Sourced by install.sh: writes the systemd units. None of them starts before the data disk is mounted.

controlplane() { "$here/controlplane.sh" "$@"; }

write_units() {
    units=$DESTDIR/etc/systemd/system
    mkdir -p "$units/docker.service.d" "$DESTDIR/usr/local/sbin"
    ln -sfn "$here/controlplane.sh" "$DESTDIR/usr/local/sbin/controlplane"
    cat >"$units/docker.service.d/controlplane.conf" <<EOF
[Unit]
RequiresMountsFor=$data
EOF
    cat >"$units/controlplane.service" <<EOF
[Unit]
Description=CFS LLM Platform
After=docker.service network-online.target
Wants=docker.service network-online.target
RequiresMountsFor=$data

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/controlplane start
ExecStop=/usr/local/sbin/controlplane stop
TimeoutStartSec=15min
LimitCORE=0

[Install]
WantedBy=multi-user.target
EOF
    cat >"$units/controlplane-backup.service" <<EOF
[Unit]
Description=Backup of the CFS LLM Platform's database
RequiresMountsFor=$data

[Service]
Type=oneshot
ExecStart=$here/backup.sh
LimitCORE=0
EOF
    # Before the disk snapshot at 02:00, so that the snapshot includes the latest backup.
    cat >"$units/controlplane-backup.timer" <<EOF
[Unit]
Description=Nightly backup of the CFS LLM Platform's database

[Timer]
OnCalendar=*-*-* 01:30:00 UTC
Persistent=true

[Install]
WantedBy=timers.target
EOF
    mkdir -p "$DESTDIR/etc/modules-load.d"
    echo bfq >"$DESTDIR/etc/modules-load.d/controlplane.conf"
    systemctl daemon-reload
    systemctl enable --quiet controlplane.service
    systemctl enable --quiet --now controlplane-backup.timer
}
