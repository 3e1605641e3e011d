namespace ControlPlane.Platform;

/// <summary>Facts about this installation that every module needs. Validated at start; docs/operations.md lists the settings.</summary>
public sealed record ControlPlaneOptions
{
    /// <summary>Environments are served at <c>{slug}.users.{Domain}</c>.</summary>
    public required string Domain { get; init; }

    /// <summary>Where the data of this installation's tenants is stored. Each tenant records it, and no installation of another region provisions it.</summary>
    public string Region { get; init; } = "local";

    /// <summary>Address of this control plane for browsers, without a trailing slash. Links in mails start with it.</summary>
    public required Uri PublicUrl { get; init; }

    /// <summary>Folder for mail, rendered environments and model storage.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Whether the test clock and test payments are allowed.</summary>
    public bool Sandbox { get; init; }

    public string AddressOf(string slug) => $"{slug}.users.{Domain}";
}
