namespace ControlPlane.Infra.Plans;

/// <summary>The second region: where the primary replicates its data to, and the primary stack of a standby.</summary>
public sealed record StandbyPlan
{
    /// <summary><c>null</c>: no replication to another region.</summary>
    public required string? Region { get; init; }

    /// <summary>Name of the primary stack; <c>null</c> unless this stack is a standby.</summary>
    public required string? PrimaryStack { get; init; }

    /// <summary>The standby has taken over: its database is writable, and its jobs run.</summary>
    public required bool Promoted { get; init; }

    public static StandbyPlan Read(Settings settings, StackRole role, string region)
    {
        var plan = new StandbyPlan
        {
            Region = settings.Optional("standby:region", Plan.RegionName().IsMatch, "the name of another AWS region, e.g. us-west-2",
                "Region to which databases, models and backups are replicated. Choose a European one if data must not leave Europe."),
            PrimaryStack = settings.Optional("standby:primaryStack", value => value.Split('/').Length == 3, "organization/project/stack, e.g. acme/controlplane/prod",
                "The primary stack of this standby."),
            Promoted = settings.Flag("standby:promoted", false, "Promotes the standby to the serving stack. This cannot be undone; see docs/disaster-recovery.md."),
        };
        settings.Require(!plan.Promoted || role == StackRole.Standby, "standby:promoted is true, but controlplane:role is primary. Allowed: only with controlplane:role standby.");
        settings.Require(plan.Region != region || plan.Region is null, $"standby:region is \"{plan.Region}\", the stack's own region. Allowed: another region.");
        settings.Require(role == StackRole.Standby == (plan.PrimaryStack is not null),
            role == StackRole.Standby
                ? "standby:primaryStack is not set, but controlplane:role is standby. Allowed: organization/project/stack of the primary."
                : "standby:primaryStack is set, but controlplane:role is primary. Allowed: only with controlplane:role standby.");
        return plan;
    }
}
