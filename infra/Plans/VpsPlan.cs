using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

/// <summary>The one host of topology vps. Defaults: 8 vCPU and 32 GB, backups at 02:00 UTC kept for 7 days.</summary>
public sealed partial record VpsPlan
{
    /// <summary>IPv4 address of a host that exists; <c>null</c>: the stack makes an instance.</summary>
    public required string? Host { get; init; }

    /// <summary>Where that host stands, as tenants carry it; <c>null</c>: in the stack's region, as the instance does.</summary>
    public required string? Region { get; init; }

    public required string InstanceType { get; init; }
    public int RootGib { get; init; } = 40;

    /// <summary>Models, databases and backups of all tenants.</summary>
    public required int DataGib { get; init; }

    public string SnapshotTimeUtc { get; init; } = "02:00";
    public int SnapshotsKeptDays { get; init; } = 7;

    /// <summary>Who may reach port 22.</summary>
    public required IReadOnlyList<string> SshFrom { get; init; }

    /// <summary>Who may reach port 3001, the development environment.</summary>
    public required IReadOnlyList<string> VpnRanges { get; init; }

    /// <summary>OpenSSH public key; <c>null</c>: sign-in only through Session Manager.</summary>
    public required string? SshPublicKey { get; init; }

    public required Release Release { get; init; }

    /// <summary>TCP ports the host may reach: web and mail submission.</summary>
    public IReadOnlyList<int> OutgoingPorts { get; init; } = [80, 443, 465, 587];

    public string Cidr { get; init; } = "10.30.0.0/24";

    public static VpsPlan Read(Settings settings, bool needed)
    {
        var plan = new VpsPlan
        {
            Host = settings.Optional("vps:host", AddressRange.IsAddress, "an IPv4 address, e.g. 192.0.2.10",
                "A host that exists already. The stack then makes DNS records only, and prints the command that installs the platform there."),
            Region = settings.Optional("vps:hostRegion", RegionName().IsMatch, "a name in lower-case letters, digits and hyphens, e.g. berlin-1",
                "Where the existing host stands. Its tenants carry the name for good."),
            InstanceType = settings.Text("vps:instanceType", InstanceTypeName().IsMatch, "an x86-64 EC2 instance type, e.g. m7i.2xlarge",
                "m7i.2xlarge", "The host; the default has 8 vCPU and 32 GB."),
            DataGib = settings.Number("vps:dataGib", 200, 50, 16_384, "Size of the encrypted data volume in GiB."),
            SshFrom = settings.List("vps:sshFrom", AddressRange.IsNamed,
                "IPv4 ranges of at most /8, e.g. 198.51.100.7/32; the whole world is not allowed", [],
                "Who may reach port 22. Empty: nobody, sign in through Session Manager."),
            VpnRanges = settings.List("vps:vpnRanges", AddressRange.IsPrivate, "private IPv4 ranges, e.g. 10.0.0.0/8", ["10.0.0.0/8"],
                "Who may reach the development environment on port 3001."),
            SshPublicKey = settings.Optional("vps:sshPublicKey", OpenSshKey().IsMatch, "an OpenSSH public key, ssh-ed25519 or ssh-rsa",
                "Key of the first administrator."),
            Release = Release.Read(settings, needed),
        };
        settings.Must(plan.SshPublicKey is null || plan.SshFrom.Count > 0 || plan.Host is not null,
            "vps:sshPublicKey is set but vps:sshFrom is empty, so nobody could use it. "
            + "Allowed: name the ranges that may reach port 22, or leave out the key.");
        settings.Must((plan.Host is null) == (plan.Region is null),
            "vps:host and vps:hostRegion belong together: an existing host is not in the stack's region, and an instance always is. Allowed: both, or neither.");
        return plan;
    }

    [GeneratedRegex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    private static partial Regex RegionName();

    [GeneratedRegex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$")]
    private static partial Regex InstanceTypeName();

    [GeneratedRegex("^ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( .*)?$")]
    private static partial Regex OpenSshKey();
}

/// <summary>A published version of this project, named so that what was tested is what runs.</summary>
public sealed partial record Release(string Version, string Sha256, string BaseUrl)
{
    public string Url => $"{BaseUrl}/v{Version}/controlplane-{Version}.tar.gz";

    public static Release Read(Settings settings, bool needed) => new(
        settings.Text("vps:release", value => value == "" || SemanticVersion().IsMatch(value), "a released version, e.g. 1.4.2", needed ? null : "",
            "The version to install; there is no \"latest\"."),
        settings.Text("vps:releaseSha256", value => value == "" || Sha256Hex().IsMatch(value),
            "the SHA-256 of the release archive, 64 hexadecimal digits", needed ? null : "",
            "The archive is installed only if it has this digest."),
        settings.Text("vps:releaseBaseUrl", value => value == "" || HttpsAddress().IsMatch(value),
            "an https address without a slash at the end", needed ? null : "",
            "Where releases are published: the archive is at {base}/v{version}/controlplane-{version}.tar.gz."));

    [GeneratedRegex("^[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.]+)?$")]
    private static partial Regex SemanticVersion();

    // No quotes, spaces or other signs that mean something to a shell.
    [GeneratedRegex("^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*$")]
    private static partial Regex HttpsAddress();

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex Sha256Hex();
}
