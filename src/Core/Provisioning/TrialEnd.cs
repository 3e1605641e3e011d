using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>What has been done about the end of a trial. In SQL the names are in lower case.</summary>
public enum TrialStage
{
    /// <summary>Nothing: it has not ended, or there is none.</summary>
    Running,
    /// <summary>The owners were told that it ends.</summary>
    Reminded,
    /// <summary>The owners were told that it has ended.</summary>
    Ended,
    /// <summary>The environment was stopped.</summary>
    Stopped,
    /// <summary>The owners were told when the environment is deleted.</summary>
    Warned,
    /// <summary>The deletion was requested. Not stored: the environment's own state says so.</summary>
    Deleted,
}

/// <summary>The end of a trial, in stages. Each begins some time after the one before it, also where the job was late, so that no email is followed too soon.</summary>
/// <param name="Since">When the stage began; null while the trial runs.</param>
/// <param name="EndsAt">null: there is no trial, or no longer.</param>
public sealed record TrialEnd(TrialStage Stage, DateTimeOffset? Since, DateTimeOffset? EndsAt)
{
    /// <summary>The trial begins when the environment is ready for the first time. Until then its end is provisional.</summary>
    public bool HasBegun { get; init; } = true;

    /// <summary>How long before its end the owners are reminded.</summary>
    public static readonly TimeSpan Reminder = TimeSpan.FromDays(3);

    /// <summary>How long the environment of a trial that has ended keeps running. Its calls are denied, but chats can still be exported.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromDays(3);

    /// <summary>From the last email to the deletion.</summary>
    public static readonly TimeSpan Notice = TimeSpan.FromDays(7);

    /// <param name="retention">How long the environment is kept after the trial's end: <see cref="RetentionClasses.Trials"/>.</param>
    /// <returns>The stage that is due; <see cref="TrialStage.Running"/> after an upgrade or an extension; null: nothing is due.</returns>
    public TrialStage? Next(DateTimeOffset now, TimeSpan retention) => Stage switch
    {
        TrialStage.Reminded when EndsAt is not { } end || now < end - Reminder => TrialStage.Running,
        > TrialStage.Reminded when EndsAt is not { } end || now < end => TrialStage.Running,
        TrialStage.Running or TrialStage.Reminded when now >= EndsAt => TrialStage.Ended,
        TrialStage.Running when now >= EndsAt - Reminder => TrialStage.Reminded,
        TrialStage.Ended when now >= StopsAt => TrialStage.Stopped,
        TrialStage.Stopped when now >= DeletesAt(retention) - Notice => TrialStage.Warned,
        TrialStage.Warned when now >= DeletesAt(retention) => TrialStage.Deleted,
        _ => null,
    };

    /// <summary>When the environment is stopped, unless the plan changes before; null when it was stopped, and without a trial.</summary>
    public DateTimeOffset? StopsAt => Stage switch
    {
        TrialStage.Running or TrialStage.Reminded => EndsAt + Grace,
        TrialStage.Ended => Since + Grace,
        _ => null,
    };

    /// <summary>When the environment is deleted with its data, unless the plan changes before. It may become later, but never earlier while the retention stays.</summary>
    /// <param name="retention">As for <see cref="Next"/>.</param>
    public DateTimeOffset? DeletesAt(TimeSpan retention)
    {
        var earliest = (StopsAt ?? Since) + Notice;
        return Stage == TrialStage.Warned || EndsAt + retention < earliest ? earliest : EndsAt + retention;
    }

    /// <returns>null before the tenant has an environment.</returns>
    public static Task<TrialEnd?> ReadAsync(Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.FirstAsync(Select, row => Read(row, 0), ct, tenant);

    /// <param name="column">The first of <see cref="Columns"/>.</param>
    internal static TrialEnd Read(NpgsqlDataReader row, int column) => new(
        Enum.Parse<TrialStage>(row.GetString(column), ignoreCase: true), row.Get<DateTimeOffset?>(column + 1), row.Get<DateTimeOffset?>(column + 2))
    {
        HasBegun = row.GetBoolean(column + 3),
    };

    /// <summary>Of <c>control.environment e</c> and <c>control.subscription s</c>.</summary>
    internal const string Columns = "e.trial_stage, e.trial_stage_at, s.trial_ends_at, e.first_ready_at is not null";

    const string Select = $"""
        select {Columns} from control.environment e join control.subscription s on s.tenant_id = e.tenant_id where e.tenant_id = $1
        """;
}
