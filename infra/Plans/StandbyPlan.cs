namespace ControlPlane.Infra.Plans;

/// <summary>The second region: where the primary copies its data to, and where the standby stack finds its primary.</summary>
public sealed record StandbyPlan
{
    /// <summary><c>null</c>: nothing is copied to another region.</summary>
    public required string? Region { get; init; }

    /// <summary>Name of the primary's stack; only a standby has one.</summary>
    public required string? PrimaryStack { get; init; }

    /// <summary>The standby has taken over: its database is its own, and its jobs run.</summary>
    public required bool Promoted { get; init; }

    public static StandbyPlan Read(Settings settings, StackRole role, string region)
    {
        var plan = new StandbyPlan
        {
            Region = settings.Optional("standby:region", Plan.RegionName().IsMatch, "the name of another AWS region, e.g. us-west-2",
                "Where databases, models and backups are copied to. In Europe, choose a second European region, or data leaves it."),
            PrimaryStack = settings.Optional("standby:primaryStack", value => value.Split('/').Length == 3, "organization/project/stack, e.g. acme/controlplane/prod",
                "The stack that this standby takes over from."),
            Promoted = settings.Flag("standby:promoted", false, "Turns the standby into the serving stack; there is no way back. docs/disaster-recovery.md"),
        };
        settings.Must(!plan.Promoted || role == StackRole.Standby, "standby:promoted is true, but controlplane:role is primary. Allowed: only with controlplane:role standby.");
        settings.Must(plan.Region != region || plan.Region is null, $"standby:region is \"{plan.Region}\", the stack's own region. Allowed: another region.");
        settings.Must(role == StackRole.Standby == (plan.PrimaryStack is not null),
            role == StackRole.Standby
                ? "standby:primaryStack is not set, but controlplane:role is standby. Allowed: organization/project/stack of the primary."
                : "standby:primaryStack is set, but controlplane:role is primary. Allowed: only with controlplane:role standby.");
        return plan;
    }
}
