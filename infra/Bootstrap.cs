using System.Text.Json;

namespace ControlPlane.Infra;

/// <summary>
/// Installs the platform on an empty host: downloads the release archive, verifies its digest, unpacks it and runs its
/// <c>deploy/vps/install.sh</c>. All values are validated settings, so they need no quoting.
/// </summary>
public static class Bootstrap
{
    const string Data = "/var/lib/controlplane";

    /// <summary>A POSIX shell script, to run as root. It is idempotent, and upgrades when the release is newer.</summary>
    public static string Script(Plan plan)
    {
        var release = plan.Vps.Release;
        var target = $"/opt/controlplane/{release.Version}";
        return $"""
            #!/bin/sh
            set -eu
            # Not from the input, which may be this script.
            command -v curl >/dev/null || (apt-get update --quiet && apt-get install --quiet --yes curl ca-certificates) </dev/null >/dev/null
            archive=$(mktemp)
            trap 'rm -f "$archive"' EXIT
            curl --fail --silent --show-error --location --proto '=https' --retry 5 --output "$archive" {release.Url}
            echo "{release.Sha256}  $archive" | sha256sum --check --quiet -
            mkdir -p {target} {Data}
            tar --extract --gzip --file "$archive" --directory {target} --strip-components 1
            CONTROLPLANE_DOMAIN={plan.Domain} CONTROLPLANE_DATA={Data} CONTROLPLANE_REGION={plan.Vps.Region ?? plan.Region} \
                CONTROLPLANE_SSH_FROM="{string.Join(' ', plan.Vps.SshFrom)}" CONTROLPLANE_VPN_RANGES="{string.Join(' ', plan.Vps.VpnRanges)}" \
                {target}/deploy/vps/install.sh

            """;
    }

    /// <summary>The script as a single command. Without sudo, which not every Debian has, and which hides the SSH session from the installer.</summary>
    public static string Command(Plan plan, string login) =>
        $"ssh {login}@{plan.Vps.Host} sh -s <<'EOF'\n{Script(plan)}EOF";

    /// <summary>The script as parameters of the SSM document AWS-RunShellScript, without single quotes.</summary>
    public static string SsmParameters(Plan plan) =>
        JsonSerializer.Serialize(new { commands = Script(plan).Split('\n', StringSplitOptions.RemoveEmptyEntries) });

    /// <summary>User data of a new instance: mounts the data volume, which may already contain data, then runs the script.</summary>
    /// <param name="volumeId">For example vol-0123456789abcdef0. It is attached after the instance has started, so the user data waits for it.</param>
    public static string CloudInit(Plan plan, string volumeId)
    {
        var device = $"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volumeId.Replace("-", "", StringComparison.Ordinal)}";
        return $"""
            #cloud-config
            package_update: true
            package_upgrade: true
            packages: [ca-certificates, curl, unattended-upgrades]
            write_files:
              - path: /usr/local/sbin/mount-controlplane-data
                permissions: "0700"
                content: |
                  #!/bin/sh
                  set -eu
                  for attempt in $(seq 60); do [ -e {device} ] && break; sleep 5; done
                  blkid {device} && found=0 || found=$?
                  [ "$found" -ne 2 ] || mkfs.ext4 -L controlplane {device} # 2: there is no file system on it.
                  mkdir -p {Data}
                  grep -q LABEL=controlplane /etc/fstab || echo "LABEL=controlplane {Data} ext4 defaults,nofail 0 2" >> /etc/fstab
                  mountpoint -q {Data} || mount {Data}
              - path: /usr/local/sbin/install-controlplane
                permissions: "0700"
                content: |
            {Indent(Script(plan), 6)}
            runcmd:
              - /usr/local/sbin/mount-controlplane-data && /usr/local/sbin/install-controlplane

            """;
    }

    static string Indent(string text, int spaces) =>
        string.Join('\n', text.TrimEnd().Split('\n').Select(line => new string(' ', spaces) + line));
}
