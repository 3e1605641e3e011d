using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

public enum WarmStart
{
    /// <summary>A cold start takes as long as it takes.</summary>
    None,

    /// <summary>New instances start from a snapshot of an initialized one. Only with .NET's own runtime; charged by the gigabyte-second.</summary>
    SnapStart,

    /// <summary>Some instances are always there; charged whether they work or not.</summary>
    Provisioned,
}

/// <summary>The control plane's functions, their HTTP interface, queues and schedules.</summary>
public sealed partial record FunctionsPlan
{
    /// <summary>
    /// dotnet10, Lambda's own runtime since January 2026: AWS patches it, and SnapStart works. provided.al2023 runs a self-contained or native
    /// publish (its executable called bootstrap), for whoever needs another .NET than AWS has.
    /// </summary>
    public required string Runtime { get; init; }

    public required Artifacts Artifacts { get; init; }
    public required WarmStart WarmStart { get; init; }
    public int ProvisionedInstances { get; init; } = 2;

    /// <summary>Instances that ingestion can always have, and never exceeds: it can neither starve nor be starved by the rest.</summary>
    public required int UsageReserved { get; init; }

    public required int RequestsPerSecond { get; init; }

    /// <summary>What tenants' gateways call for every chat: usage and authorize.</summary>
    public int GatewayRequestsPerSecond => 5 * RequestsPerSecond;

    public int LogDays { get; init; } = 90;

    public FunctionPlan Api { get; init; } = new("api", "Portal and API", 1024, 29);
    public FunctionPlan Usage => new("usage", "Usage and authorization, for tenants' gateways; drains the overflow", 1024, 29) { Reserved = UsageReserved };
    public FunctionPlan Jobs { get; init; } = new("jobs", "Every job of the schedule except provisioning", 2048, 900);
    public FunctionPlan Provision { get; init; } = new("provision", "Brings environments to their desired state", 1024, 900) { Reserved = 10 };

    /// <summary>The only one that signs in as the database's owner: migrations at every deployment, and the owner's new password.</summary>
    public FunctionPlan Database { get; init; } = new("database", "Migrations, and rotation of the owner's password", 512, 300);

    public static FunctionsPlan Read(Settings settings)
    {
        var plan = new FunctionsPlan
        {
            Runtime = settings.OneOf("functions:runtime", ["dotnet10", "provided.al2023"], "dotnet10", "Lambda runtime of the functions."),
            Artifacts = new(settings.Text("functions:artifacts", ArtifactsPlace().IsMatch, "a folder, or s3://bucket/prefix of a release", "../artifacts/functions",
                "Where functions.zip is, from the folder infra: scripts/package-lambda makes it.")),
            WarmStart = settings.OneOf<WarmStart>("functions:warmStart", Plans.WarmStart.SnapStart, "How api and usage avoid cold starts."),
            UsageReserved = settings.Number("functions:usageReserved", 100, 1, 10_000, "Concurrency reserved for usage. The account's quota must leave 100 for all others."),
            RequestsPerSecond = settings.Number("functions:requestsPerSecond", 200, 1, 10_000, "Most requests per second to the portal and the API; five times that for usage and authorize."),
        };
        settings.Must(plan.WarmStart != WarmStart.SnapStart || plan.Runtime.StartsWith("dotnet", StringComparison.Ordinal),
            $"functions:warmStart is snapstart, which AWS does not offer for functions:runtime {plan.Runtime}. Allowed: none or provisioned, or the runtime dotnet10.");
        return plan;
    }

    [GeneratedRegex("^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9._/-]*[A-Za-z0-9._-]|[A-Za-z0-9._/-]*[A-Za-z0-9._-])$")]
    private static partial Regex ArtifactsPlace();
}

/// <param name="MemoryMib">Lambda gives CPU in proportion; 1,769 is one vCPU.</param>
/// <param name="TimeoutSeconds">API Gateway waits no longer than 30; a job may take 900.</param>
public sealed record FunctionPlan(string Name, string Does, int MemoryMib, int TimeoutSeconds)
{
    /// <summary>Concurrency set aside for it, which is also its most; <c>null</c>: it shares the account's.</summary>
    public int? Reserved { get; init; }
}

/// <param name="Place">A folder, or s3://bucket/prefix. A release has a prefix of its own, so a new release is a new key.</param>
public sealed record Artifacts(string Place)
{
    /// <summary>One for all functions: they are one program, of one release.</summary>
    const string Package = "functions.zip";

    public bool InS3 => Place.StartsWith("s3://", StringComparison.Ordinal);
    public string Bucket => Place.Split('/')[2];
    public string Key => $"{Place.Split('/', 4)[3]}/{Package}";
    public string File => $"{Place}/{Package}";
}
