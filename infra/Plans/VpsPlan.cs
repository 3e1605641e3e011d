using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

/// <summary>The one host of topology vps. Defaults: 8 vCPU and 32 GB, backups at 02:00 UTC kept for 7 days.</summary>
public sealed partial record VpsPlan
{
    /// <summary>IPv4 address of an existing host; <c>null</c>: the stack creates an instance.</summary>
    public required string? Host { get; init; }

    /// <summary>The region of tenants on an existing host; <c>null</c>: the stack's region.</summary>
    public required string? Region { get; init; }

    public required string InstanceType { get; init; }
    public int RootGib { get; init; } = 40;

    /// <summary>For the models, databases and backups of all tenants.</summary>
    public required int DataGib { get; init; }

    public string SnapshotTimeUtc { get; init; } = "02:00";
    public int SnapshotsKeptDays { get; init; } = 7;

    /// <summary>Ranges that may reach port 22.</summary>
    public required IReadOnlyList<string> SshFrom { get; init; }

    /// <summary>Ranges that may reach port 3001, the development environment.</summary>
    public required IReadOnlyList<string> VpnRanges { get; init; }

    /// <summary>OpenSSH public key; <c>null</c>: access through Session Manager only.</summary>
    public required string? SshPublicKey { get; init; }

    public required Release Release { get; init; }

    /// <summary>TCP ports the host may reach: web and mail submission.</summary>
    public IReadOnlyList<int> OutgoingPorts { get; init; } = [80, 443, 465, 587];

    public string Cidr { get; init; } = "10.30.0.0/24";

    public static VpsPlan Read(Settings settings, bool isRequired)
    {
        var plan = new VpsPlan
        {
            Host = settings.Optional("vps:host", AddressRange.IsAddress, "an IPv4 address, e.g. 192.0.2.10",
                "Address of an existing host. The stack then creates DNS records only, and outputs the command that installs the platform."),
            Region = settings.Optional("vps:hostRegion", RegionName().IsMatch, "a name in lower-case letters, digits and hyphens, e.g. berlin-1",
                "Region name of the existing host. It is recorded for its tenants and cannot be changed later."),
            InstanceType = settings.Text("vps:instanceType", InstanceTypeName().IsMatch, "an x86-64 EC2 instance type, e.g. m7i.2xlarge",
                "m7i.2xlarge", "Instance type of the host. The default has 8 vCPU and 32 GB."),
            DataGib = settings.Number("vps:dataGib", 200, 50, 16_384, "Size of the encrypted data volume in GiB."),
            SshFrom = settings.List("vps:sshFrom", AddressRange.IsRestricted,
                "IPv4 ranges with a prefix of /8 or longer, e.g. 198.51.100.7/32; 0.0.0.0/0 is not allowed", [],
                "Ranges that may reach port 22. Empty: none, use Session Manager."),
            VpnRanges = settings.List("vps:vpnRanges", AddressRange.IsPrivate, "private IPv4 ranges, e.g. 10.0.0.0/8", ["10.0.0.0/8"],
                "Ranges that may reach the development environment on port 3001."),
            SshPublicKey = settings.Optional("vps:sshPublicKey", OpenSshKey().IsMatch, "an OpenSSH public key, ssh-ed25519 or ssh-rsa",
                "SSH key of the first administrator."),
            Release = Release.Read(settings, isRequired),
        };
        settings.Require(plan.SshPublicKey is null || plan.SshFrom.Count > 0 || plan.Host is not null,
            "vps:sshPublicKey is set but vps:sshFrom is empty, so the key cannot be used. "
            + "Allowed: ranges that may reach port 22 in vps:sshFrom, or no key.");
        settings.Require((plan.Host is null) == (plan.Region is null),
            "Only one of vps:host and vps:hostRegion is set: an existing host needs a region name, an instance is in the stack's region. Allowed: both, or neither.");
        return plan;
    }

    [GeneratedRegex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    private static partial Regex RegionName();

    [GeneratedRegex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$")]
    private static partial Regex InstanceTypeName();

    [GeneratedRegex("^ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( .*)?$")]
    private static partial Regex OpenSshKey();
}

/// <summary>A published version of this project, pinned by version and digest.</summary>
public sealed partial record Release(string Version, string Sha256, string BaseUrl)
{
    public string Url => $"{BaseUrl}/v{Version}/controlplane-{Version}.tar.gz";

    public static Release Read(Settings settings, bool isRequired) => new(
        settings.Text("vps:release", value => value == "" || SemanticVersion().IsMatch(value), "a released version, e.g. 1.4.2", isRequired ? null : "",
            "Version to install; \"latest\" is not supported."),
        settings.Text("vps:releaseSha256", value => value == "" || Sha256Hex().IsMatch(value),
            "the SHA-256 of the release archive, 64 hexadecimal digits", isRequired ? null : "",
            "Digest of the archive. The installation fails if it differs."),
        settings.Text("vps:releaseBaseUrl", value => value == "" || HttpsUrl().IsMatch(value),
            "an https URL without a trailing slash", isRequired ? null : "",
            "Base URL of published releases: the archive is at {base}/v{version}/controlplane-{version}.tar.gz."));

    [GeneratedRegex("^[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.]+)?$")]
    private static partial Regex SemanticVersion();

    // No characters that are special to a shell: the URL becomes part of a script.
    [GeneratedRegex("^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*$")]
    private static partial Regex HttpsUrl();

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex Sha256Hex();
}
