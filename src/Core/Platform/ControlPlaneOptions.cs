namespace ControlPlane.Platform;

/// <summary>What every stage needs to know about this installation. Checked at start; see docs/operations.md for the settings.</summary>
public sealed record ControlPlaneOptions
{
    /// <summary>Environments live at <c>{slug}.users.{Domain}</c>.</summary>
    public required string Domain { get; init; }

    /// <summary>Where the data of this installation's tenants is. They carry its name, and no other installation brings them up.</summary>
    public string Region { get; init; } = "local";

    /// <summary>Where this control plane is reached from a browser, without a trailing slash. Links in mails start with it.</summary>
    public required Uri PublicUrl { get; init; }

    /// <summary>Folder for mail, rendered environments and model storage.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Whether the test clock and the sandbox payments may be used.</summary>
    public bool Sandbox { get; init; }

    public string AddressOf(string slug) => $"{slug}.users.{Domain}";
}
