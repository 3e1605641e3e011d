using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

public enum WarmStart
{
    /// <summary>Cold starts are not avoided.</summary>
    None,

    /// <summary>New instances start from a snapshot of an initialized one. Requires Lambda's managed .NET runtime; charged per gigabyte-second.</summary>
    SnapStart,

    /// <summary>Provisioned concurrency: instances are kept initialized, and charged whether used or not.</summary>
    Provisioned,
}

/// <summary>The control plane's functions and the throttling of their HTTP API.</summary>
public sealed partial record FunctionsPlan
{
    /// <summary>
    /// dotnet10 is Lambda's managed runtime since January 2026: AWS patches it, and it supports SnapStart. provided.al2023 runs a self-contained or
    /// native publish, whose executable is named bootstrap, for .NET versions without a managed runtime.
    /// </summary>
    public required string Runtime { get; init; }

    public required Artifacts Artifacts { get; init; }
    public required WarmStart WarmStart { get; init; }
    public int ProvisionedInstances { get; init; } = 2;

    /// <summary>Reserved concurrency of ingestion, guaranteed and at the same time its maximum, so that neither it nor the other functions starve.</summary>
    public required int UsageReserved { get; init; }

    /// <summary>The same for authorizations, of their own: however much usage arrives, calls are authorized.</summary>
    public required int AuthorizeReserved { get; init; }

    public required int RequestsPerSecond { get; init; }

    /// <summary>For usage and authorize, which tenants' gateways call for every chat.</summary>
    public int GatewayRequestsPerSecond => 5 * RequestsPerSecond;

    public int LogDays { get; init; } = 90;

    public FunctionPlan Api { get; init; } = new("api", "Portal and API", 1024, 29);
    public FunctionPlan Usage => new("usage", "Usage of tenants' gateways; drains the overflow queue", 1024, 29) { Reserved = UsageReserved };
    public FunctionPlan Authorize => new("authorize", "Authorizations for tenants' gateways", 1024, 29) { Reserved = AuthorizeReserved };
    public FunctionPlan Jobs { get; init; } = new("jobs", "All scheduled jobs except provision and storage", 2048, 900);
    public FunctionPlan Provision { get; init; } = new("provision", "Brings environments to their desired state and measures their storage", 1024, 900) { Reserved = 10 };

    /// <summary>The only function that connects as the database owner: migrations at every deployment, and rotation of the owner's password.</summary>
    public FunctionPlan Database { get; init; } = new("database", "Migrations, and rotation of the owner's password", 512, 300);

    public static FunctionsPlan Read(Settings settings)
    {
        var plan = new FunctionsPlan
        {
            Runtime = settings.OneOf("functions:runtime", ["dotnet10", "provided.al2023"], "dotnet10", "Lambda runtime of the functions."),
            Artifacts = new(settings.Text("functions:artifacts", ArtifactsLocation().IsMatch, "a folder, or s3://bucket/prefix of a release", "../artifacts/functions",
                "Location of functions.zip, relative to the folder infra. scripts/package-lambda creates it.")),
            WarmStart = settings.OneOf<WarmStart>("functions:warmStart", Plans.WarmStart.SnapStart, "How api, usage and authorize avoid cold starts."),
            UsageReserved = settings.Number("functions:usageReserved", 100, 1, 10_000, "Reserved concurrency of usage. The account's quota must leave 100 for the other functions."),
            AuthorizeReserved = settings.Number("functions:authorizeReserved", 100, 1, 10_000, "Reserved concurrency of authorize, likewise."),
            RequestsPerSecond = settings.Number("functions:requestsPerSecond", 200, 1, 10_000, "Maximum requests per second to the portal and the API; five times as many for usage and authorize."),
        };
        settings.Require(plan.WarmStart != WarmStart.SnapStart || plan.Runtime.StartsWith("dotnet", StringComparison.Ordinal),
            $"functions:warmStart is snapstart, which AWS does not support for functions:runtime {plan.Runtime}. Allowed: none or provisioned, or the runtime dotnet10.");
        return plan;
    }

    [GeneratedRegex("^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9._/-]*[A-Za-z0-9._-]|[A-Za-z0-9._/-]*[A-Za-z0-9._-])$")]
    private static partial Regex ArtifactsLocation();
}

/// <param name="MemoryMib">CPU is proportional; 1,769 MiB is one vCPU.</param>
/// <param name="TimeoutSeconds">API Gateway times out after 30; Lambda's maximum is 900.</param>
public sealed record FunctionPlan(string Name, string Description, int MemoryMib, int TimeoutSeconds)
{
    /// <summary>Reserved concurrency, which is also the maximum; <c>null</c>: shares the account's.</summary>
    public int? Reserved { get; init; }
}

/// <param name="Location">A folder, or s3://bucket/prefix. Use a prefix per release, so that a new release is a new key.</param>
public sealed record Artifacts(string Location)
{
    /// <summary>All functions share one package.</summary>
    const string Package = "functions.zip";

    public bool InS3 => Location.StartsWith("s3://", StringComparison.Ordinal);
    public string Bucket => Location.Split('/')[2];
    public string Key => $"{Location.Split('/', 4)[3]}/{Package}";
    public string File => $"{Location}/{Package}";
}
