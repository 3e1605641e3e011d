using static ControlPlane.Provisioning.RunKinds;

namespace ControlPlane.Provisioning;

/// <summary>Executes one step and returns a short description of the result. Repeated after a crash it changes nothing that exists already.</summary>
public delegate Task<string> StepAction(TenantEnvironment environment, Lease lease, CancellationToken ct);

/// <summary>The steps of each kind of run, and their implementations.</summary>
public sealed class ProvisioningSteps(
    TenantSecrets secrets, TenantDatabase database, IModelStorage storage, ISecretStore store, IDataPlane dataPlane, LastCopy lastCopy, WelcomeMail welcome)
{
    /// <summary>The steps of a run, in order. A deletion undoes them in reverse, and nothing is removed without a last copy.</summary>
    public static IReadOnlyList<string> Of(string kind) => kind switch
    {
        Provision => ["secrets", "database", "storage", "isolation", "workloads", "route", "health", "welcome"],
        Resume => ["secrets", "database", "storage", "isolation", "workloads", "route", "health"],
        // With the storage: the plan may have changed to one with an Ollama of its own.
        Restart => ["secrets", "database", "storage", "isolation", "workloads", "health"],
        Suspend => ["workloads"],
        // The route first: users have no access any more, also while a backup fails.
        Delete => ["route", "backup", "workloads", "isolation", "storage", "database", "secrets"],
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of provisioning run."),
    };

    /// <summary>One sentence for the tenant. What the step reported is for the operator.</summary>
    public static string DescribeFailure(string step) => step switch
    {
        "secrets" => "The environment's passwords and keys could not be stored.",
        "database" => "The environment's database could not be set up.",
        "storage" => "The storage for the environment's models could not be set up.",
        "isolation" => "The environment's private network could not be set up.",
        "workloads" => "Open WebUI or the model gateway could not be started.",
        "route" => "The environment's address could not be set up.",
        "health" => "The environment was started but does not respond.",
        "welcome" => "The welcome email could not be sent.",
        "backup" => "The last copy of the environment could not be made.",
        _ => "A step of the setup failed.",
    };

    /// <exception cref="StepFailedException">A run queued by another version of this program has a step that this one does not know.</exception>
    public StepAction Find(string kind, string name) => (kind, name) switch
    {
        (Delete, "secrets") => secrets.RemoveAsync,
        (Delete, "database") => database.RemoveAsync,
        (Delete, "storage") => (e, _, ct) => storage.RemoveAsync(e, ct),
        (Delete, "isolation") => (e, _, ct) => dataPlane.RemoveIsolationAsync(e, ct),
        (Delete, "workloads") => (e, _, ct) => dataPlane.RemoveWorkloadsAsync(e, ct),
        (Delete, "backup") => lastCopy.MakeAsync,
        (Delete, "route") => (e, _, ct) => dataPlane.RemoveRouteAsync(e, ct),
        (Suspend, "workloads") => (e, _, ct) => dataPlane.StopAsync(e, ct),
        (Restart, "workloads") => (e, _, ct) => dataPlane.RestartAsync(e, ct),

        (_, "secrets") => secrets.CreateAsync,
        (_, "database") => database.CreateAsync,
        (_, "storage") => (e, _, ct) => storage.CreateAsync(e, ct),
        (_, "isolation") => async (e, _, ct) => await dataPlane.IsolateAsync(e, await store.ReadAsync(e.Tenant, ct), ct),
        (_, "workloads") => (e, _, ct) => dataPlane.StartAsync(e, ct),
        (_, "route") => (e, _, ct) => dataPlane.RouteAsync(e, ct),
        (_, "health") => (e, _, ct) => dataPlane.AwaitHealthAsync(e, ct),
        (_, "welcome") => welcome.QueueAsync,
        _ => throw new StepFailedException($"This version does not know the step {name} of a run of kind {kind}."),
    };
}
